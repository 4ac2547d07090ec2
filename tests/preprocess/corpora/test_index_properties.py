"""Whatever names and cells are found: no crash but a named error, and no clip lost in silence."""

import csv
import re

from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from contracts.clips import write_clips
from contracts.errors import InputError
from preprocess.corpora import Source, get_corpus
from preprocess.corpora.reading.annotations import key_of
from preprocess.corpora.reading.sheets import read_cells
from preprocess.frames import list_frames

CORPORA = ("casme2", "samm", "dfme")
HOMES = {"casme2": "Cropped/sub01", "samm": "SAMM/006", "dfme": "train_data"}
CLIPS = {
    "casme2": ["EP02_01f", "EP09f", "EP06_02_01", "ep02_01F"],
    "samm": ["006_1_2", "006_1_3", "6_1_4", "007_1_1"],
    "dfme": ["sub0003_01", "SUB0003_02", "sub0004_1", "sub0003_0001"],
}
SUBJECTS = {"casme2": ["01", "1", "1.0"], "samm": ["006", "6", "6.0"], "dfme": ["sub0003", "3", ""]}
ODD = st.text(st.characters(codec="utf-8", exclude_characters="/\0"), max_size=8)
CELL = st.one_of(st.integers(-1, 12).map(str), st.sampled_from(["", "/", "?", "5.0", "1e3", "９"]), ODD)
FOLDER = st.lists(st.integers(0, 11), max_size=8, unique=True)
slow = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@st.composite
def releases(draw):
    """A corpus, its clip folders with their frame numbers, and the rows of its sheet."""
    corpus = draw(st.sampled_from(CORPORA))
    clip = st.sampled_from(CLIPS[corpus])
    folders = draw(st.dictionaries(st.one_of(clip, clip, ODD), FOLDER, min_size=1, max_size=4))
    headings = get_corpus(corpus).form.headings
    emotion = st.sampled_from(get_corpus(corpus).emotions)
    columns = dict.fromkeys(headings, CELL) | {
        "subject": st.one_of(st.sampled_from(SUBJECTS[corpus]), ODD),
        "clip": st.one_of(clip, clip, clip, ODD),
        "emotion": st.one_of(emotion, emotion, ODD),
        "fps": st.sampled_from(["200", "0", "500", "x"]),
    }
    rows = draw(st.lists(st.tuples(*(columns[field] for field in headings)), max_size=5))
    return corpus, folders, [list(headings.values()), *map(list, rows)]


@slow
@given(releases())
def test_every_clip_on_disk_and_every_row_is_a_clip_or_listed_or_a_named_fault(tmp_path_factory, release):
    name, folders, rows = release
    root, corpus = tmp_path_factory.mktemp("release"), get_corpus(name)
    for folder, numbers in folders.items():
        place = root / HOMES[name] / (folder or "_")
        try:
            place.mkdir(parents=True, exist_ok=True)
        except OSError:  # a name that file systems do not take, `..` or a lone surrogate
            continue
        for number in numbers:
            (place / f"img{number}.jpg").touch()
    with (root / "sheet.csv").open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows(rows)
    try:
        on_disk = {corpus.clip_id(*key) for key in corpus.layout(Source(root)).folders}
        index = corpus.examine(Source(root))
    except InputError as error:
        assert error.problem and error.cure and error.file
        return
    faulty = {fault.clip for fault in index.faults}
    kept, skipped = set(index.clips.clip_id), set(index.skipped.clip_id)
    assert on_disk <= kept | skipped | faulty
    assert kept <= on_disk
    assert not kept & skipped
    assert all(fault.problem and fault.cure and fault.file for fault in index.faults)
    # A row that names no clip can only be told by its number.
    numbers = {int(found) for one in index.faults for found in re.findall(r"rows? (\d+)", one.problem)}
    for number, row in enumerate(read_cells(root / "sheet.csv")[0], 1):
        cells = dict(zip(corpus.form.headings, row, strict=False))
        if number > 1 and any(row):
            clip_id = corpus.clip_id(*key_of(corpus, cells)) if len(row) > 1 else ""
            assert clip_id in kept | skipped | faulty or number in numbers
    write_clips(index.clips, root / "clips.csv")


@slow
@example(["img1.jpg", "img01.jpg"])
@example(["１.png", "1.png"])
@given(
    st.lists(st.one_of(ODD, ODD.map(lambda name: f"{name}.jpg"), st.sampled_from(["7.png", "img007.JPG"])))
)
def test_frames_are_listed_in_order_or_refused_by_name(tmp_path_factory, names):
    folder = tmp_path_factory.mktemp("clip")
    made = 0
    for name in names:
        try:
            (folder / name).touch()
            made += 1
        except OSError:
            continue
    try:
        frames = list_frames(folder)
    except InputError as error:
        assert error.file is not None
        return
    assert list(frames) == sorted(frames)
    assert len(set(frames.values())) == len(frames) <= made


@slow
@given(st.binary(max_size=300), st.sampled_from(["a.xlsx", "a.xls", "a.csv"]), st.booleans())
def test_any_bytes_are_a_table_of_text_or_a_named_error(tmp_path_factory, content, name, zipped):
    path = tmp_path_factory.mktemp("sheet") / name
    path.write_bytes((b"PK\x03\x04" if zipped else b"") + content)
    try:
        tables = read_cells(path)
    except InputError as error:
        assert error.file == path
        return
    assert all(isinstance(cell, str) for cells in tables for row in cells for cell in row)
