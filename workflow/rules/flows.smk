# Clip tables -> caches, where others have computed the flow: nothing to detect, align, spot or compute.


rule import_flow:
    input:
        clips=f"{DATA}/clips/{{corpus}}.csv",
    output:
        f"{DATA}/cache/{{size}}/{{corpus}}/{{subject}}.h5",
    params:
        root=root_of_job,
        source=source_params,
        exclude=excluded_of_subject,
        frames=frames_state,
        code=lambda wildcards: reader_code(wildcards.corpus, "contracts.cache", packages=("pillow",)),
    log:
        f"{LOGS}/import_flow/{{size}}/{{corpus}}/{{subject}}.log",
    conda:
        "../../environment.yml"
    script:
        "../scripts/import_flow.py"
