"""The canary's record as a page: what each alarm asks, what it found, and whether it is silent."""

from collections.abc import Mapping
from html import escape

from protocols.document import document

# Name, question, the figures that answer it, and what makes it silent. The first two end the run before
# anything is recorded.
_GIVEN = (
    "given",
    "Does a file that a fold is trained from hold one of its test clips?",
    "{folds} folds: none does",
    lambda found: True,
)
_GIVEN_IN_PACKS = (
    "given",
    "Does a file that a fold by itself would be trained from hold one of its test clips?",
    "{folds} folds: none does; but jobs of this run train several folds from the files of all, "
    "and it is the next alarm that tells whether a fold took from them what is not on its list",
    lambda found: True,
)
_OTHERS = (
    (
        "moved",
        "Is a fold's model another as soon as its test clips look different?",
        "{folds} folds, each trained with either look: the same to the last bit",
        lambda found: True,
    ),
    (
        "told",
        "Are test clips right more often than by guessing, those of a fold or all together?",
        "{clips} clips, {rounds} rounds: {right:.1%} right, {guessing:.1%} by guessing, and the alarm sounds "
        "above {right_limit:.1%}; in one fold at most {highest:.1%}, and the alarm sounds from {limit:.1%}",
        lambda found: found["highest"] < found["limit"] and found["right"] <= found["right_limit"],
    ),
    (
        "ordered",
        "Is a model or a prediction another when folds, files and clips come in another order?",
        "{reordered} models and predictions, made in two orders: {different} differ in a bit",
        lambda found: found["different"] == 0,
    ),
)


def alarms_page(title: str, found: Mapping[str, float]) -> str:
    """The page.

    Args:
        title: the protocol's.
        found: the record of `python -m merba.canary`, whose account of the alarms says what its entries are.
    """
    alarms = (_GIVEN_IN_PACKS if found.get("packed") else _GIVEN, *_OTHERS)
    sounding = [name for name, _, _, silent in alarms if not silent(found)]
    verdict = (
        f"Alarm: {', '.join(sounding)}. Believe no score of this run." if sounding else "All are silent."
    )
    heads = "".join(f'<th class="text">{head}</th>' for head in ("Alarm", "Asks", "Found", ""))
    rows = "".join(
        f'<tr><td class="text">{name}</td><td class="text long">{escape(question)}</td>'
        f'<td class="text long">{escape(figures.format_map(found))}</td>'
        + ('<td class="text wrong">sounds</td>' if name in sounding else '<td class="text">silent</td>')
        + "</tr>\n"
        for name, question, figures, _ in alarms
    )
    body = [
        f"<h1>Alarms: {escape(title)}</h1>",
        f"<p><strong>{verdict}</strong></p>",
        "<p>Every clip was shown as an invented picture of an invented class, which no other subject spells "
        "alike; training and prediction were wired as for the methods of this protocol. Models that see "
        "nothing of their test subjects can only guess.</p>",
        f"<table>\n<thead><tr>{heads}</tr></thead>\n<tbody>\n{rows}</tbody></table>",
    ]
    return document(f"Alarms: {title}", "\n".join(body))
