"""Where a model comes from, as data beside it: its paper, how its epoch was chosen, how near ours is."""

from dataclasses import dataclass

SELECTIONS = ("last", "inner-validation", "best-on-test-subject", "no epochs", "unknown")
FIDELITIES = ("published code", "paper", "reading", "floor")


@dataclass(frozen=True)
class Paper:
    """The source of a model.

    Attributes:
        cite: authors, title, venue, year: one line to cite.
        url: of the paper.
        fidelity: what ours is written from. `published code`: every size is that of the authors' program;
            `paper`: of the paper, gaps filled as the file says; `reading`: layer sizes are unknown, so it is
            a network in the spirit of the paper and its scores say nothing about the paper's; `floor`: none.
        selection: how the paper's own numbers chose the epoch, one of `results/published/README.md`'s words.
            Ours never looks at the test subject, see `selection` of `merba.recipe.Recipe`; `no epochs` says
            that ours is fitted at once, too.
    """

    cite: str
    url: str
    fidelity: str
    selection: str

    def __post_init__(self):
        for key, allowed in (("fidelity", FIDELITIES), ("selection", SELECTIONS)):
            if getattr(self, key) not in allowed:
                raise ValueError(f"{key} {getattr(self, key)!r} is none of {allowed}")
