"""The synthetic corpora: repeatable, independent by subject, and moving exactly as the planted truth says."""

import dataclasses
import re
import shutil
from pathlib import Path

import cv2
import numpy as np
import pytest

from contracts.errors import InputError
from contracts.provenance import ROOT, code_digest
from preprocess.corpora import list_corpora
from preprocess.corpora.synthetic import Options, list_layouts, plan, write_sheet, write_subject
from preprocess.corpora.synthetic.action_units import field, parse
from preprocess.corpora.synthetic.layouts import get_layout
from preprocess.corpora.synthetic.motion import motion
from preprocess.corpora.synthetic.portraits import person
from preprocess.corpora.synthetic.truth import read_truth
from preprocess.frames import list_frames, read_gray

TINY = Options(clips_per_class=1, length=(8, 10))


def bytes_below(root: Path) -> dict[str, bytes]:
    return {str(path.relative_to(root)): path.read_bytes() for path in root.rglob("*") if path.is_file()}


def test_same_bytes_again(tree, tmp_path):
    """One subject's frames and truth, and the workbook."""
    name, subject = tree.corpus.name, tree.subjects[0]
    written = write_subject(tmp_path / "raw", tmp_path / "truth.h5", name, subject, tree.options)
    write_sheet(tmp_path / "raw", name, tree.subjects, tree.options)
    first, second = bytes_below(tree.root), bytes_below(tmp_path / "raw")
    assert {str(path.relative_to(tmp_path / "raw")) for path in written} <= set(second)
    assert all(first[path] == content for path, content in second.items())
    assert (tree.truth / f"{subject}.h5").read_bytes() == (tmp_path / "truth.h5").read_bytes()


def test_another_seed_is_another_corpus():
    assert plan("smic", ["s01"], Options()) != plan("smic", ["s01"], Options(seed=1))


@pytest.mark.parametrize("corpus", list_layouts())
def test_subjects_do_not_depend_on_one_another(corpus, tree_of):
    a, b = tree_of(corpus).subjects[:2]
    assert plan(corpus, [a, b], TINY) == plan(corpus, [a], TINY) + plan(corpus, [b], TINY)


def test_plan_keeps_its_promises(tree):
    options = Options(clips_per_class=2, clips_per_emotion=2)
    for clip in plan(tree.corpus.name, tree.subjects, options):
        assert clip.onset < clip.apex < clip.offset
        assert 0.25 < (clip.apex - clip.onset) / (clip.offset - clip.onset) < 0.75
        assert options.length[0] - 1 <= len(clip.numbers) <= options.length[1]
        assert clip.apex in clip.numbers
        assert len(clip.files) == len(clip.numbers)
        assert parse(clip.action_units), "a clip without motion"


def test_truth_lies_beside_the_tree(tree):
    assert not list(tree.root.rglob("*.h5"))
    assert not list(tree.root.rglob("*.partial"))


def test_planted_flow_maps_onset_to_apex(tree):
    """I_apex(x + u(x)) is I_onset(x) up to noise, flicker and compression."""
    for clip in tree.planned[:3]:
        truth = read_truth(tree.truth / f"{clip.subject}.h5", clip.clip_id)
        frames = list_frames(tree.folder(clip))
        height, width = truth.flow.shape[:2]
        x, y = truth.origin
        onset, apex = (
            read_gray(frames[number])[y : y + height, x : x + width].astype(np.float32)
            for number in (clip.onset, truth.apex)
        )
        xs, ys = np.meshgrid(np.arange(width, dtype=np.float32), np.arange(height, dtype=np.float32))
        back = cv2.remap(apex, xs + truth.flow[..., 0], ys + truth.flow[..., 1], cv2.INTER_CUBIC)
        moved = np.hypot(*np.moveaxis(truth.flow_action_units, -1, 0)) > 0.8
        moved &= (xs > 8) & (xs < width - 8) & (ys > 8) & (ys < height - 8)
        # Flicker is a gain; what is left after it is texture out of place.
        smooth = [cv2.GaussianBlur(image, (0, 0), 1.0) for image in (onset, apex, back)]
        smooth = [image * (smooth[0][moved].mean() / image[moved].mean()) for image in smooth]
        before, after = (np.abs(smooth[k] - smooth[0])[moved].mean() for k in (1, 2))
        assert after < 1.0
        assert after < 0.25 * before


def test_truth_is_zero_at_the_onset_and_full_at_the_apex(tree):
    for clip in tree.planned:
        truth = read_truth(tree.truth / f"{clip.subject}.h5", clip.clip_id)
        assert truth.numbers.tolist() == list(clip.numbers)
        assert truth.envelope[0] == 0
        assert truth.envelope[-1] < 0.1
        assert truth.numbers[np.argmax(truth.envelope)] == truth.apex == clip.apex
        assert np.all(truth.drift[0] == 0)
        low, high = tree.options.amplitude
        eyes = float(np.hypot(*(truth.landmarks[45] - truth.landmarks[36])))
        peak = np.hypot(*np.moveaxis(truth.flow_action_units, -1, 0)).max() * 95 / eyes
        assert 0.75 * low * clip.strength < peak < 1.3 * high * clip.strength


