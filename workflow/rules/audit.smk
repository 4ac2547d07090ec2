# No part of `all`: `snakemake audit` trains the rows that the configuration lists under `audit` once more and looks at
# the test clips after every epoch, to show what choosing the epoch on them would gain. These are the only jobs that show a
# model its test subjects while it is trained; nothing of theirs flows back, and test labels are read by the last rule alone.


if PACK == PACK_SEEDS == 1:

    rule audit_fold:
        input:
            unpack(audited_inputs),
            labels=TRAINING_LIST,
            test=TEST_LIST,
        output:
            f"{DATA}/audit/{{protocol}}/{{model}}/{{fold}}/seed{{seed}}.csv",
        params:
            folds=lambda wildcards: [wildcards.fold],
            seeds=lambda wildcards: [wildcards.seed],
            recipe=recipe_of,
            classes=classes_of,
            code=learning_code("merba.audit"),
        resources:
            gpu=gpus,
        log:
            f"{LOGS}/audit/{{protocol}}/{{model}}/{{fold}}/seed{{seed}}.log",
        conda:
            "../../environment.yml"
        script:
            "../scripts/audit_fold.py"

else:

    for name, protocol, row, seeds, names in packs():
        if row not in config.get("audit", {}).get(protocol, []):
            continue

        rule:
            name:
                f"audit_{name}"
            input:
                **seen_by_pack(protocol, row, names, tested=True),
                labels=[TRAINING_LIST.format(protocol=protocol, fold=fold) for fold in names],
                test=TEST_LIST.format(protocol=protocol),
            output:
                of_each(names, seeds, f"{DATA}/audit/{protocol}/{row}/{{fold}}/seed{{seed}}.csv"),
            params:
                folds=names,
                seeds=seeds,
                recipe=recipe_of(row_named(protocol, row)),
                classes=classes_of(row_named(protocol, row)),
                code=learning_code("merba.audit")(row_named(protocol, row)),
            resources:
                gpu=gpus(row_named(protocol, row)),
            log:
                f"{LOGS}/audit/{name}.log",
            conda:
                "../../environment.yml"
            script:
                "../scripts/audit_fold.py"


rule audit_seed:
    input:
        audited_folds,
    output:
        f"{RESULTS}/audit/{{protocol}}/{{model}}/seed{{seed}}.csv",
    params:
        code=uses(),
    log:
        f"{LOGS}/audit/{{protocol}}/{{model}}/seed{{seed}}.log",
    conda:
        "../../environment.yml"
    script:
        "../scripts/audit_seed.py"


rule audit:
    input:
        epochs=audited,
        labels=expand(f"{RESULTS}/labels/{{protocol}}.csv", protocol=config.get("audit", {})),
        coverage=expand(f"{RESULTS}/labels/{{protocol}}.json", protocol=config.get("audit", {})),
    output:
        expand(f"{RESULTS}/audit/{{protocol}}.csv", protocol=config.get("audit", {})),
        expand(
            f"{RESULTS}/audit/{{protocol}}_inflation.{{suffix}}",
            protocol=config.get("audit", {}),
            suffix=("md", "csv", "tex"),
        ),
        # `snakemake all audit --report` shows them beside the run's own tables.
        [
            item(
                f"{RESULTS}/audit/{protocol}_inflation.html",
                "Benchmark (audit, leaky)",
                "audit",
                protocol=protocol,
                what="what choosing the epoch on test subjects adds",
            )
            for protocol in config.get("audit", {})
        ],
    params:
        record=RECORD,
        code=uses("protocols.inflation", *protocol_modules("protocols.metrics", "protocols.definitions")),
    log:
        f"{LOGS}/audit.log",
    conda:
        "../../environment.yml"
    script:
        "../scripts/audit.py"
