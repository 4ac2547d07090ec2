"""The pages say what is so: links lead somewhere, and the corpora's pages agree with the code."""

import itertools
import json
import re
from pathlib import Path
from types import SimpleNamespace

import pytest

from preprocess.corpora import Source, get_corpus, list_corpora
from preprocess.corpora.facts.dfme import MEMBERS
from preprocess.corpora.public_flows import FOLDER, LIST
from preprocess.corpora.reading.recordings import Recordings
from preprocess.corpora.reading.repairs import read_repairs
from preprocess.corpora.synthetic import Options, census, list_layouts, write_corpus
from preprocess.corpora.synthetic.layouts import get_layout
from protocols import get_protocol, list_protocols
from protocols.base import Skip
from workflow.check import main as merba_check

ROOT = Path(__file__).resolve().parent.parent
CORPORA = ROOT / "docs" / "corpora"
DOCS = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "config" / "README.md"]
DOCS += sorted((ROOT / "docs").rglob("*.md"))
OVERVIEW = (CORPORA / "README.md").read_text()
PAGES = {path.stem: path.read_text() for path in sorted(CORPORA.glob("*.md")) if path.stem != "README"}
LAYOUTS = list_layouts()

_FENCE = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
_CODE = re.compile(r"`([^`\n]+)`")
_CLIPS = {
    "smic": r"s\d+_[a-z]+_\d+",
    "casme2": r"sub\d+/EP\w+",
    "samm": r"\d{3}_\d+_\d+",
    "dfme": r"sub\d{4}_\d+",
}
"""How a page names a clip: as its corpus's lists do, without what can be left out."""


def relative(path):
    return str(path.relative_to(ROOT))


def in_code(text):
    """What stands in backticks outside of fenced blocks."""
    return set(_CODE.findall(_FENCE.sub("", text)))


def rows_of(text):
    """The cells of every row of every table, without backticks."""
    for line in text.splitlines():
        if line.startswith("|"):
            yield [cell.strip().replace("`", "") for cell in line.strip("|").split("|")]


def named(corpus, subject, clip):
    """A clip as its corpus's page names it."""
    return f"{subject}/{clip}" if corpus == "casme2" else clip


