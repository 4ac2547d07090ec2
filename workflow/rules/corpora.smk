# Recordings -> clip tables. Where the configuration has a `synthetic` section, the recordings are made here.

if SYNTHETIC:

    GENERATOR = ("preprocess.corpora.synthetic", "preprocess.receipts")

    rule synthesise_subject:
        output:
            truth=f"{DATA}/truth/{{corpus}}/{{subject}}.h5",
            receipt=f"{DATA}/raw/.receipts/{{corpus}}/{{subject}}.tsv",
        params:
            root=lambda wildcards: str(root(wildcards.corpus)),
            options=config["synthetic"],
            code=lambda wildcards: code_digest(*GENERATOR, f"{GENERATOR[0]}.layouts.{wildcards.corpus}"),
        log:
            f"{LOGS}/synthesise/{{corpus}}/{{subject}}.log",
        conda:
            "../../environment.yml"
        script:
            "../scripts/synthesise_subject.py"

    rule synthesise_sheet:
        output:
            receipt=f"{DATA}/raw/.receipts/{{corpus}}.sheet.tsv",
        params:
            root=lambda wildcards: str(root(wildcards.corpus)),
            subjects=lambda wildcards: SUBJECTS[wildcards.corpus],
            options=config["synthetic"],
            code=lambda wildcards: code_digest(*GENERATOR, f"{GENERATOR[0]}.layouts.{wildcards.corpus}"),
        log:
            f"{LOGS}/synthesise/{{corpus}}.log",
        conda:
            "../../environment.yml"
        script:
            "../scripts/synthesise_sheet.py"


rule clips:
    input:
        generated,
    output:
        clips=f"{DATA}/clips/{{corpus}}.csv",
        skipped=f"{DATA}/clips/{{corpus}}.skipped.csv",
    params:
        root=lambda wildcards: str(root(wildcards.corpus)),
        subjects=lambda wildcards: SUBJECTS[wildcards.corpus],
        exclude=lambda wildcards: config["corpora"][wildcards.corpus].get("exclude", {}),
        names=names_state,
        sheets=sheets_state,
        code=lambda wildcards: code_digest(f"preprocess.corpora.{wildcards.corpus}"),
    log:
        f"{LOGS}/clips/{{corpus}}.log",
    conda:
        "../../environment.yml"
    script:
        "../scripts/clips.py"
