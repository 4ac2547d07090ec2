"""What the report shows opens in it: every item of it, and the audit's tables where there are some."""

import base64
import copy
import json
import re

import pandas as pd
import pytest
from small_project import SMALL

from contracts.files import write_csv
from protocols import get_protocol
from protocols.audit import RULES
from protocols.inflation import COLUMNS, write_inflation

pytestmark = pytest.mark.dag


def shown(project, *arguments):
    """Path -> what a report holds of it: mime type, labels, caption, text of a page."""
    status, output = project.snakemake(*arguments, "--report", "shown.html")
    assert status == 0, output
    text = (project.folder / "shown.html").read_text()
    items = json.loads(re.search(r'<script id="results">\s*var results = (.*?);\s*</script>', text)[1])
    for item in items.values():
        if item["mime_type"] == "text/html":
            item["text"] = base64.b64decode(item["data_uri"].partition("base64,")[2]).decode()
    return items


@pytest.fixture(scope="module")
def reported(original, tmp_path_factory):
    """Items of a report of the run, and of one with its audit's tables; and the latter's front page."""
    project = original.copied_to(tmp_path_factory.mktemp("reported") / "project")
    config = copy.deepcopy(SMALL)
    config["audit"] = {"megc2019": ["ststnet"]}
    project.configure(config)
    folder = project.folder / "results/small"
    rows = [
        ("ststnet", 0, rule, part.name, metric, 0.5, 13)
        for rule in RULES
        for part in get_protocol("megc2019").parts
        for metric in ("acc", "uar", "uf1")
    ]
    write_csv(pd.DataFrame(rows, columns=COLUMNS), folder / "audit/megc2019.csv")
    write_inflation(folder)
    without, both = shown(project), shown(project, "all", "audit")
    return without, both, (project.folder / "shown.html").read_text()


def test_all_but_lists_of_clips_opens_in_the_report_and_every_alarm_has_a_page(reported):
    items = reported[0]
    kinds = {path: item["mime_type"] for path, item in items.items()}
    others = {path: kind for path, kind in kinds.items() if kind not in ("text/html", "image/png")}
    assert all(path.startswith("data/small/quality/") for path in others), "only those are for downloading"
    assert all(item["caption"] and item["labels"] for item in items.values())
    page = items["results/small/alarms/megc2019.html"]
    assert "All are silent." in page["text"]
    assert "results/small/alarms/megc2019.json" in page["caption"]
    assert not [path for path in items if "audit" in path]


def test_the_audits_tables_stand_beside_the_runs_and_are_called_leaky(reported):
    without, both, front = reported
    assert both.keys() - without.keys() == {"results/small/audit/megc2019_inflation.html"}
    page = both["results/small/audit/megc2019_inflation.html"]
    assert "leaky" in page["text"]
    assert "Leaky rows are no results" in page["caption"]
    assert "Benchmark (audit, leaky)</strong>" in front


def test_a_report_shows_the_faces_of_synthetic_clips_alone(reported, spoilt):
    """Those of licensed recordings are for whoever has signed."""
    assert any("/pictures/" in path for path in reported[0])
    corpora = {name: {**own, "root": f"data/small/raw/{name}"} for name, own in SMALL["corpora"].items()}
    licensed = {key: one for key, one in SMALL.items() if key != "synthetic"} | {"corpora": corpora}
    spoilt.configure(licensed)
    items = shown(spoilt)
    assert "results/small/tables/megc2019.html" in items
    assert not [path for path in items if "/pictures/" in path]


def test_a_table_that_looks_otherwise_does_not_sound_the_alarms_again(finished):
    """The canary's page shares the look of all pages, and not the code that tables are made by."""
    module = finished.folder / "protocols/layout.py"
    text = module.read_text()
    try:
        module.write_text(text + "\n# an edit\n")
        jobs = finished.planned()
    finally:
        module.write_text(text)
    assert "tables" in jobs
    assert "canary" not in jobs
