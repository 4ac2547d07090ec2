"""Tables from results/ alone: complete, honest about what may be compared, the same bytes every time."""

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from contracts.errors import InputError
from contracts.files import read_csv, write_csv
from protocols import get_protocol, list_protocols
from protocols.assemble import make_table
from protocols.latex import latex
from protocols.layout import lay_out
from protocols.markdown import markdown
from protocols.outlines import FORMS, own_outline
from protocols.tables import write_tables

PUBLISHED = Path(__file__).parents[2] / "results" / "published"
SHOWN = "megc2019", "samm_5class"


def test_tables_are_written_for_every_protocol_in_four_forms(scored):
    names = {path.relative_to(scored).as_posix() for path in write_tables(scored, PUBLISHED)}
    kinds = ("", "_comparisons", "_classes", "_subjects")
    tables = [f"tables/{name}{kind}" for name in list_protocols() for kind in kinds]
    tables += [f"tables/{name}_strata" for name in list_protocols() if get_protocol(name).strata]
    assert names == {"tables/about.html", *(f"{table}.{form}" for table in tables for form in FORMS)}


def test_the_same_results_give_the_same_bytes_elsewhere(scored, tmp_path):
    first = {path.name: path.read_bytes() for path in write_tables(scored, PUBLISHED)}
    copy = tmp_path / "elsewhere" / "results"
    shutil.copytree(scored, copy)
    shutil.rmtree(tmp_path / "data")
    shutil.rmtree(scored)
    assert {path.name: path.read_bytes() for path in write_tables(copy, PUBLISHED)} == first


def test_ours_and_theirs_share_a_row_only_where_the_method_is_the_same(scored, protocol):
    rows = {row.name: row for row in make_table(own_outline(protocol), scored, PUBLISHED).rows}
    assert rows["merba_tiny (ours)"].published is None
    if protocol.name == "megc2019":
        assert rows["STSTNet"].measured
        assert rows["STSTNet"].seeds == 2
        assert "ststnet (ours)" not in rows
        assert not rows["MERba"].measured
    else:
        assert rows["ststnet (ours)"].measured


def test_an_alarm_stands_in_no_published_row_whatever_its_name(scored):
    rows = {"ststnet": {"shuffle_labels": True}}
    record = {"run": "demo", "corpora": "synthetic", "config": {"protocols": {"megc2019": rows}}}
    (scored / "run.json").write_text(json.dumps(record))
    table = {
        row.name: row for row in make_table(own_outline(get_protocol("megc2019")), scored, PUBLISHED).rows
    }
    assert table["STSTNet"].published
    assert not table["STSTNet"].measured
    assert table["ststnet (alarm: shuffled labels)"].measured
    assert table["ststnet (alarm: shuffled labels)"].published is None


def test_a_row_whose_epochs_an_inner_split_chose_says_so_and_no_other(scored):
    rows = {"ststnet": {"selection": "nested"}, "merba_tiny": {"selection": "last"}}
    record = {"run": "demo", "corpora": "synthetic", "config": {"protocols": {"megc2019": rows}}}
    (scored / "run.json").write_text(json.dumps(record))
    grids = [lay_out(make_table(own_outline(get_protocol(name)), scored, PUBLISHED)) for name in SHOWN]
    told = [{cells[0].text: cells[-1].text for cells in grid.rows} for grid in grids]
    assert (told[0]["STSTNet"], told[0]["merba_tiny (ours)"], told[0]["MERba"]) == ("2 (nested)", "1", "-")
    assert told[1]["ststnet (ours)"] == "2"
    explained = [any("marked nested" in remark for remark in grid.remarks) for grid in grids]
    assert explained == [True, False]
    write_tables(scored, PUBLISHED)
    table = read_csv(scored / "tables" / "megc2019.csv").set_index("method")
    assert list(table.run_selection[["STSTNet", "merba_tiny (ours)", "MERba"]]) == ["nested", "last", ""]


def test_every_number_of_the_run_is_in_the_csv(tabled):
    table = read_csv(tabled / "tables" / "megc2019.csv").set_index("method")
    scores = read_csv(tabled / "scores" / "megc2019.csv").astype({"value": float})
    values = scores[(scores.model == "ststnet") & (scores.part == "samm") & (scores.metric == "uf1")].value
    row = table.loc["STSTNet"]
    assert row.run_samm_uf1 == f"{values.mean():.4f}"
    assert row.run_samm_uf1_sd == f"{values.std():.4f}"
    assert row.run_samm_uf1_low == row.run_samm_uf1_high == "", "two subjects are too few"
    assert row.published_combined_uar == "0.7186"
    assert table.loc["merba_tiny (ours)"].run_samm_uf1_sd == ""
    assert set(table.run_corpora) == {"synthetic"}
    assert set(table.run_complete) == {"no"}