@pytest.mark.parametrize("corpus", list_layouts())
def test_warps_do_not_fold(corpus, tree_of):
    """The Jacobian of what a frame shows stays positive: skin stretches but never overlaps."""
    tree = tree_of(corpus)
    frame = get_layout(corpus).FRAME
    clip = tree.planned[0]
    face = person(corpus, clip.subject, frame.width, frame.height, TINY)
    source = motion(clip, face, TINY).source(clip.numbers.index(clip.apex))
    (ux_y, ux_x), (uy_y, uy_x) = np.gradient(source[..., 0]), np.gradient(source[..., 1])
    assert (ux_x * uy_y - ux_y * uy_x).min() > 0.5


@pytest.mark.parametrize(
    ("corpus", "subject", "variant"), [("smic", "s01", "extended"), ("casme2", "sub01", "cropped")]
)
def test_faces_of_other_variants(corpus, subject, variant, tmp_path):
    """A whole recording rests before the onset; a cropped one shows the patch that moves and no more."""
    options = dataclasses.replace(TINY, variant=variant, faults=("missing_apex",))
    write_subject(tmp_path / "raw", tmp_path / "truth.h5", corpus, subject, options)
    clip = next(clip for clip in plan(corpus, [subject], options) if clip.faults)
    truth = read_truth(tmp_path / "truth.h5", clip.clip_id)
    frames = list_frames(tmp_path / "raw" / clip.folder)
    assert tuple(frames) == clip.numbers
    assert clip.apex not in frames
    assert np.all(truth.envelope[truth.numbers <= clip.onset] == 0)
    assert np.all(truth.envelope[truth.numbers >= clip.offset] < 0.1)
    assert truth.envelope[truth.numbers == clip.apex] == 1
    if variant == "extended":
        assert min(frames) < clip.onset
        assert clip.offset < max(frames)
    else:
        picture = read_gray(frames[clip.onset])
        assert truth.origin == (0, 0)
        assert picture.shape == truth.flow.shape[:2]
        assert np.all((truth.landmarks > 0) & (truth.landmarks < picture.shape[::-1]))


def test_frames_have_the_corpus_format(tree):
    from PIL import Image

    frame = get_layout(tree.corpus.name).FRAME
    with Image.open(next(tree.folder(tree.planned[0]).iterdir())) as image:
        assert image.size == (frame.width, frame.height)
        assert image.mode == ("RGB" if frame.color else "L")


def test_a_killed_run_leaves_no_half_clip(tmp_path, monkeypatch):
    from preprocess.corpora.synthetic import render

    whole = render.frames

    def dies(*args, **kwargs):
        yield next(whole(*args, **kwargs))
        raise KeyboardInterrupt

    monkeypatch.setattr(render, "frames", dies)
    with pytest.raises(KeyboardInterrupt):
        write_subject(tmp_path / "raw", tmp_path / "truth.h5", "samm", "006", TINY)
    assert [path.name for path in tmp_path.rglob("*") if path.is_file()] == ["SYNTHETIC.txt"]


def test_sides_are_the_subjects_own():
    """The subject's left is on the image's right; mirrored points pull outwards on their own side."""
    assert parse("4+L10") == [(4, ""), (10, "L")]
    assert parse("12B") == [(12, "")]
    assert parse("?") == []
    marks = np.zeros((68, 2)) + 50
    marks[36], marks[45], marks[48], marks[54] = (20, 30), (80, 30), (30, 70), (70, 70)
    marks[59] = marks[60] = (32, 72)
    marks[55] = marks[64] = (68, 72)
    left = field([(12, "L", 1.0, 0.0)], marks, (100, 100))
    assert left[70, 70, 0] > 0.3
    assert left[70, 70, 1] < -0.3
    assert np.hypot(*left[70, 30]) < 0.1
    both = field([(12, "", 1.0, 0.0)], marks, (100, 100))
    assert both[70, 30, 0] == pytest.approx(-both[70, 70, 0], abs=0.02)
    assert np.hypot(both[..., 0], both[..., 1]).max() == pytest.approx(1, abs=1e-5)


