# What the stages did, to be looked at: a sheet of one clip a corpus, and a page of every clip's numbers.


rule picture:
    input:
        clips=f"{DATA}/clips/{{corpus}}.csv",
        # Whom the licence forbids to show is refused before any job runs, also if asked for by this file's name.
        faces=lambda wildcards: looked_up(
            lambda corpus: f"{DATA}/faces/{wildcards.corpus}/{corpus.showable(wildcards.subject)}.csv",
            wildcards.corpus,
        ),
        align=f"{DATA}/align/{{corpus}}/{{subject}}.csv",
        apex=f"{DATA}/apex/{{corpus}}/{{subject}}.csv",
        flow=f"{DATA}/flow/{{corpus}}/{{subject}}.h5",
        cache=f"{DATA}/cache/28/{{corpus}}/{{subject}}.h5",
        truth=f"{DATA}/truth/{{corpus}}/{{subject}}.h5" if SYNTHETIC else [],
    output:
        # Shows a face: it stays under data/, which is never committed, and out of a report, which is passed on.
        (
            report(
                f"{DATA}/pictures/{{corpus}}/{{subject}}.png",
                category="Clips",
                caption="../report/picture.rst",
                labels={"corpus": "{corpus}", "subject": "{subject}"},
            )
            if SYNTHETIC
            else f"{DATA}/pictures/{{corpus}}/{{subject}}.png"
        ),
    params:
        root=root_of_job,
        frames=frames_state,
        exclude=excluded_of_subject,
        code=uses("preprocess.picture", packages=("matplotlib",)),
    log:
        f"{LOGS}/pictures/{{corpus}}/{{subject}}.log",
    conda:
        "../../environment.yml"
    script:
        "../scripts/picture.py"


rule quality:
    input:
        clips=f"{DATA}/clips/{{corpus}}.csv",
        faces=lambda wildcards: of_subjects("faces", wildcards.corpus, "csv"),
        align=lambda wildcards: of_subjects("align", wildcards.corpus, "csv"),
        apex=lambda wildcards: of_subjects("apex", wildcards.corpus, "csv"),
        flow=lambda wildcards: of_subjects("flow", wildcards.corpus, "h5"),
    output:
        table=report(
            f"{DATA}/quality/{{corpus}}.csv",
            category="Quality",
            caption="../report/quality.rst",
            labels={"corpus": "{corpus}", "what": "every clip"},
        ),
        page=report(
            f"{DATA}/quality/{{corpus}}.png",
            category="Quality",
            caption="../report/quality.rst",
            labels={"corpus": "{corpus}", "what": "at a glance"},
        ),
    params:
        title=lambda wildcards: RUN.providers[wildcards.corpus].title,
        code=uses("preprocess.quality", "preprocess.quality_page", packages=("matplotlib",)),
    log:
        f"{LOGS}/quality/{{corpus}}.log",
    conda:
        "../../environment.yml"
    script:
        "../scripts/quality.py"