def anchors(path):
    """The anchors of a page's headings, as forges make them."""
    headings = re.findall(r"^#+ (.+)$", _FENCE.sub("", path.read_text()), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


# All pages


@pytest.mark.parametrize("page", DOCS, ids=relative)
def test_relative_links_lead_somewhere(page):
    for link in _LINK.findall(_FENCE.sub("", page.read_text())):
        if re.match(r"[a-z]+:", link):
            continue
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        assert target.exists(), f"{link} leads nowhere"
        assert target.is_relative_to(ROOT), f"{link} leads out of the repository"
        assert not anchor or anchor in anchors(target), f"{link} has no such heading"


@pytest.mark.parametrize("page", DOCS, ids=relative)
def test_named_configuration_keys_exist(page):
    schema = json.loads((ROOT / "workflow" / "schemas" / "config.schema.json").read_text())
    known = schema["$defs"]["corpus"]["properties"]
    named_keys = re.findall(r"corpora\.(<name>|\w+)\.(\w+)", page.read_text())
    assert {key for _, key in named_keys} <= set(known)
    assert {corpus for corpus, _ in named_keys} <= {"<name>", *list_corpora()}


@pytest.mark.parametrize("page", sorted(CORPORA.glob("*.md")), ids=relative)
def test_named_files_of_the_repository_exist(page):
    rooms = ("config", "contracts", "docs", "preprocess", "protocols", "tests", "workflow")
    for name in in_code(page.read_text()):
        if name.split("/")[0] in rooms and re.fullmatch(r"[\w./]+\.(py|csv|md|yaml)", name):
            assert (ROOT / name).is_file(), f"{name} is not there"


# The corpora's pages


def test_every_corpus_has_a_page_and_every_page_a_corpus():
    assert set(PAGES) == set(list_corpora())


@pytest.mark.parametrize("name", list_corpora())
def test_the_overview_gives_every_corpus_its_page_and_true_counts(name):
    (row,) = (row for row in rows_of(OVERVIEW) if row[0] == name)
    corpus = get_corpus(name)
    subjects, clips = map(sum, zip(*corpus.full.values(), strict=True))
    assert f"]({name}.md)" in row[-1]
    assert (row[4], row[5]) == (str(subjects), str(clips))
    if isinstance(corpus, Recordings):
        assert row[6] == str(len(corpus.emotions))
        assert row[1] == f"{corpus.fps:g}" if corpus.fps else "," in row[1]


@pytest.mark.parametrize("name", LAYOUTS)
def test_a_page_gives_the_full_counts(name):
    ((subjects, clips),) = get_corpus(name).full.values()
    opening = PAGES[name].partition("\n## ")[0]
    assert re.search(rf"\b{subjects} subjects\b", opening)
    assert re.search(rf"\b{clips} clips\b", opening)


@pytest.mark.parametrize("name", LAYOUTS)
def test_a_page_has_every_protocol_over_its_corpus_with_its_counts(name):
    rows = {row[0].partition(",")[0]: row for row in rows_of(PAGES[name])}
    for protocol in map(get_protocol, list_protocols()):
        if name not in protocol.corpora:
            continue
        clips = protocol.counts[name] if name in protocol.counts else sum(protocol.counts.values(), ())
        said, subjects = rows[protocol.name][2:4]
        assert said == str(sum(clips))
        assert re.match(rf"{len(protocol.subjects[name])}\b", subjects)


def test_the_page_of_dfme_has_the_table_of_classes():
    counts = get_protocol("dfme").counts
    rows = list(rows_of(PAGES["dfme"]))
    for part, title in {"train": "train", "testA": "Test A", "testB": "Test B"}.items():
        assert [title, *map(str, counts[part])] in rows


@pytest.mark.parametrize("name", LAYOUTS)
def test_a_page_has_every_variant_and_coding_and_no_other(name):
    layout = get_layout(name)
    rows = list(rows_of(PAGES[name]))
    for title, entries in (("variant (--variant)", layout.VARIANTS), ("coding (--coding)", layout.CODINGS)):
        tables = [k for k, row in enumerate(rows) if row[0] == title]
        assert len(tables) == bool(entries)
        for k in tables:
            assert [row[0] for row in rows[k + 2 : k + 2 + len(entries)]] == list(entries)
    for variant in layout.VARIANTS.values():
        assert variant.folder.partition("{")[0].rpartition("/")[0] in PAGES[name]
    for coding in layout.CODINGS.values():
        assert f"`{coding.name}`" in PAGES[name]


@pytest.mark.parametrize("name", LAYOUTS)
def test_a_page_has_every_release_that_is_refused_by_name(name):
    for what, _ in get_corpus(name).lookalikes.values():
        assert f"| {what.partition(',')[0]}" in PAGES[name]
    others = [one for one in get_layout(name).VARIANTS.values() if one.other_release]
    assert len(others) == PAGES[name].count("**refused by name**")


def test_each_way_to_fetch_the_public_flows_gets_the_pictures_and_the_list():
    blocks = _FENCE.findall(PAGES["public_flows"])
    for command in ("sparse-checkout set", "dvc get", "dvc import"):
        (way,) = (block for block in blocks if command in block)
        assert f"datasets/{FOLDER}" in way
        assert LIST in way
    shown = re.findall(r"dvc (?:get|import) .*\n.*", (ROOT / "README.md").read_text())
    assert len(shown) == 4
    assert all(command in PAGES["public_flows"] for command in shown)


@pytest.mark.parametrize("repair", read_repairs(), ids=lambda one: f"{one.corpus}-{one.clip}")
def test_every_repair_stands_on_its_corpus_s_page(repair):
    clip = named(repair.corpus, repair.subject, repair.clip)
    rows = [row for row in rows_of(PAGES[repair.corpus]) if clip in row[0] and "repairs.csv" in row[-1]]
    assert len(rows) == 1
    assert f"{repair.field} {repair.old} -> {repair.new}" in rows[0][2]


@pytest.mark.parametrize("name", LAYOUTS)
def test_clips_that_are_ignored_or_left_out_by_name_stand_on_the_page(name):
    page, corpus = in_code(PAGES[name]), get_corpus(name)
    assert {named(name, *key) for key in corpus.ignored} <= page
    for protocol, subject in itertools.product(
        map(get_protocol, list_protocols()), get_layout(name).SUBJECTS
    ):
        if name not in protocol.corpora:
            continue
        for role in census.roles(name, subject, updated=True):
            for emotion in corpus.emotions:
                if _labelled(protocol, name, subject, "any", emotion) and not _labelled(
                    protocol, name, subject, role.clip, emotion
                ):
                    assert named(name, subject, role.clip) in page, f"{protocol.name} leaves it out"


def _labelled(protocol, corpus, subject, clip, emotion):
    clip_id = f"{corpus}/{subject}/{clip}"
    try:
        return protocol.label(SimpleNamespace(clip_id=clip_id, corpus=corpus, emotion=emotion))
    except Skip:
        return None


@pytest.mark.parametrize("name", LAYOUTS)
def test_named_clips_are_the_corpus_s(name):
    known = {
        named(name, subject, role.clip)
        for subject in get_layout(name).SUBJECTS
        for role in census.roles(name, subject, updated=True)
    } | {named(name, *key) for key in get_corpus(name).ignored}
    subjects = set(get_layout(name).SUBJECTS)
    corpus = get_corpus(name)
    for one in in_code(PAGES[name]):
        if not re.fullmatch(_CLIPS[name], one):
            continue
        if name == "smic":
            one = corpus.clip_of(one)  # the page shows the spelling on disk once
        # Names of the other clips are public only in part; their subjects are known.
        assert one in known or (name != "smic" and re.split("[/_]", one)[0] in subjects), one


@pytest.mark.parametrize("name", LAYOUTS)
def test_every_clip_that_the_reader_decides_about_stands_on_the_page(name, tmp_path):
    subjects = ["sub0593"] if name == "dfme" else None
    options = Options(scale="true", pictures="blank", length=(8, 10))
    write_corpus(tmp_path, name, options, subjects)
    page = in_code(PAGES[name])
    notes = get_corpus(name).index(Source(tmp_path)).notes
    assert {named(*clip_id.split("/")) for clip_id in notes.clip_id} <= page


def test_the_subjects_of_dfme_who_may_never_be_shown_are_those_of_each_set():
    titles = {"train": "train", "Test A": "testA", "Test B": "testB"}
    counts, named = {}, set()
    for row in rows_of(PAGES["dfme"]):
        if match := re.fullmatch(r"(train|Test [AB]), (\d+)", row[0]):
            listed = row[1].split()
            counts[titles[match[1]]] = len(listed)
            assert len(set(listed)) == int(match[2])
            assert {f"sub{one}" for one in listed} <= set(MEMBERS[titles[match[1]]])
            named |= {f"sub{one}" for one in listed}
    assert counts == {"train": 45, "testA": 11, "testB": 8}
    assert named == get_corpus("dfme").never_shown


def test_the_overview_shows_what_the_commands_print(tmp_path, capsys):
    options = Options(scale="true", pictures="blank")
    planned = write_corpus(tmp_path, "casme2", options)
    status = merba_check([f"casme2={tmp_path}"])
    printed = capsys.readouterr().out.replace(str(tmp_path), "/tmp/casme2").splitlines()
    printed.append(f"/tmp/casme2: {len(planned)} folders, {sum(len(one.files) for one in planned)} frames")
    shown = OVERVIEW.rpartition("\n```\n")[0].rpartition("\n```\n")[2].splitlines()
    assert shown[0].startswith("/tmp/casme2")
    assert {line for line in shown if line.strip() not in ("", "...")} <= set(printed)
    assert f"status is {status}" in " ".join(OVERVIEW.split())
