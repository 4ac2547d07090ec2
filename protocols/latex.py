"""A grid as LaTeX: floats for a page of two columns, some 7 by 9.5 inches of text in 10 points."""

import math
import re
from dataclasses import replace
from textwrap import wrap

from protocols.layout import NONE, Cell, Grid

LONG = 40
"""Letters that a line of words may have."""
WIDE = 150
"""Letters, from which on a table lies on its side: upright it would be shrunk to less than 7 points."""
UPRIGHT, ON_ITS_SIDE = 42, 32
"""Lines that a float has room for, beside caption and footnotes, upright and at `WIDE` letters on its side;
more as a wider one is shrunk. Longer tables are continued in another."""

_LETTERS = {
    "\\": r"\textbackslash{}",
    "&": r"\&",
    "%": r"\%",
    "$": r"\$",
    "#": r"\#",
    "_": r"\_",
    "{": r"\{",
    "}": r"\}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "±": r"$\pm$",
    "−": "$-$",
    "×": r"$\times$",
    "–": "--",
}


def latex(grid: Grid, label: str) -> str:
    """One or more `table*` or `sidewaystable*`, all of one number; the first line names the packages."""
    narrow = _narrowed(grid)
    width = _width(grid.headings, narrow)
    upright = width <= WIDE
    environment, packages = "table*", "booktabs,graphicx"
    if not upright:
        environment, packages = f"sideways{environment}", f"{packages},rotating"
    parts = _parts(narrow, UPRIGHT if upright else ON_ITS_SIDE * width / WIDE)
    lines = [rf"% \usepackage{{{packages}}}"]
    for k, rows in enumerate(parts):
        caption = f"{_tex(grid.title)}. {_tex(' '.join(grid.remarks[:2]))}"
        lines += [rf"\begin{{{environment}}}", r"\centering"]
        if k == 0:
            lines += [rf"\caption{{{caption}}}", rf"\label{{{label}}}"]
        else:
            lines += [r"\addtocounter{table}{-1}", rf"\caption{{{_tex(grid.title)}, continued.}}"]
        lines += _tabular(grid, rows)
        if k == len(parts) - 1:
            notes = [rf"\textsuperscript{{{mark}}}~{_tex(note)}.\quad" for mark, note in grid.footnotes]
            lines += [r"\par\smallskip\raggedright\footnotesize", _tex(" ".join(grid.remarks[2:])) + r"\quad"]
            lines += notes
        lines += [rf"\end{{{environment}}}"]
    return "\n".join(lines) + "\n"


def _tabular(grid: Grid, rows: list[list[Cell]]) -> list[str]:
    """As large as the text, or as large as fits."""
    columns = ["l" if k in grid.words else "r" for k in range(len(grid.headings))]
    body = [" & ".join(map(_tex_cell, row, columns)) + r" \\" for row in rows]
    if any(_height(row) > 1 for row in rows):
        # Else one could not see which lines are a row.
        body = [line + r"\addlinespace" for line in body[:-1]] + body[-1:]
    return [
        r"\setlength{\tabcolsep}{4pt}",
        r"\resizebox{\ifdim\width>\linewidth\linewidth\else\width\fi}{!}{%",
        rf"\begin{{tabular}}{{{''.join(columns)}}}",
        r"\toprule",
        *_blocks(grid),
        " & ".join(map(_tex, grid.headings)) + r" \\",
        r"\midrule",
        *body,
        r"\bottomrule",
        r"\end{tabular}}",
    ]


def _blocks(grid: Grid) -> list[str]:
    """The line of block headings, and the rules under them."""
    headings, rules, column = [], [], 1
    for name, width in grid.blocks:
        if name:
            headings.append(rf"\multicolumn{{{width}}}{{c}}{{{_tex(name)}}}")
            rules.append(rf"\cmidrule(lr){{{column}-{column + width - 1}}}")
        else:
            headings += [""] * width
        column += width
    return [" & ".join(headings) + r" \\", "".join(rules)]


def _narrowed(grid: Grid) -> list[list[Cell]]:
    """Long words on several lines, numbers without spaces: both make columns narrower."""

    def narrow(column: int, cell: Cell) -> Cell:
        if column in grid.words:
            lines = cell.text.replace(" (", "\n(").split("\n")
            return replace(cell, text="\n".join(short for line in lines for short in wrap(line, LONG)))
        text = cell.text
        for mark in ("±", "/"):
            text = text.replace(f" {mark} ", mark)
        return replace(cell, text=text.replace(", ", ","))

    return [[narrow(k, cell) for k, cell in enumerate(row)] for row in grid.rows]


def _width(headings: list[str], rows: list[list[Cell]]) -> int:
    """Letters across, two between columns."""
    columns = zip(headings, *([cell.text for cell in row] for row in rows), strict=True)
    return sum(2 + max(len(line) for text in column for line in text.split("\n")) for column in columns)


def _height(row: list[Cell]) -> int:
    return max(1 + cell.text.count("\n") for cell in row)


def _parts(rows: list[list[Cell]], room: float) -> list[list[list[Cell]]]:
    """The rows in as few parts as there must be, about as high as each other; without rows one empty part."""
    heights = [_height(row) for row in rows]
    if max(heights, default=1) > 1:
        heights = [height + 0.5 for height in heights]
    number = max(1, math.ceil(sum(heights) / room))
    parts: list[list[list[Cell]]] = [[] for _ in range(number)]
    above = 0.0
    for row, height in zip(rows, heights, strict=True):
        parts[min(number - 1, int(above * number / sum(heights)))].append(row)
        above += height
    return [part for part in parts if part] or [[]]


def _tex(text: str) -> str:
    """Escaped; what stands between backticks is code."""
    escaped = "".join(_LETTERS.get(letter, letter) for letter in text)
    return re.sub("`([^`]*)`", r"\\texttt{\1}", escaped)


def _tex_cell(cell: Cell, column: str) -> str:
    text = "--" if cell.text == NONE else _tex(cell.text)
    marks = rf"\textsuperscript{{{','.join(cell.marks)}}}" if cell.marks else ""
    first, *more = text.split("\n")
    if not more:
        return text + marks
    # The braces keep LaTeX from reading a bracket at the start of a line as an option of its break.
    lines = r" \\{}".join([first + marks, *more])
    return rf"\begin{{tabular}}[t]{{@{{}}{column}@{{}}}}{lines}\end{{tabular}}"
