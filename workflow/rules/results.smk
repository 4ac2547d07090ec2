# Predictions -> scores, tables, figures, and what the report shows of them. Only the scorer and the tables, whose pages
# name the clips behind each number, read test labels.


include: "shown.smk"


# Per protocol, the models that only show what little effort reaches.
FLOORS = {
    protocol: [
        model
        for model, settings in models.items()
        if declaration((settings or {}).get("model", model)).paper.fidelity == "floor"
        # Learning from shuffled labels is an alarm, and no floor that anything should beat.
        and not (settings or {}).get("shuffle_labels")
    ]
    for protocol, models in config["protocols"].items()
}
PAPERS = {
    model: f"{paper.cite}. {paper.url}"
    for model in sorted({model for one in config["protocols"].values() for model in models_of(one)})
    if (paper := declaration(model).paper).cite
}
# The corpora of the protocols, and whose recordings or flow the run has of them: whom to cite.
SOURCES = {
    name: get_corpus(name).citation
    for name in sorted({*config["corpora"], *(one for protocol in PROTOCOLS.values() for one in protocol.corpora)})
}
# The protocols of which a model learns by epochs, and has a learning curve.
LEARNED = [
    protocol
    for protocol, models in config["protocols"].items()
    if not all(declaration(model).fitted_at_once for model in models_of(models))
]
# What the run says of itself, but for the machine.
RECORD = {
    "run": config["run"],
    **RUN.corpora_kind,
    "predictions": {name: list(models) for name, models in config["protocols"].items()},
    "floors": FLOORS,
    "sources": SOURCES,
    "papers": PAPERS,
    "seeds": config["seeds"],
    "config": published(config),
}
# The scorer's tables of one protocol are `<kind><protocol>.csv`.
SCORED = ("", "intervals_", "comparisons_", "subjects_")


rule run_record:
    input:
        prediction_files(),
    output:
        f"{RESULTS}/run.json",
    params:
        run=RECORD,
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
        predictions=prediction_files(),
        scores=expand(f"{RESULTS}/scores/{{kind}}{{protocol}}.csv", kind=SCORED, protocol=PROTOCOLS),
        labels=expand(f"{RESULTS}/labels/{{protocol}}.csv", protocol=PROTOCOLS),
        coverage=expand(f"{RESULTS}/labels/{{protocol}}.json", protocol=PROTOCOLS),
        run=f"{RESULTS}/run.json",
        published=published_files(),
        alarms=expand(f"{RESULTS}/alarms/{{protocol}}.json", protocol=PROTOCOLS),
    output:
        table_files([stem for kind in TABLES for _, stem in tables_of(kind)]),
        pages("scores", "Benchmark (scores)", "all models"),
        pages("comparisons", "Benchmark (uncertainty)", "comparisons"),
        pages("classes", "Data", "clips of each class"),
        pages("subjects", "Benchmark (where it fails)", "accuracy by subject, numbers"),
        pages("strata", "Benchmark (where it fails)", "by condition of recording"),
        item(f"{RESULTS}/tables/about.html", "About this run", "about", what="provenance, and whom to cite"),
    params:
        code=uses(
            "protocols.tables", *protocol_modules("protocols.metrics", "protocols.definitions", "protocols.outlines")
        ),
    log:
        f"{LOGS}/tables.log",
    conda:
        "../../environment.yml"
    script:
        "../scripts/tables.py"


rule models:
    input:
        run=f"{RESULTS}/run.json",
    output:
        table_files(MODEL_TABLES),
        [
            item(f"{RESULTS}/tables/{stem}.html", "Models", stem, what=what)
            for stem, what in MODEL_TABLES.items()
        ],
    params:
        stems=[f"{RESULTS}/tables/{stem}" for stem in MODEL_TABLES],
        rows=[
            (protocol, row, recipe_of(row_named(protocol, row)), len(PROTOCOLS[protocol].classes))
            for protocol, row in benchmarks()
        ],
        code=uses(
            "merba.describe",
            "protocols.architecture",
            "protocols.tables",
            *{module_of(model) for one in config["protocols"].values() for model in models_of(one)},
            packages=("torch",),
        ),
    log:
        f"{LOGS}/models.log",
    conda:
        "../../environment.yml"
    script:
        "../scripts/models.py"


rule figures:
    input:
        scores=expand(f"{RESULTS}/scores/{{kind}}{{protocol}}.csv", kind=SCORED, protocol=PROTOCOLS),
        confusion=[f"{RESULTS}/scores/confusion_{protocol}_{model}.csv" for protocol, model in benchmarks()],
        curves=[f"{RESULTS}/curves/{protocol}_{model}.csv" for protocol, model in benchmarks()],
        coverage=expand(f"{RESULTS}/labels/{{protocol}}.json", protocol=PROTOCOLS),
        run=f"{RESULTS}/run.json",
        published=published_files(),
    output:
        pictures("intervals", "Benchmark (uncertainty)", "intervals"),
        pictures("subjects", "Benchmark (where it fails)", "accuracy by subject"),
        [
            item(
                f"{RESULTS}/figures/confusion_{protocol}_{model}.png",
                "Benchmark (where it fails)",
                "confusion",
                protocol=protocol,
                what=f"confusion, {model}",
            )
            for protocol, model in benchmarks()
        ],
        [
            item(
                f"{RESULTS}/figures/curves_{protocol}.png", "Models", "curves", protocol=protocol, what="learning curves"
            )
            for protocol in LEARNED
        ],
        # For print.
        expand(f"{RESULTS}/figures/{{kind}}_{{protocol}}.pdf", kind=("intervals", "subjects"), protocol=PROTOCOLS),
        [f"{RESULTS}/figures/confusion_{protocol}_{model}.pdf" for protocol, model in benchmarks()],
        expand(f"{RESULTS}/figures/curves_{{protocol}}.pdf", protocol=LEARNED),
    params:
        code=uses("protocols.figures", *protocol_modules("protocols.metrics", "protocols.definitions")),
    log:
        f"{LOGS}/figures.log",
    conda:
        "../../environment.yml"
    script:
        "../scripts/figures.py"
