# The canary, one job a protocol, with every run: it trains and predicts over invented pictures, wired as `train` and
# `predict` are, and fails where a test clip shows or the order of folds changes anything. Of the files it is given it
# takes the clips' ids and nothing else.

from merba.canary import REORDERED


rule canary:
    input:
        unpack(canary_inputs),
        test=TEST_LIST,
    output:
        record=f"{RESULTS}/alarms/{{protocol}}.json",
        page=report(
            f"{RESULTS}/alarms/{{protocol}}.html",
            category="Alarms",
            caption="../report/alarms.rst",
            labels={"protocol": "{protocol}", "what": "what the canary found"},
        ),
    params:
        folds=canary_folds,
        packed=PACK > 1,
        title=lambda wildcards: PROTOCOLS[wildcards.protocol].title,
        code=uses("merba.canary", "protocols.alarms", *map(module_of, REORDERED), packages=LEARNING),
    log:
        f"{LOGS}/canary/{{protocol}}.log",
    conda:
        "../../environment.yml"
    script:
        "../scripts/canary.py"
