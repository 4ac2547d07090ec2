"""A grid as an HTML page that needs nothing else: no script, no picture, no address outside of itself."""

from collections.abc import Iterable
from html import escape

from protocols.document import document
from protocols.layout import NONE, Cell, Grid

# A cell with more letters may be broken into lines.
_LONG = 40


def page(grid: Grid, below: str = "", places: Iterable[str] = ()) -> str:
    """The whole page.

    Args:
        below: more of its body, as HTML; stands under the table.
        places: the names (`id`) of places in `below`; a cell is linked to its own if it is among them.
    """
    places = frozenset(places)
    notes = "".join(f"<li><sup>{mark}</sup>{escape(note)}</li>" for mark, note in grid.footnotes)
    lines = [
        f"<h1>{escape(grid.title)}</h1>",
        f"<p><strong>{escape(grid.remarks[0])}</strong></p>" if grid.remarks else "",
        f'<div class="scroll">{_table(grid, places)}</div>',
        f'<ul class="notes">{notes}</ul>' if notes else "",
        "<ul>" + "".join(f"<li>{escape(remark)}</li>" for remark in grid.remarks[1:]) + "</ul>",
        below,
    ]
    return document(grid.title, "\n".join(line for line in lines if line))


def _table(grid: Grid, places: frozenset[str]) -> str:
    lines = ["<table>", "<thead>"]
    if any(name for name, _ in grid.blocks):
        blocks = (
            f'<th class="block" colspan="{width}">{escape(name)}</th>'
            if name
            else f'<th colspan="{width}"></th>'
            for name, width in grid.blocks
        )
        lines.append(f"<tr>{''.join(blocks)}</tr>")
    lines.append(
        f"<tr>{''.join(_head(heading, k in grid.words) for k, heading in enumerate(grid.headings))}</tr>"
    )
    lines += ["</thead>", "<tbody>"]
    lines += [
        f"<tr>{''.join(_cell(cell, places, k in grid.words) for k, cell in enumerate(row))}</tr>"
        for row in grid.rows
    ]
    return "\n".join([*lines, "</tbody>", "</table>"])


def _head(heading: str, words: bool) -> str:
    return f"<th{' class=text' if words else ''}>{escape(heading)}</th>"


def _cell(cell: Cell, places: frozenset[str], words: bool) -> str:
    first, *others = (escape(line) for line in ("–" if cell.text == NONE else cell.text).split("\n"))
    if cell.link in places:
        first = f'<a href="#{escape(cell.link)}">{first}</a>'
    text = first + "".join(f"<br><small>{line}</small>" for line in others)
    if cell.marks:
        text += f" <sup>{','.join(cell.marks)}</sup>"
    kinds = ["text"] * words + ["long"] * (len(cell.text) > _LONG)
    return f'<td class="{" ".join(kinds)}">{text}</td>' if kinds else f"<td>{text}</td>"
