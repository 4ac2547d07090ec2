"""A grid as Markdown."""

from protocols.layout import NONE, Cell, Grid


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


def _md(text: str) -> str:
    return text.replace("|", r"\|").replace("*", r"\*")


def _md_row(cells: list[str]) -> str:
    return "| " + " | ".join(cells) + " |"


def _md_cell(cell: Cell) -> str:
    text = "–" if cell.text == NONE else _md(cell.text).replace("\n", "<br>")
    return text + (f" <sup>{','.join(cell.marks)}</sup>" if cell.marks else "")
