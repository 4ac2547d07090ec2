"""Tables as pages that stand alone, and the clips behind their numbers."""

import json
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest
from handmade import SUBJECTS

from contracts.files import read_csv
from preprocess.corpora import get_corpus, list_corpora
from protocols import get_protocol
from protocols.about import about_page, digest
from protocols.layout import Cell, Grid
from protocols.page import page
from protocols.tables import write_tables

ROOT = Path(__file__).parents[2]
PUBLISHED = ROOT / "results" / "published"
_VOID = {"meta", "br"}


class Page(HTMLParser):
    """What a page has: its links, the places they may lead to, its words; and whether its tags are closed."""

    def __init__(self, text):
        super().__init__()
        self.open, self.links, self.places, self.words, self.attributes = [], [], [], [], set()
        self.feed(text)
        self.close()
        assert not self.open

    def handle_starttag(self, tag, attrs):
        given = dict(attrs)
        self.attributes |= set(given)
        self.links += [given["href"]] if "href" in given else []
        self.places += [given["id"]] if "id" in given else []
        if tag not in _VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.words.append(data)

    @property
    def text(self):
        return " ".join("".join(self.words).split())


@pytest.fixture(scope="module")
def pages(tabled):
    return {path.stem: path.read_text() for path in tabled.glob("tables/*.html")}


def test_every_page_is_whole_stands_alone_and_its_links_lead_somewhere(pages):
    for name, text in pages.items():
        seen = Page(text)
        assert seen.attributes <= {"href", "id", "class", "colspan", "lang", "charset"}, "nothing is loaded"
        assert {f"#{place}" for place in seen.places} >= set(seen.links), name
        assert len(set(seen.places)) == len(seen.places)


def test_every_number_of_the_run_leads_to_its_clips(pages, protocol):
    seen = Page(pages[protocol.name])
    for model in ("ststnet", "merba_tiny"):
        for part in protocol.parts:
            place = f"{model}.{part.groups[0]}" if len(part.groups) == 1 else model
            assert f"#{place}" in seen.links


def test_exactly_the_wrong_clips_are_named(tabled, pages):
    name = "samm_5class"
    section = pages[name].split('id="merba_tiny"')[1].split("<h2")[0]
    said = read_csv(tabled / "predictions" / name / "merba_tiny" / "seed0.csv").set_index("clip_id").predicted
    labels = read_csv(tabled / "labels" / f"{name}.csv").set_index("clip_id").label
    wrong = {clip for clip in labels.index if said[clip] != labels[clip]}
    named = dict(re.findall(r'<span class="clip">(\S+): \w+, <span class="wrong">(\w+)</span>', section))
    assert named == {clip.rpartition("/")[2]: said[clip] for clip in wrong}
    right = re.findall(r"</td><td>(\d+)</td><td>(\d+)</td>", section)
    assert sum(int(hits) for hits, _ in right) == len(labels) - len(wrong)
    assert sum(int(clips) for _, clips in right) == len(labels)


def test_of_several_seeds_each_answer_says_how_many(pages):
    section = pages["dfme"].split('id="ststnet"')[1].split("<h2")[0]
    counts = [int(count) for count in re.findall(r"\w \((\d)\)", section)]
    assert set(counts) <= {1, 2}
    assert "In brackets: of how many seeds" in pages["dfme"]


def test_a_page_escapes_what_it_is_given():
    grid = Grid("a<b", ["c&d"], [("", 1)], ["<i>"], [[Cell("<script>", link="x")]], [("a", "<note>")])
    text = page(grid, places=["y"])
    assert "<script>" not in text
    assert "<i>" not in text
    assert "href" not in text, "no such place"
    assert Page(text).text.endswith("<script> a<note>")


def test_by_class_the_run_and_the_full_protocol_stand_side_by_side(tabled, protocol):
    table = read_csv(tabled / "tables" / f"{protocol.name}_classes.csv")
    assert len(table) == len(protocol.counts) + sum(len(part.groups) > 1 for part in protocol.parts)
    for side in ("published", "this_run"):
        columns = [f"{side}_{name.replace(' ', '_')}" for name in protocol.classes]
        numbers = table[columns].astype(int)
        assert (numbers.sum(axis=1) == table[f"{side}_total"].astype(int)).all()
    first = table.iloc[0]
    assert tuple(int(first[f"published_{name}"]) for name in protocol.classes) == next(
        iter(protocol.counts.values())
    )


