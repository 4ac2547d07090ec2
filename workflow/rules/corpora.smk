# Recordings -> clip tables. Where the configuration has a `synthetic` section, the recordings are made here.

if SYNTHETIC:

    rule synthesise_subject:
        output:
            truth=f"{DATA}/truth/{{corpus}}/{{subject}}.h5",
            receipt=f"{DATA}/raw/{{corpus}}/.receipts/{{subject}}.tsv",
        params:
            root=lambda wildcards: str(root(wildcards.corpus)),
            options=dict(sorted(config["synthetic"].items())),
            code=lambda wildcards: generator_code(wildcards.corpus),
        log:
            f"{LOGS}/synthesise/{{corpus}}/{{subject}}.log",
        conda:
            "../../environment.yml"
        script:
            "../scripts/synthesise_subject.py"

    rule synthesise_sheet:
        output:
            receipt=f"{DATA}/raw/{{corpus}}/.receipts/sheet/receipt.tsv",
        params:
            root=lambda wildcards: str(root(wildcards.corpus)),
            subjects=lambda wildcards: SUBJECTS[wildcards.corpus],
            options=dict(sorted(config["synthetic"].items())),
            code=lambda wildcards: generator_code(wildcards.corpus),
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
        notes=f"{DATA}/clips/{{corpus}}.notes.csv",
    params:
        root=root_of_job,
        source=source_params,
        subjects=lambda wildcards: SUBJECTS[wildcards.corpus],
        names=names_state,
        sheets=sheets_state,
        code=lambda wildcards: reader_code(wildcards.corpus, packages=("openpyxl", "xlrd")),
    log:
        f"{LOGS}/clips/{{corpus}}.log",
    conda:
        "../../environment.yml"
    script:
        "../scripts/clips.py"
