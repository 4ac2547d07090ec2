"""Which clips, which labels, which folds; scores, tables, submissions. Knows no pixels and no networks.

One protocol is one file in `protocols/definitions/`, one metric one in `protocols/metrics/`, one submission
format one in `protocols/submissions/`, one further table of the scores one in `protocols/outlines/`; all are
found by file name. Importing this package, a protocol, or
asking for its folds loads neither pandas nor scikit-learn and never touches the data, so a workflow can plan
every job from it.

    lists        clip tables -> training, test, label and skipped lists
    scores       predictions + labels -> UF1, UAR, ACC        python -m protocols.scores --help
    tables       scores + published numbers -> tables         python -m protocols.tables --help
    figures      confusion matrices, intervals, subjects      python -m protocols.figures --help
    submission   predictions -> a challenge's files           python -m protocols.submission --help

`docs/protocols.md` has all protocols in one table, and says what makes a list official.
"""

from protocols import registry
from protocols.base import Part, Protocol, Skip
from protocols.folds import Fold

__all__ = ["Fold", "Part", "Protocol", "Skip", "get_protocol", "list_protocols"]

_PACKAGE = "protocols.definitions"


def list_protocols() -> list[str]:
    """Names of all protocols, in alphabetical order, without importing any."""
    return registry.names(_PACKAGE)


def get_protocol(name: str) -> Protocol:
    """The protocol of this name.

    Raises:
        InputError: no such protocol; names the nearest one.
    """
    return registry.load(_PACKAGE, name, kind="protocol").PROTOCOL
