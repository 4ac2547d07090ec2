# The canary, one job a protocol, with every run: it trains and predicts over invented pictures, wired as `train` and
# `predict` are, and fails where a test clip shows or the order of folds changes anything. Of the files it is given it
# takes the clips' ids and nothing else.

from merba.canary import REORDERED


rule canary:
    input:
        unpack(canary_inputs),
        test=TEST_LIST,
    output:
        report(
            f"{RESULTS}/alarms/{{protocol}}.json",
            category="Alarms",
            caption="../report/alarms.rst",
            labels={"protocol": "{protocol}", "what": "the canary's record"},
        ),
    params:
        folds=canary_folds,
        code=uses("merba.canary", *map(module_of, REORDERED), packages=LEARNING),
    log:
        f"{LOGS}/canary/{{protocol}}.log",
    conda:
        "../../environment.yml"
    script:
        "../scripts/canary.py"
