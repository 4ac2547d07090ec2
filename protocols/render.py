"""A grid as Markdown and as LaTeX."""

from protocols.layout import NONE, Cell, Grid

_LATEX = {
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


def markdown(grid: Grid) -> str:
    """GitHub-flavoured Markdown; the two blocks are told apart in the column headings."""
    blocks = [name.split(":")[0].lower() for name, width in grid.blocks for _ in range(width)]
    headings = [
        f"{block}<br>{heading}" if block else heading
        for block, heading in zip(blocks, grid.headings, strict=True)
    ]
    last, remark = grid.blocks[-1][0], grid.remarks[0]
    lead = f"{last}. {remark}" if last.startswith("This run") else remark
    lines = [f"# {_md(grid.title)}", "", f"**{_md(lead)}**", ""]
    lines += [f"* {_md(remark)}" for remark in grid.remarks[1:]] + [""]
    lines += [_md_row([_md(heading) for heading in headings])]
    lines += [_md_row(["---" if k in grid.words else "---:" for k in range(len(headings))])]
    lines += [_md_row([_md_cell(cell) for cell in row]) for row in grid.rows]
    lines += [""] + [f"<sup>{mark}</sup> {_md(note)}  " for mark, note in grid.footnotes]
    return "\n".join(lines).rstrip() + "\n"


def latex(grid: Grid, label: str) -> str:
    r"""A `table*` environment; needs \usepackage{booktabs,graphicx}."""
    body = [" & ".join(_tex_cell(cell) for cell in row) + r" \\" for row in grid.rows]
    notes = [rf"\textsuperscript{{{mark}}}~{_tex(note)}.\quad" for mark, note in grid.footnotes]
    columns = "".join("l" if k in grid.words else "r" for k in range(len(grid.headings)))
    return (
        "\n".join(
            [
                r"% \usepackage{booktabs,graphicx}",
                r"\begin{table*}",
                r"\centering",
                rf"\caption{{{_tex(grid.title)}. {_tex(' '.join(grid.remarks[:2]))}}}",
                rf"\label{{{label}}}",
                r"\resizebox{\textwidth}{!}{%",
                rf"\begin{{tabular}}{{{columns}}}",
                r"\toprule",
                *_tex_blocks(grid),
                " & ".join(_tex(heading) for heading in grid.headings) + r" \\",
                r"\midrule",
                *body,
                r"\bottomrule",
                r"\end{tabular}}",
                r"\par\smallskip\raggedright\footnotesize",
                _tex(" ".join(grid.remarks[2:])) + r"\quad",
                *notes,
                r"\end{table*}",
            ]
        )
        + "\n"
    )


def _md(text: str) -> str:
    return text.replace("|", r"\|").replace("*", r"\*")


def _md_row(cells: list[str]) -> str:
    return "| " + " | ".join(cells) + " |"


def _md_cell(cell: Cell) -> str:
    text = "–" if cell.text == NONE else _md(cell.text).replace("\n", "<br>")
    return text + (f" <sup>{','.join(cell.marks)}</sup>" if cell.marks else "")


def _tex(text: str) -> str:
    return "".join(_LATEX.get(letter, letter) for letter in text)


def _tex_cell(cell: Cell) -> str:
    text = "--" if cell.text == NONE else _tex(cell.text)
    if "\n" in text:
        # The braces keep LaTeX from reading a bracket at the start of a line as an option of its break.
        text = r"\shortstack[r]{" + text.replace("\n", r" \\{} ") + "}"
    return text + (rf"\textsuperscript{{{','.join(cell.marks)}}}" if cell.marks else "")


def _tex_blocks(grid: Grid) -> list[str]:
    """The line of block headings, and the rules under them."""
    headings, rules, column = [], [], 1
    for name, width in grid.blocks:
        headings.append(rf"\multicolumn{{{width}}}{{c}}{{{_tex(name)}}}" if name else "")
        if name:
            rules.append(rf"\cmidrule(lr){{{column}-{column + width - 1}}}")
        column += width
    return [" & ".join(headings) + r" \\", "".join(rules)]
