"""Every way a corpus lies on disk, every edition of its sheet, everything that can be wrong with either."""

import pytest

from contracts.clips import NO_FRAME, write_clips
from contracts.errors import InputError
from preprocess.corpora import Source, get_corpus
from preprocess.corpora.reading.policies import settle
from preprocess.corpora.synthetic import Options, list_layouts, write_corpus
from preprocess.corpora.synthetic.layouts import get_layout
from preprocess.frames import list_frames

# With clips of every quirk: sub04's apex cell `/`, sub24's recoded clips, both unlabelled folders.
SUBJECTS = {
    "smic": ["s01", "s03", "s20"],
    "casme2": ["sub04", "sub09", "sub24"],
    "samm": ["006", "028", "032"],
    "dfme": ["sub0003", "sub0008", "sub0001"],
}


def cases(kind):
    """(corpus, name) of every variant, coding or fault."""
    return [(corpus, name) for corpus in list_layouts() for name in getattr(get_layout(corpus), kind)]


def written(root, corpus, **options):
    """A small tree of blank pictures, and its plan."""
    settings = {"clips_per_class": 1, "length": (12, 15), "pictures": "blank", **options}
    return write_corpus(root, corpus, Options(**settings), SUBJECTS[corpus])


def check_clips(root, index, planned):
    """The table says what is planned for each clip, and nothing of any other."""
    rows = index.clips.set_index("clip_id")
    assert set(rows.index) == {clip.clip_id for clip in planned}
    for clip in planned:
        row = rows.loc[clip.clip_id]
        apex = int(clip.sheet_apex) if (clip.sheet_apex or "/").isdigit() else None
        span = settle(clip.numbers, clip.sheet_onset, apex, clip.sheet_offset)
        assert (row.onset, row.offset) == (span.onset, span.offset)
        assert row.apex == (NO_FRAME if span.apex is None else span.apex)
        assert row.emotion == clip.emotion.lower()
        assert row.fps == clip.fps
        assert row.pictures == ("cropped" if clip.cropped else "raw")
        assert list(list_frames(root / row.frames_dir)) == list(clip.numbers)


@pytest.mark.parametrize(("corpus", "variant"), cases("VARIANTS"))
def test_every_variant_is_read_or_refused_by_its_name(tmp_path, corpus, variant):
    root = tmp_path / "Ordner mit Umlauten: äöü 微表情"
    planned = written(root, corpus, variant=variant)
    if get_layout(corpus).VARIANTS[variant].other_release:
        with pytest.raises(InputError, match=r"this is S.*, (the|another) release.*[Gg]et"):
            get_corpus(corpus).index(Source(root))
        return
    index = get_corpus(corpus).index(Source(root))
    check_clips(root, index, planned)
    assert index.skipped.empty
    write_clips(index.clips, tmp_path / "clips.csv")


@pytest.mark.parametrize(("corpus", "coding"), cases("CODINGS"))
@pytest.mark.parametrize("sheet", ["xlsx", "xls", "csv", "csv_semicolon"])
def test_every_coding_in_every_format(tmp_path, corpus, coding, sheet):
    if sheet == "xls":
        pytest.importorskip("xlwt")
    scale = {"scale": "true", "length": (12, 12)} if corpus == "casme2" else {}
    planned = written(tmp_path, corpus, coding=coding, sheet=sheet, **scale)
    ignored = set(getattr(get_corpus(corpus), "ignored", ()))
    index = get_corpus(corpus).index(Source(tmp_path))
    kept = [clip for clip in planned if (clip.subject, clip.clip) not in ignored]
    assert set(index.clips.clip_id) == {clip.clip_id for clip in kept}
    emotions = index.clips.set_index("clip_id").emotion
    assert all(emotions[clip.clip_id] == clip.emotion.lower() for clip in kept)
    assert set(index.skipped.clip_id) == {clip.clip_id for clip in planned} - set(index.clips.clip_id)


