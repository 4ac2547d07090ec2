"""A grid as an HTML page that needs nothing else: no script, no picture, no address outside of itself."""

from collections.abc import Iterable
from html import escape

from protocols.layout import NONE, Cell, Grid

_STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; color: #1b1b1b; background: #fff; margin: 2rem auto;
  max-width: 90rem; padding: 0 1.5rem; }
h1 { font-size: 1.35rem; } h2 { font-size: 1.15rem; margin-top: 2.5rem; } h3 { font-size: 1rem; }
p, li { max-width: 60rem; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; border-top: 2px solid; border-bottom: 2px solid; font-size: .87rem;
  font-variant-numeric: tabular-nums; }
th, td { padding: .3rem .7rem; text-align: right; vertical-align: top; white-space: nowrap; }
.text { text-align: left; } .long { white-space: normal; }
tr:hover td { background: #f0f4f8; } :target { background: #fff3cd; }
thead { border-bottom: 1px solid; } thead th { vertical-align: bottom; }
th.block { text-align: center; border-bottom: 1px solid #999; }
small { color: #555; font-size: .8rem; } sup { color: #8a3b00; }
.notes { font-size: .85rem; padding-left: 1.2rem; list-style: none; }
.notes sup { display: inline-block; min-width: 1.2rem; margin-left: -1.2rem; }
a { color: #0b5394; text-decoration-thickness: 1px; text-underline-offset: 2px; }
pre { font-size: .8rem; line-height: 1.35; }
.wrong { color: #a33b00; } .clip { display: inline-block; margin-right: 1rem; white-space: nowrap; }
"""
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


def document(title: str, body: str) -> str:
    """A page around a body that is HTML already."""
    return (
        f'<!doctype html>\n<html lang="en">\n<meta charset="utf-8">\n<title>{escape(title)}</title>\n'
        f"<style>{_STYLE}</style>\n<body>\n{body}\n</body>\n</html>\n"
    )


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
