# Clip tables -> flow caches. One job per subject and stage; each decodes a frame at most once.


rule faces:
    input:
        clips=f"{DATA}/clips/{{corpus}}.csv",
    output:
        f"{DATA}/faces/{{corpus}}/{{subject}}.csv",
    params:
        root=root_of_job,
        detector=config.get("faces", {}).get("detector", "mtcnn"),
        exclude=excluded_of_subject,
        frames=frames_state,
        code=uses(
            "preprocess.faces",
            "preprocess.frames",
            packages=(
                "dlib-bin",
                "facenet-pytorch",
                "face_recognition_models",
                "opencv-contrib-python-headless",
                "torch",
                "pillow",
            ),
        ),
    log:
        f"{LOGS}/faces/{{corpus}}/{{subject}}.log",
    conda:
        "../../environment.yml"
    script:
        "../scripts/faces.py"


rule align:
    input:
        clips=f"{DATA}/clips/{{corpus}}.csv",
        faces=f"{DATA}/faces/{{corpus}}/{{subject}}.csv",
    output:
        f"{DATA}/align/{{corpus}}/{{subject}}.csv",
    params:
        size=config["crop"]["size"],
        exclude=excluded_of_subject,
        code=uses("preprocess.align", "preprocess.faces", packages=("scikit-image",)),
    log:
        f"{LOGS}/align/{{corpus}}/{{subject}}.log",
    conda:
        "../../environment.yml"
    script:
        "../scripts/align.py"


rule apex:
    input:
        clips=f"{DATA}/clips/{{corpus}}.csv",
        faces=f"{DATA}/faces/{{corpus}}/{{subject}}.csv",
        align=f"{DATA}/align/{{corpus}}/{{subject}}.csv",
    output:
        f"{DATA}/apex/{{corpus}}/{{subject}}.csv",
    params:
        root=root_of_job,
        size=config["crop"]["size"],
        policy=lambda wildcards: RUN.of_corpus(wildcards.corpus)["apex"],
        exclude=excluded_of_subject,
        frames=frames_state,
        code=uses(
            "preprocess.apex",
            "preprocess.align",
            "preprocess.faces",
            "preprocess.frames",
            packages=("opencv-contrib-python-headless", "scikit-learn", "pillow"),
        ),
    log:
        f"{LOGS}/apex/{{corpus}}/{{subject}}.log",
    conda:
        "../../environment.yml"
    script:
        "../scripts/apex.py"


rule flow:
    input:
        clips=f"{DATA}/clips/{{corpus}}.csv",
        faces=f"{DATA}/faces/{{corpus}}/{{subject}}.csv",
        align=f"{DATA}/align/{{corpus}}/{{subject}}.csv",
        apex=f"{DATA}/apex/{{corpus}}/{{subject}}.csv",
    output:
        f"{DATA}/flow/{{corpus}}/{{subject}}.h5",
    params:
        root=root_of_job,
        size=config["crop"]["size"],
        method=config["flow"]["method"],
        matched=config["flow"].get("match_brightness", True),
        exclude=excluded_of_subject,
        frames=frames_state,
        code=uses(
            "preprocess.flow",
            "preprocess.align",
            "preprocess.frames",
            "contracts.cache",
            packages=(
                "opencv-contrib-python-headless",
                "pillow",
                *(["torch"] if config["flow"]["method"] == "tvl1_torch" else []),
            ),
        ),
    resources:
        gpu=int(config["flow"]["method"] == "tvl1_torch"),
    log:
        f"{LOGS}/flow/{{corpus}}/{{subject}}.log",
    conda:
        "../../environment.yml"
    script:
        "../scripts/flow.py"


rule cache:
    input:
        flow=f"{DATA}/flow/{{corpus}}/{{subject}}.h5",
    output:
        f"{DATA}/cache/{{size}}/{{corpus}}/{{subject}}.h5",
    params:
        code=uses("preprocess.flow", "contracts.cache", packages=("opencv-contrib-python-headless",)),
    log:
        f"{LOGS}/cache/{{size}}/{{corpus}}/{{subject}}.log",
    conda:
        "../../environment.yml"
    script:
        "../scripts/cache.py"
