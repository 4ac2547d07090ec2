# Caches or sequences -> predictions. A fold's training job is given neither its test subjects' nor any test label.


LEARNING = ("torch", "timm", "numpy", "scikit-learn")

for name, folds in FOLDS.items():

    # One rule a protocol, because its outputs, one list per fold, are known but differ in number.
    rule:
        name:
            f"lists_{name}"
        input:
            clips=expand(f"{DATA}/clips/{{corpus}}.csv", corpus=PROTOCOLS[name].subjects),
        output:
            train=expand(f"{DATA}/protocols/{name}/train/{{fold}}.csv", fold=[fold.name for fold in folds]),
            test=f"{DATA}/protocols/{name}/test.csv",
            skipped=f"{DATA}/protocols/{name}/skipped.csv",
            labels=f"{RESULTS}/labels/{name}.csv",
            coverage=f"{RESULTS}/labels/{name}.json",
        params:
            protocol=name,
            subjects=RUN.subjects_of(name),
            exclude={corpus: RUN.excluded(corpus) for corpus in PROTOCOLS[name].subjects},
            synthetic=SYNTHETIC,
            providers={corpus: RUN.providers[corpus].name for corpus in PROTOCOLS[name].subjects},
            code=uses("protocols.lists", "protocols.coverage", f"protocols.definitions.{name}"),
        log:
            f"{LOGS}/lists/{name}.log",
        conda:
            "../../environment.yml"
        script:
            "../scripts/lists.py"


rule train:
    input:
        unpack(training_inputs),
        labels=TRAINING_LIST,
    output:
        checkpoint=f"{DATA}/models/{{protocol}}/{{model}}/{{fold}}/seed{{seed}}.pt",
        curve=f"{DATA}/models/{{protocol}}/{{model}}/{{fold}}/seed{{seed}}.csv",
    params:
        recipe=recipe_of,
        classes=lambda wildcards: list(PROTOCOLS[wildcards.protocol].classes),
        code=lambda wildcards: uses("merba.train", module_of(recipe_of(wildcards)["model"]), packages=LEARNING),
    log:
        f"{LOGS}/train/{{protocol}}/{{model}}/{{fold}}/seed{{seed}}.log",
    conda:
        "../../environment.yml"
    script:
        "../scripts/train.py"


rule predict:
    input:
        unpack(test_inputs),
        test=TEST_LIST,
        checkpoints=checkpoints,
    output:
        f"{RESULTS}/predictions/{{protocol}}/{{model}}/seed{{seed}}.csv",
    params:
        code=lambda wildcards: uses("merba.predict", module_of(recipe_of(wildcards)["model"]), packages=LEARNING),
    log:
        f"{LOGS}/predict/{{protocol}}/{{model}}/seed{{seed}}.log",
    conda:
        "../../environment.yml"
    script:
        "../scripts/predict.py"


rule curves:
    input:
        training_logs,
    output:
        f"{RESULTS}/curves/{{protocol}}_{{model}}.csv",
    params:
        code=uses(),
    log:
        f"{LOGS}/curves/{{protocol}}/{{model}}.log",
    conda:
        "../../environment.yml"
    script:
        "../scripts/curves.py"
