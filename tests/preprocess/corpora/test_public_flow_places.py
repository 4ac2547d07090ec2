"""The public flow set is found however it lies below its root; of several copies the user chooses."""

import os
import shutil
from pathlib import Path

import pytest
from public_flow_tree import HANDFUL, all_ids, examined, flow, save

from contracts.errors import InputError
from preprocess.corpora import Source, get_corpus
from preprocess.corpora.public_flows import FOLDER, LIST

CORPUS = get_corpus("public_flows")


def moved(flows, place):
    """The pictures elsewhere below the root."""
    aside = flows.home.rename(flows.root / "aside")
    (flows.root / place).parent.mkdir(parents=True, exist_ok=True)
    aside.rename(flows.root / place)
    return flows.root


def nested(flows):
    """The whole repository one level further down, as archives unpack."""
    outer = flows.root.with_name("outer")
    outer.mkdir()
    flows.root.rename(outer / flows.root.name)
    return outer


ROOTS = {
    "the repository": lambda flows: flows.root,
    "a relative path": lambda flows: Path(os.path.relpath(flows.root)),
    "its parent": lambda flows: Path(shutil.copy(flows.sheet, flows.home.parent)).parent,
    "doubled repository": nested,
    "doubled folder": lambda flows: moved(flows, f"datasets/{FOLDER}/{FOLDER}"),
    "other letter case": lambda flows: moved(flows, f"DATASETS/{FOLDER.upper()}"),
    "directly below": lambda flows: moved(flows, FOLDER),
    "four levels down": lambda flows: moved(flows, f"a/b/c/{FOLDER}"),
    "spaces and letters": lambda flows: flows.root.rename(flows.root.with_name("Größe à part")),
}


@pytest.mark.parametrize("place", ROOTS.values(), ids=ROOTS)
def test_the_pictures_are_found(flows, place):
    root = place(flows)
    ids, skipped, faults = examined(root)
    assert (sorted(ids), skipped, faults) == (all_ids(), {}, [])
    for corpus in CORPUS.provides:
        found = CORPUS.subject_paths(Source(root), corpus)
        own = [clip for clip in HANDFUL if clip.corpus == corpus]
        assert {subject: len(paths) for subject, paths in found.items()} == {
            clip.subject: sum(one.subject == clip.subject for one in own) for clip in own
        }
    sheets = CORPUS.sheet_files(Source(root))
    assert LIST in {path.name for path in sheets}
    # The DAG notes their state under their path from the root.
    assert all(path.relative_to(root) and path.is_file() for path in sheets)
    home, sheet = CORPUS.places(Source(root))
    assert (home.name.casefold(), sheet.name) == (FOLDER.casefold(), LIST)
    assert home.is_relative_to(root)


def test_the_pictures_folder_alone_is_no_root(flows_written):
    with pytest.raises(
        InputError, match=r"list of clips is missing.* Set corpora\.public_flows\.root to the repo"
    ):
        CORPUS.index(Source(flows_written.home), corpus="smic")


def test_copies_per_fold_and_face_crops_are_never_taken(flows):
    shutil.rmtree(flows.home)
    assert CORPUS.subject_paths(Source(flows.root), "smic") == {}
    with pytest.raises(InputError, match=f"no folder '{FOLDER}'"):
        CORPUS.index(Source(flows.root), corpus="smic")


def test_of_several_copies_the_user_chooses(flows):
    shutil.copytree(flows.home, flows.root / "old" / FOLDER)
    save(flows.root / "old" / FOLDER / flows.picture(HANDFUL[0]).name, flow(99))
    for call in (CORPUS.index, CORPUS.subject_paths):
        with pytest.raises(
            InputError, match=rf"more than once \(.*, old/{FOLDER}\).*corpora\.public_flows\.frames"
        ):
            call(Source(flows.root), corpus="smic")
    for chosen in ("old", f"old/{FOLDER}", f"datasets/{FOLDER}"):
        clips = CORPUS.index(Source(flows.root, frames=chosen), corpus="smic").clips
        assert all(name.startswith(chosen) for name in clips.frames_dir)
    with pytest.raises(InputError, match="more than once"):
        CORPUS.places(Source(flows.root))
    shutil.copytree(flows.home, flows.root / "mine/flows of another name")
    assert len(examined(flows.root, frames="mine/flows of another name")[0]) == len(HANDFUL)
    for wrong, problem in (
        ("new", "there is no folder 'new'"),
        ("..", "there is no folder '..'"),
        (LIST, "there is no folder"),
        ("mine", r"mine: no folder .* with PNG pictures.*corpora\.public_flows\.frames"),
    ):
        with pytest.raises(InputError, match=problem):
            CORPUS.index(Source(flows.root, frames=wrong), corpus="smic")


def test_lists_that_contradict_each_other_are_refused_until_one_is_chosen(flows):
    shutil.copy(flows.sheet, flows.root / "copy.csv")
    assert len(examined(flows.root)[0]) == len(HANDFUL)
    flows.write_list(flows.rows()[1:])
    with pytest.raises(InputError, match=r"contradict each other.*copy\.csv.*corpora\.public_flows\.sheets"):
        CORPUS.index(Source(flows.root), corpus="smic")
    assert len(examined(flows.root, sheets=("copy.csv",))[0]) == len(HANDFUL)
    assert len(examined(flows.root, sheets=(LIST,))[0]) == len(HANDFUL) - 1
    # The DAG watches what is read, and nothing else.
    chosen = Source(flows.root, sheets=("copy.csv",))
    assert CORPUS.sheet_files(chosen) == [flows.root / "copy.csv"]
    assert CORPUS.places(chosen) == [flows.home, flows.root / "copy.csv"]
    with pytest.raises(InputError, match=r"no file 'gone\.csv'"):
        CORPUS.sheet_files(Source(flows.root, sheets=("gone.csv",)))


@pytest.mark.parametrize(
    "content", [None, "casme2,sub01,EP02_01f,1\n", "dataset,sub,label\ncasme2,sub01,1\n"]
)
def test_without_a_list_its_columns_are_named_and_what_was_passed_over(flows, content):
    flows.sheet.unlink()
    if content:
        (flows.root / "other.csv").write_text(content)
    with pytest.raises(InputError, match="dataset, sub, filename_o, label") as caught:
        CORPUS.index(Source(flows.root), corpus="smic")
    assert ("other.csv: no sheet has the columns" in str(caught.value)) == bool(content)


def test_before_it_is_fetched_there_is_nothing(tmp_path):
    source = Source(tmp_path / "corpora/HTNet")
    assert CORPUS.subject_paths(source, "smic") == {}
    assert CORPUS.sheet_files(source) == []
    with pytest.raises(InputError, match=r"does not exist.*docs/corpora/public_flows\.md"):
        CORPUS.index(source, corpus="smic")