def test_options_refuse_nonsense():
    with pytest.raises(InputError, match=r"synthetic\.amplitude: 3\.0 to 1\.0 is no range"):
        Options(amplitude=(3.0, 1.0))
    with pytest.raises(InputError, match="at least 8 frames"):
        Options(length=(3, 9))
    assert Options(length=[10, 12]) == dataclasses.replace(Options(), length=(10, 12))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"variant": "croped"}, "no variant of casme2 is called 'croped'. Use 'cropped'"),
        ({"coding": "1789"}, "no coding of casme2 is called '1789'. Use one of 2014, 2019, updated, old"),
        ({"faults": ["apex_slsh"]}, "no fault of casme2 is called 'apex_slsh'. Use 'apex_slash'"),
    ],
)
def test_unknown_names(options, message):
    with pytest.raises(InputError, match=message):
        plan("casme2", ["sub01"], Options(**options))


@pytest.mark.parametrize("option", ["sheet", "scale", "pictures"])
def test_options_refuse_unknown_choices(option):
    with pytest.raises(InputError, match=f"synthetic.{option}: no {option} is called 'huge'"):
        Options(**{option: "huge"})


def test_unknown_corpus():
    with pytest.raises(InputError, match="cannot be synthesised"):
        plan("casme3", ["sub01"], Options())


def test_recordings_are_never_written_over(tmp_path):
    frame = tmp_path / "raw" / "SAMM" / "006" / "006_1_2" / "006_05562.jpg"
    frame.parent.mkdir(parents=True)
    frame.write_bytes(b"cannot be made again")
    for write in (
        lambda: write_subject(tmp_path / "raw", tmp_path / "truth.h5", "samm", "006", TINY),
        lambda: write_sheet(tmp_path / "raw", "samm", ["006"], TINY),
    ):
        with pytest.raises(
            InputError, match=r"006_05562\.jpg: this file was not synthesised.*root of its own"
        ):
            write()
    assert frame.read_bytes() == b"cannot be made again"
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == [frame]


def test_fewer_clips_leave_none_of_the_old(tmp_path):
    """Nor does another variant, in whatever case; other subjects' clips stay."""
    blank = dataclasses.replace(TINY, pictures="blank")
    more = dataclasses.replace(blank, clips_per_class=2, variant="doubled", faults=("upper_case",))
    for subject in ("006", "011"):
        write_subject(tmp_path / "raw", None, "samm", subject, more)
    write_subject(tmp_path / "raw", None, "samm", "011", blank)
    folders = {path.parent.relative_to(tmp_path / "raw").as_posix() for path in tmp_path.rglob("*.[jJ]*")}
    assert folders == {clip.folder for clip in plan("samm", ["006"], more) + plan("samm", ["011"], blank)}


@pytest.mark.parametrize("before", [{"faults": ("siblings",)}, {"faults": ("siblings", "upper_case")}])
@pytest.mark.parametrize("variant", ["raw", "cropped"])
def test_folders_beside_a_corpus_do_not_outlive_it(tmp_path, before, variant):
    """Nor do empty ones, which a reader may take for a second copy; other subjects' stay."""
    blank = dataclasses.replace(TINY, pictures="blank")
    for subject in ("s11", "s12"):
        write_subject(tmp_path, None, "smic", subject, dataclasses.replace(blank, **before))
    others = {path for path in tmp_path.rglob("*") if re.search(r"/s12\b", str(path), re.IGNORECASE)}
    now = dataclasses.replace(blank, variant=variant)
    write_subject(tmp_path, None, "smic", "s11", now)
    mine = {path for path in tmp_path.rglob("[sS]11_*") if path.is_dir()}
    assert mine == {tmp_path / clip.folder for clip in plan("smic", ["s11"], now)}
    assert {path for path in tmp_path.rglob("*") if path.name.lower() == "s11"} == {
        folder.parents[2] for folder in mine
    }
    assert others and all(path.exists() for path in others)


# What recordings depend on.


@pytest.fixture
def copied_code(tmp_path, monkeypatch):
    """The rooms that the generator may import from, as a copy to edit."""
    for room in ("contracts", "preprocess"):
        shutil.copytree(ROOT / room, tmp_path / room, ignore=shutil.ignore_patterns("__pycache__"))
    monkeypatch.setattr("contracts.provenance.ROOT", tmp_path)
    return tmp_path / "preprocess" / "corpora"


def edit(path: Path) -> None:
    path.write_bytes(path.read_bytes() + b"\n")


@pytest.mark.parametrize("corpus", list_layouts())
def test_editing_a_reader_makes_no_recording_again(corpus, copied_code):
    """The digest by which the DAG tells whether recordings are of the present generator."""

    def digest():
        return code_digest("preprocess.corpora.synthetic", f"preprocess.corpora.synthetic.layouts.{corpus}")

    before = digest()
    readers = [copied_code / f"{name}.py" for name in list_corpora()]
    readers += [path for path in (copied_code / "reading").rglob("*") if path.is_file()]
    for path in readers:
        edit(path)
    assert digest() == before
    for name in ("synthetic/census.py", f"synthetic/layouts/{corpus}.py", "facts/dfme.py"):
        edit(copied_code / name)
        assert digest() != before, f"{name} does not count"
        before = digest()
