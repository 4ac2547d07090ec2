# The canary, one job a protocol, with every run: it trains and predicts over invented pictures, wired as `train` and
# `predict` are, and fails where a test clip shows. Of the files it is given it takes the clips' ids and nothing else.


rule canary:
    input:
        unpack(canary_inputs),
        test=TEST_LIST,
    output:
        report(f"{RESULTS}/alarms/{{protocol}}.json", category="Alarms", caption="../report/alarms.rst"),
    params:
        folds=canary_folds,
        code=uses("merba.canary", module_of(CANARY), packages=LEARNING),
    log:
        f"{LOGS}/canary/{{protocol}}.log",
    conda:
        "../../environment.yml"
    script:
        "../scripts/canary.py"
