# Caches or sequences -> predictions. A fold's training job is given neither its test subjects' nor any test label; for
# jobs of several folds see `pack` below.


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


if PACK == PACK_SEEDS == 1:

    rule train:
        input:
            unpack(training_inputs),
            labels=TRAINING_LIST,
        output:
            checkpoints=f"{DATA}/models/{{protocol}}/{{model}}/{{fold}}/seed{{seed}}.pt",
            curves=f"{DATA}/models/{{protocol}}/{{model}}/{{fold}}/seed{{seed}}.csv",
        params:
            folds=lambda wildcards: [wildcards.fold],
            seeds=lambda wildcards: [wildcards.seed],
            recipe=recipe_of,
            classes=classes_of,
            code=learning_code("merba.train"),
        resources:
            gpu=gpus,
        log:
            f"{LOGS}/train/{{protocol}}/{{model}}/{{fold}}/seed{{seed}}.log",
        conda:
            "../../environment.yml"
        script:
            "../scripts/train.py"

else:

    # The same for several folds and seeds in one job: `pack` and `pack_seeds` of the configuration say how many. It
    # is given the caches of all their training subjects, among them test subjects of others; `merba.fold.read_folds` keeps
    # them apart. One rule a job, because the files it makes are known but share no pattern.
    for name, protocol, row, seeds, names in packs():
        made = f"{DATA}/models/{protocol}/{row}/{{fold}}/seed{{seed}}"

        rule:
            name:
                f"train_{name}"
            input:
                **seen_by_pack(protocol, row, names),
                labels=[TRAINING_LIST.format(protocol=protocol, fold=fold) for fold in names],
            output:
                checkpoints=of_each(names, seeds, f"{made}.pt"),
                curves=of_each(names, seeds, f"{made}.csv"),
            params:
                folds=names,
                seeds=seeds,
                recipe=recipe_of(row_named(protocol, row)),
                classes=classes_of(row_named(protocol, row)),
                code=learning_code("merba.train")(row_named(protocol, row)),
            resources:
                gpu=gpus(row_named(protocol, row)),
            log:
                f"{LOGS}/train/{name}.log",
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
        code=learning_code("merba.predict"),
    resources:
        gpu=gpus,
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
        code=uses("protocols.curves"),
    log:
        f"{LOGS}/curves/{{protocol}}/{{model}}.log",
    conda:
        "../../environment.yml"
    script:
        "../scripts/curves.py"
