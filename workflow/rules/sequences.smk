# Aligned recordings -> sequences, for methods that need the whole clip. No part of `all`: made when a rule or a
# user asks for `data/<run>/sequences/<flow>/<steps or all>/<size>/<corpus>/<subject>.h5`.


rule sequence:
    input:
        clips=f"{DATA}/clips/{{corpus}}.csv",
        align=f"{DATA}/align/{{corpus}}/{{subject}}.csv",
        apex=f"{DATA}/apex/{{corpus}}/{{subject}}.csv",
    output:
        f"{DATA}/sequences/{{flow}}/{{steps}}/{{size}}/{{corpus}}/{{subject}}.h5",
    wildcard_constraints:
        flow="tvl1|dis|farneback",
        steps=r"all|[2-9]|[1-9]\d+",
    params:
        root=root_of_job,
        size=config["crop"]["size"],
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
        f"{LOGS}/sequences/{{flow}}/{{steps}}/{{size}}/{{corpus}}/{{subject}}.log",
    conda:
        "../../environment.yml"
    script:
        "../scripts/sequence.py"