def test_the_codings_of_casme2_are_told_apart(tmp_path):
    said = {"2014": "the 2014 coding", "2019": "the 2019 coding", "updated": "a users' copy"}
    for coding, words in said.items():
        written(tmp_path / coding, "casme2", coding=coding, scale="true", length=(12, 12))
        assert words in get_corpus("casme2").index(Source(tmp_path / coding)).recognised["sheet"][0]


# What the whole corpus is refused for, before any clip is looked at.
REFUSED = {
    "missing_sheet": r"annotation sheet of .* is missing",
    "missing_column": r"annotation sheet of .* is missing.*no sheet has the columns 'Onset",
    "empty_sheet": r"annotation sheet of .* is missing.*has its headings but not one row",
    "foreign_sheet": r"annotation sheet of .* is missing",
    "both": r"more than once",
}
# Faults of single clips that the user has to mend.
MENDED = {
    "empty_folder": "no frame in this clip's folder",
    "duplicate_row": "annotated twice",
    "both": "on disk twice",  # DFME, whose clips lie in three folders by design
}
# What is decided about the struck clips: (range_source, apex_source).
DECIDED = {
    "missing_apex": ("annotated", "nearest-on-disk"),
    "short_folder": ("on-disk", "annotated"),
    "stub_folder": ("folder", "none"),
    "no_overlap": ("folder", "none"),
    "runs_on": ("annotated", "annotated"),
    "apex_slash": ("annotated", "none"),
    "apex_is_onset": ("annotated", "none"),
    "apex_is_offset": ("annotated", "none"),
    "apex_outside": ("annotated", "none"),
}


def place_of(clip):
    """What the last part of a skipped clip's id is: SMIC's non_micro folders are named as on disk."""
    return clip.folder.rpartition("/")[2] if clip.corpus == "smic" else clip.clip


@pytest.mark.parametrize(("corpus", "fault"), cases("FAULTS"))
def test_every_fault_is_refused_listed_or_settled_and_no_clip_is_lost(tmp_path, corpus, fault):
    planned = written(tmp_path, corpus, faults=(fault,))
    if fault in REFUSED and (corpus, fault) != ("dfme", "both"):
        with pytest.raises(InputError, match=REFUSED[fault]):
            get_corpus(corpus).examine(Source(tmp_path))
        return
    index = get_corpus(corpus).examine(Source(tmp_path))
    kept, skipped = set(index.clips.clip_id), set(index.skipped.clip_id)
    faulty = {one.clip for one in index.faults}
    # What is no clip keeps its place on disk for a name.
    places = {clip_id.rpartition("/")[2] for clip_id in skipped}
    for clip in planned:
        assert clip.clip_id in kept | skipped | faulty or place_of(clip) in places
    assert not kept & skipped
    assert not skipped & faulty
    assert kept & faulty == (faulty if fault in ("duplicate_row", "both") else set())
    struck = [clip for clip in planned if fault in clip.faults]
    if fault in MENDED:
        assert index.faults
        assert all(MENDED[fault] in one.problem and one.cure for one in index.faults)
    else:
        assert not index.faults
    if corpus != "smic" and fault in DECIDED:
        rows = index.clips.set_index("clip_id")
        assert struck
        for clip in struck:
            row = rows.loc[clip.clip_id]
            if fault == "stub_folder" and row.apex != NO_FRAME:
                continue  # the apex is early enough to lie in what is left
            assert (row.range_source, row.apex_source) == DECIDED[fault]
            assert (clip.clip_id in set(index.notes.clip_id)) == (fault != "runs_on")
    if fault in ("row_without_folder", "folder_without_row", "unlabelled", "siblings"):
        outside = {clip.clip_id for clip in planned if not (clip.in_sheet and clip.on_disk)}
        # A VIS clip has the name of its HS twin.
        assert places == {place_of(clip) for clip in planned if clip.clip_id in outside - kept}