def test_intervals_stand_below_the_values_and_are_explained(scored):
    path = scored / "scores" / "intervals_megc2019.csv"
    table = read_csv(path)
    combined = (table.model == "ststnet") & (table.part == "combined")
    write_csv(
        table.assign(low=table.low.where(~combined, "0.1234"), high=table.high.where(~combined, "0.5")), path
    )
    grid = lay_out(make_table(own_outline(get_protocol("megc2019")), scored, PUBLISHED))
    row = next(cells for cells in grid.rows if cells[0].text == "STSTNet")
    values, brackets = row[6].text.split("\n")
    assert values.count("±") == 2, "two metrics, several seeds"
    assert brackets == "[.123, .500] / [.123, .500]"
    assert "\n" not in row[7].text, "no interval, no second line"
    assert "95 % interval by a bootstrap over subjects" in " ".join(grid.remarks)
    assert "<br>[.123, .500] / [.123, .500] |" in markdown(grid)
    assert r" \\{}[.123,.500]/[.123,.500]\end{tabular}" in latex(grid, label="tab:x")


def test_a_synthetic_partial_run_says_so_in_every_form(tabled):
    for path in tabled.glob("tables/*"):
        text = path.read_text()
        protocol = re.sub("_(comparisons|classes|subjects|strata)$", "", path.stem)
        if path.suffix != ".csv":
            assert "NOT comparable" in text
        elif path.stem == protocol:
            assert "synthetic" in text
        if path.suffix != ".csv" and protocol != "about":
            full = sum(map(sum, get_protocol(protocol).counts.values()))
            assert re.search(rf"\d+ of {full} clips, partial", text)


@pytest.mark.parametrize(
    ("account", "words"),
    [
        (None, "does not say which corpora"),
        ({"corpora": "licensed"}, "used the licensed corpora"),
        ({"corpora": "flows"}, "that others have computed, not flow computed from the recordings"),
        ({"corpora": "flows", "title": "the flow of {X}"}, "others have computed (the flow of {X}), not"),
    ],
)
def test_the_first_remark_says_what_the_corpora_are(scored, account, words):
    (scored / "run.json").unlink()
    if account:
        (scored / "run.json").write_text(json.dumps(account))
    table = make_table(own_outline(get_protocol("dfme")), scored, PUBLISHED)
    assert words in lay_out(table).remarks[0]
    assert words in markdown(lay_out(table))


@pytest.mark.parametrize("kind", ["synthetic", "licensed", "flows", "unknown"])
def test_the_heading_over_the_run_s_numbers_says_what_they_were_made_from(scored, kind):
    (scored / "run.json").write_text(json.dumps({"run": "demo", "corpora": kind, "title": "some flow"}))
    heading = lay_out(make_table(own_outline(get_protocol("dfme")), scored, PUBLISHED)).blocks[-1][0]
    assert heading == f"This run: demo, {'flow computed by others' if kind == 'flows' else f'{kind} corpora'}"


def test_unknown_corpora_are_refused(scored):
    (scored / "run.json").write_text(json.dumps({"corpora": "synthetik"}))
    with pytest.raises(InputError, match=r"run.json: corpora are 'synthetik'. Did you mean 'synthetic'"):
        write_tables(scored, PUBLISHED)


@pytest.mark.parametrize("name", [name for name in list_protocols() if not get_protocol(name).published])
def test_without_published_numbers_a_table_has_no_column_for_them(scored, name):
    grid = lay_out(make_table(own_outline(get_protocol(name)), scored, PUBLISHED))
    assert [width for _, width in grid.blocks] == [1, len(grid.headings) - 1]
    assert "Epoch" not in grid.headings
    assert {len(row) for row in grid.rows} == {len(grid.headings)}
    assert "as printed" not in " ".join(grid.remarks)


def test_without_the_list_makers_account_coverage_comes_from_the_labels(scored):
    (scored / "labels" / "megc2019.json").unlink()
    coverage = make_table(own_outline(get_protocol("megc2019")), scored, PUBLISHED).coverage
    assert 0 < coverage.clips < 442
    assert not coverage.complete


def test_markdown_rows_have_one_width_and_every_mark_has_its_footnote(scored, protocol):
    text = markdown(lay_out(make_table(own_outline(protocol), scored, PUBLISHED)))
    widths = {line.replace(r"\|", "").count("|") for line in text.splitlines() if line.startswith("|")}
    assert len(widths) == 1
    notes = set(re.findall(r"^<sup>(\w+)</sup>", text, flags=re.MULTILINE))
    used = {mark for marks in re.findall(r" <sup>([\w,]+)</sup>", text) for mark in marks.split(",")}
    assert used == notes


def test_the_command_line_needs_results_only_and_reports_faults_without_traceback(scored, tmp_path):
    command = [sys.executable, "-m", "protocols.tables", "--published", str(PUBLISHED), "--results"]
    done = subprocess.run([*command, str(scored)], capture_output=True, text=True, check=True)
    assert "megc2019.md" in done.stdout
    failed = subprocess.run([*command, str(tmp_path / "none")], capture_output=True, text=True)
    assert failed.returncode == 1
    assert "no such results folder" in failed.stderr
    assert "Traceback" not in failed.stderr
