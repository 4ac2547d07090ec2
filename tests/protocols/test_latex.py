"""LaTeX: every row once, headings over their columns, nothing wider or longer than a page; it compiles."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from protocols import get_protocol
from protocols.assemble import make_table
from protocols.latex import UPRIGHT, latex
from protocols.layout import Cell, Grid, lay_out
from protocols.outlines import own_outline
from protocols.tables import write_tables

PUBLISHED = Path(__file__).parents[2] / "results" / "published"
FLOAT = re.compile(r"\\begin\{((?:sideways)?table\*)\}\n(.*?)\\end\{\1\}", re.DOTALL)


def floats(text):
    """(environment, inside) of every float."""
    return FLOAT.findall(text)


def lines_of(inside, start, end):
    """The rows between two rules, without the space between them."""
    body = inside.split(start)[1].split(end)[0].strip().splitlines()
    return [re.sub(r"(?:\\addlinespace)?$", "", line).removesuffix(r" \\") for line in body]


def cells(line):
    return re.split(r"(?<!\\)&", line)


def grid_of(rows, stub=1, numbers=2, number="1"):
    headings = [f"h{k}" for k in range(stub + numbers)]
    made = [[*[Cell(f"row {k}")] * stub, *[Cell(number)] * numbers] for k in range(rows)]
    words = frozenset(range(stub))
    return Grid(
        "Title", ["One.", "Two.", "Three."], [("", stub), ("Block", numbers)], headings, made, [], words
    )


def test_it_is_balanced_escaped_and_ascii(scored, protocol):
    grid = lay_out(make_table(own_outline(protocol), scored, PUBLISHED))
    text = latex(grid, label="tab:x")
    assert text.isascii()
    begun, ended = (re.findall(rf"\\{word}\{{(\w+\*?)\}}", text) for word in ("begin", "end"))
    assert sorted(begun) == sorted(ended)
    assert len(re.findall(r"(?<!\\){", text.replace("\\\\", ""))) == len(re.findall(r"(?<!\\)}", text))
    ((_, inside),) = floats(text)
    body = lines_of(inside, r"\midrule", r"\bottomrule")
    assert len(body) == len(grid.rows)
    assert {len(cells(line)) for line in body} == {len(grid.headings)}
    assert r"merba\_tiny \\{}(ours)" in text
    assert not re.search(r"(?<!\\)_", re.sub(r"\\label\{.*\}", "", text))


def test_what_latex_reads_otherwise_is_escaped():
    grid = Grid("A&B_1", ["50% #2 of `code_x`"], [("", 1)], ["$x$"], [[Cell("{y}", ("a",))]], [("a", "~")])
    text = latex(grid, label="tab:x")
    assert r"\caption{A\&B\_1. 50\% \#2 of \texttt{code\_x}}" in text
    assert r"\{y\}\textsuperscript{a} \\" in text
    assert r"\$x\$" in text


@pytest.mark.parametrize("stub", [1, 2, 3])
def test_a_block_s_heading_stands_over_its_columns(stub):
    ((_, inside),) = floats(latex(grid_of(2, stub), label="tab:x"))
    line, rules, _ = inside.split(r"\toprule")[1].split(r"\midrule")[0].strip().splitlines()
    before, heading = cells(line)[:-1], cells(line)[-1]
    assert len(before) == stub
    assert heading.strip() == r"\multicolumn{2}{c}{Block} \\"
    assert rules == rf"\cmidrule(lr){{{stub + 1}-{stub + 2}}}"


def test_a_mark_stands_at_the_first_line_and_words_break_where_they_are_long():
    rows = [
        [Cell("a name that is longer than what a line of forty letters holds", ("a",)), Cell("1 / 2\n[3, 4]")]
    ]
    grid = Grid("T", ["R."], [("", 1), ("B", 1)], ["Name", "n"], rows, [("a", "note")])
    (line,) = lines_of(latex(grid, label="tab:x"), r"\midrule", r"\bottomrule")
    name, number = cells(line)
    assert name.count(r"\\{}") == 1
    assert r"\textsuperscript{a} \\{}" in name
    assert number.strip() == r"\begin{tabular}[t]{@{}r@{}}1/2 \\{}[3,4]\end{tabular}"


def test_a_wide_table_lies_on_its_side_and_names_the_package():
    narrow, wide = (latex(grid_of(3, number=number), label="tab:x") for number in ("9", "9" * 80))
    assert [name for name, _ in floats(narrow)] == ["table*"]
    assert [name for name, _ in floats(wide)] == ["sidewaystable*"]
    assert "rotating" not in narrow
    assert wide.splitlines()[0] == r"% \usepackage{booktabs,graphicx,rotating}"


@pytest.mark.parametrize("number", ["9", "9" * 80])
@pytest.mark.parametrize("rows", [UPRIGHT - 10, UPRIGHT + 10, 5 * UPRIGHT])
def test_a_long_table_is_continued_under_its_number_and_loses_no_row(number, rows):
    grid = grid_of(rows, number=number)
    parts = floats(latex(grid, label="tab:x"))
    bodies = [lines_of(inside, r"\midrule", r"\bottomrule") for _, inside in parts]
    assert (len(parts) == 1) == (rows < UPRIGHT)
    assert max(map(len, bodies)) <= UPRIGHT
    assert max(map(len, bodies)) - min(map(len, bodies)) <= 1
    names = [cells(line)[0].strip() for body in bodies for line in body]
    assert names == [row[0].text for row in grid.rows]
    assert [inside.count(r"\label{tab:x}") for _, inside in parts] == [1] + [0] * (len(parts) - 1)
    assert [inside.count(r"\addtocounter{table}{-1}") for _, inside in parts] == [0] + [1] * (len(parts) - 1)
    assert ["Three." in inside for _, inside in parts] == [False] * (len(parts) - 1) + [True]


def test_a_table_without_rows_is_a_table():
    ((_, inside),) = floats(latex(grid_of(0), label="tab:x"))
    assert lines_of(inside, r"\midrule", r"\bottomrule") == []


@pytest.mark.skipif(shutil.which("pdflatex") is None, reason="no LaTeX on this machine")
def test_every_table_of_a_run_compiles(scored, tmp_path):
    tables = [path for path in write_tables(scored, PUBLISHED) if path.suffix == ".tex"]
    long = tmp_path / "long.tex"
    long.write_text(latex(grid_of(130), label="tab:long"))
    inputs = "\n".join(rf"\input{{{path}}}" for path in [*tables, long])
    document = rf"""\documentclass[twocolumn]{{article}}
\usepackage[width=7in,height=9.5in]{{geometry}}
\usepackage{{booktabs,graphicx,rotating}}
\begin{{document}}
{inputs}
\end{{document}}"""
    (tmp_path / "all.tex").write_text(document)
    command = ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "all.tex"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-2000:]
    assert "Float too large" not in done.stdout
    assert len(tables) > len(get_protocol("dfme").classes)