def test_an_older_account_still_gives_the_classes_of_test_clips(scored):
    path = scored / "labels" / "dfme.json"
    account = json.loads(path.read_text())
    for group in account["groups"].values():
        group.pop("counts")
    path.write_text(json.dumps(account))
    write_tables(scored, PUBLISHED)
    table = read_csv(scored / "tables" / "dfme_classes.csv").set_index("part")
    assert table.loc["Train", "this_run_anger"] == ""
    assert table.loc["Train", "this_run_total"] != ""
    assert table.loc["Test B", "this_run_anger"] == "2"


def test_every_subject_has_a_row_and_every_model_a_column(tabled):
    table = read_csv(tabled / "tables" / "casme2_5class_subjects.csv")
    assert sorted(table.subject) == [f"casme2/{one}" for one in sorted(SUBJECTS["casme2_5class"]["casme2"])]
    assert set(table.columns[2:]) == {"this_run_merba_tiny", "this_run_ststnet"}


def test_the_page_about_a_run_says_where_it_came_from_and_whom_to_cite(scored):
    record = {
        "run": "demo",
        "corpora": "licensed",
        "predictions": {"megc2019": ["a", "b"], "dfme": ["a"]},
        "seeds": [0, 1],
        "sources": {"casme2": "CASME II: Yan, <Li>.", "samm": "SAMM: Davison."},
        "papers": {"a": "Someone. Something. 2024. https://x", "b": "Someone. Something. 2024. https://x"},
        "config": {
            "run": "demo",
            "seeds": [0, 1],
            "protocols": {"megc2019": {"a": None, "b": {"seeds": [1]}}},
        },
        "environment": {"commit": "abc123", "torch": "2.9", "device": "H<1>"},
    }
    (scored / "run.json").write_text(json.dumps(record))
    seen = Page(about_page(scored))
    for words in (
        "abc123",
        "2.9",
        "H<1>",
        digest(record["config"]),
        "licensed corpora",
        "0, 1; b of megc2019 alone 1",
    ):
        assert words in seen.text
    assert seen.text.count("Something") == 1, "a work that two models share is cited once"
    assert "a, b: Someone" in seen.text
    assert "CASME II: Yan, <Li>." in seen.text
    assert "SAMM: Davison." in seen.text


def test_without_a_record_the_page_says_that_it_does_not_know(scored):
    (scored / "run.json").unlink()
    assert "does not say which corpora" in about_page(scored)


def test_the_same_settings_have_the_same_digest_in_any_order():
    assert digest({"a": 1, "b": {"c": 2, "d": 3}}) == digest({"b": {"d": 3, "c": 2}, "a": 1})
    assert digest({"a": 1}) != digest({"a": 2})


@pytest.mark.parametrize("name", list_corpora())
def test_a_corpus_is_cited_as_in_the_docs(name):
    docs = " ".join((ROOT / "docs" / "citations.md").read_text().split())
    assert f"* {(line := get_corpus(name).citation)}" in docs, f"docs/citations.md lacks the line: {line}"


@pytest.mark.parametrize("name", [name for name in SUBJECTS if get_protocol(name).strata])
def test_strata_divide_the_subjects_and_their_scores_are_those_of_their_clips(tabled, name):
    protocol = get_protocol(name)
    divided = [subject for subjects in protocol.strata.values() for subject in subjects]
    assert sorted(divided) == sorted(protocol.namespaced())
    table = read_csv(tabled / "tables" / f"{name}_strata.csv").set_index("model")
    said = read_csv(tabled / "predictions" / name / "merba_tiny" / "seed0.csv").set_index("clip_id").predicted
    labels = read_csv(tabled / "labels" / f"{name}.csv")
    tried = 0
    for part in protocol.parts:
        for stratum, subjects in protocol.strata.items():
            own = labels[labels.part.isin(part.groups) & labels.clip_id.str.rpartition("/")[0].isin(subjects)]
            stem = f"{part.title}, {stratum} (n={len(own)})".lower().replace(" ", "_")
            if len(own):
                accuracy = (said[own.clip_id].to_numpy() == own.label.to_numpy()).mean()
                cell = table.loc["merba_tiny", f"this_run_{stem}"].split("\n")[0]
                assert float(cell.split(" / ")[-1]) == pytest.approx(accuracy, abs=1e-4)
                tried += 1
    assert tried >= 2
