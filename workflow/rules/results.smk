# Predictions -> scores, tables, figures. Only the scorer reads test labels.


# Per protocol, the models that only show what little effort reaches.
FLOORS = {
    protocol: [
        model
        for model, settings in models.items()
        if declaration((settings or {}).get("model", model)).paper.fidelity == "floor"
    ]
    for protocol, models in config["protocols"].items()
}
# The scorer's tables of one protocol are `<kind><protocol>.csv`.
SCORED = ("", "intervals_", "comparisons_", "subjects_")


rule run_record:
    input:
        prediction_files(),
    output:
        f"{RESULTS}/run.json",
    params:
        run={
            "run": config["run"],
            **RUN.corpora_kind,
            "predictions": {name: list(models) for name, models in config["protocols"].items()},
            "floors": FLOORS,
            "seeds": config["seeds"],
            "config": without_roots(config),
        },
        code=uses("contracts.provenance"),
    log:
        f"{LOGS}/run_record.log",
    conda:
        "../../environment.yml"
    script:
        "../scripts/run_record.py"


rule score:
    input:
        predictions=prediction_files(),
        labels=expand(f"{RESULTS}/labels/{{protocol}}.csv", protocol=PROTOCOLS),
        run=f"{RESULTS}/run.json",
    output:
        scores=expand(f"{RESULTS}/scores/{{kind}}{{protocol}}.csv", kind=SCORED, protocol=PROTOCOLS),
        confusion=[f"{RESULTS}/scores/confusion_{protocol}_{model}.csv" for protocol, model in benchmarks()],
        metrics=f"{RESULTS}/scores/metrics.json",
    params:
        code=uses("protocols.scores", *protocol_modules("protocols.metrics", "protocols.definitions")),
    log:
        f"{LOGS}/score.log",
    conda:
        "../../environment.yml"
    script:
        "../scripts/score.py"


rule tables:
    input:
        scores=expand(f"{RESULTS}/scores/{{kind}}{{protocol}}.csv", kind=SCORED, protocol=PROTOCOLS),
        labels=expand(f"{RESULTS}/labels/{{protocol}}.csv", protocol=PROTOCOLS),
        coverage=expand(f"{RESULTS}/labels/{{protocol}}.json", protocol=PROTOCOLS),
        run=f"{RESULTS}/run.json",
        published=published_files(),
    output:
        markdown=report(
            expand(f"{RESULTS}/tables/{{protocol}}.md", protocol=PROTOCOLS),
            category="Tables",
            caption="../report/tables.rst",
        ),
        csv=report(
            expand(f"{RESULTS}/tables/{{protocol}}.csv", protocol=PROTOCOLS),
            category="Tables",
            caption="../report/tables.rst",
        ),
        latex=expand(f"{RESULTS}/tables/{{protocol}}.tex", protocol=PROTOCOLS),
        comparisons=report(
            expand(
                f"{RESULTS}/tables/{{protocol}}_comparisons.{{format}}", protocol=PROTOCOLS, format=("md", "csv")
            ),
            category="Comparisons",
            caption="../report/comparisons.rst",
        ),
        comparisons_latex=expand(f"{RESULTS}/tables/{{protocol}}_comparisons.tex", protocol=PROTOCOLS),
    params:
        code=uses("protocols.tables", *protocol_modules("protocols.metrics", "protocols.definitions")),
    log:
        f"{LOGS}/tables.log",
    conda:
        "../../environment.yml"
    script:
        "../scripts/tables.py"


rule figures:
    input:
        scores=expand(f"{RESULTS}/scores/{{kind}}{{protocol}}.csv", kind=SCORED, protocol=PROTOCOLS),
        confusion=[f"{RESULTS}/scores/confusion_{protocol}_{model}.csv" for protocol, model in benchmarks()],
        run=f"{RESULTS}/run.json",
        published=published_files(),
    output:
        report(
            [f"{RESULTS}/figures/confusion_{protocol}_{model}.png" for protocol, model in benchmarks()],
            category="Confusion matrices",
            caption="../report/confusion.rst",
        ),
        report(
            expand(f"{RESULTS}/figures/intervals_{{protocol}}.png", protocol=PROTOCOLS),
            category="Intervals",
            caption="../report/intervals.rst",
        ),
        report(
            expand(f"{RESULTS}/figures/subjects_{{protocol}}.png", protocol=PROTOCOLS),
            category="Subjects",
            caption="../report/subjects.rst",
        ),
    params:
        code=uses("protocols.figures", *protocol_modules("protocols.metrics", "protocols.definitions")),
    log:
        f"{LOGS}/figures.log",
    conda:
        "../../environment.yml"
    script:
        "../scripts/figures.py"
