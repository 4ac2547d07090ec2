# Aligned recordings -> sequences, for methods that need the whole clip. No part of `all`: made when a rule or a
# user asks for `data/<run>/sequences/<steps or all>/<size>/<corpus>/<subject>.h5`.


rule sequence:
    input:
        clips=f"{DATA}/clips/{{corpus}}.csv",
        align=f"{DATA}/align/{{corpus}}/{{subject}}.csv",
    output:
        f"{DATA}/sequences/{{steps}}/{{size}}/{{corpus}}/{{subject}}.h5",
    wildcard_constraints:
        steps=r"all|[2-9]|[1-9]\d+",
    params:
        root=lambda wildcards: str(root(wildcards.corpus)),
        size=config["crop"]["size"],
        method=config["flow"]["method"],
        matched=config["flow"].get("match_brightness", True),
        exclude=excluded_of_subject,
        frames=frames_state,
        code=uses(
            "preprocess.sequences",
            "preprocess.flow",
            "preprocess.align",
            "preprocess.frames",
            "contracts.sequences",
            packages=("opencv-contrib-python-headless", "pillow"),
        ),
    log:
        f"{LOGS}/sequences/{{steps}}/{{size}}/{{corpus}}/{{subject}}.log",
    conda:
        "../../environment.yml"
    script:
        "../scripts/sequence.py"
