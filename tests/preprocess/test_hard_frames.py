"""Frames as no owner means them, through the workflow's own scripts: each is handled, or refused by name."""

import contextlib
import functools
import importlib
import runpy
from collections import Counter
from pathlib import Path
from types import SimpleNamespace

import cv2
import numpy as np
import pandas as pd
import pytest
import skimage.data
from PIL import Image

from contracts.cache import read_cache
from contracts.clips import NO_FRAME, write_clips
from contracts.errors import InputError
from contracts.files import read_csv
from preprocess import frames as frames_module
from preprocess.align import OWNER_CROP, TEMPLATE, fit, read_matrices
from preprocess.corpora import Source, get_corpus
from preprocess.corpora.synthetic import Options, write_corpus
from preprocess.faces import read_landmarks
from preprocess.frames import list_frames

SCRIPTS = Path(__file__).resolve().parents[2] / "workflow" / "scripts"
CLIP = "casme2/sub01/EP01_01"
FRAMES = range(11, 18)  # onset 11, apex 14, offset 17
MIDDLE = 14
SIZE = 112


@functools.cache
def still():
    """A public-domain face, (H, W, 3)."""
    return cv2.resize(skimage.data.astronaut()[:300, 60:400], None, fx=0.8, fy=0.8)


def frame(number):
    """The face with one mouth corner on its way to frame 14 and back."""
    image = still()
    y, x = np.mgrid[: image.shape[0], : image.shape[1]].astype(np.float32)
    level = 3 * (1 - abs(number - MIDDLE) / 3.5)
    bump = np.exp(-((x - 110) ** 2 + (y - 130) ** 2) / (2 * 10**2)).astype(np.float32)
    return cv2.remap(image, x, y + np.float32(level) * bump, cv2.INTER_LINEAR)


class Subject:
    """One subject with one clip, and the stages that can be run on it in turn."""

    def __init__(self, base, made):
        self.base, self.folder = base, base / "raw" / "clip"
        self.folder.mkdir(parents=True)
        for number in FRAMES:
            self.put(number, made(number))
        self.table()

    def path(self, number):
        return self.folder / f"img{number}.png"

    def put(self, number, image):
        Image.fromarray(image).save(self.path(number))

    def table(self, pictures="raw", apex=MIDDLE):
        row = {
            "clip_id": CLIP,
            **dict(zip(("corpus", "subject", "clip"), CLIP.split("/"), strict=True)),
            "frames_dir": "clip",
            "onset": FRAMES[0],
            "apex": apex,
            "offset": FRAMES[-1],
            "fps": 200.0,
            "emotion": "happiness",
            "action_units": "12",
            "apex_source": "none" if apex == NO_FRAME else "annotated",
            "range_source": "annotated",
            "pictures": pictures,
            "sheet_sha256": "",
            "sheet_row": 1,
        }
        write_clips(pd.DataFrame([row]), self.base / "clips.csv")

    def run(self, *stages, policy="annotated"):
        made = {name: self.base / f"{name}.csv" for name in ("clips", "faces", "align", "apex")}
        params = {"root": str(self.base / "raw"), "exclude": [], "size": SIZE, "detector": "mtcnn"}
        params |= {"policy": policy, "method": "dis", "matched": True}
        for stage in stages:
            job = SimpleNamespace(
                input=SimpleNamespace(**made),
                output=[made.get(stage, self.base / "flow.h5")],
                params=_Params(params),
                wildcards=SimpleNamespace(corpus="casme2", subject="sub01"),
            )
            runpy.run_path(str(SCRIPTS / f"{stage}.py"), init_globals={"snakemake": job})

    def read(self, stage):
        """The stage's row of this clip."""
        return read_csv(self.base / f"{stage}.csv").set_index("clip_id").loc[CLIP]

    def flow(self):
        return read_cache(self.base / "flow.h5")


class _Params(dict):
    __getattr__ = dict.__getitem__


@pytest.fixture
def subject(tmp_path, monkeypatch):
    """Scripts run in this process: their faults come here, not to a log."""
    monkeypatch.syspath_prepend(str(SCRIPTS))
    monkeypatch.setattr(importlib.import_module("_job"), "logged", lambda _: contextlib.nullcontext())
    return lambda made=frame: Subject(tmp_path, made)


@pytest.fixture
def decoded(monkeypatch):
    """How often each file has been decoded."""
    counts = Counter()
    original = frames_module._pixels

    def counted(path, mode):
        counts[path.name] += 1
        return original(path, mode)

    monkeypatch.setattr(frames_module, "_pixels", counted)
    return counts


def refused(one, *stages, policy="annotated"):
    """The fault of the last stage, which names the clip; the stages before it pass."""
    one.run(*stages[:-1], policy=policy)
    with pytest.raises(InputError) as caught:
        one.run(stages[-1], policy=policy)
    assert caught.value.clip == CLIP
    return caught.value


@pytest.mark.parametrize("policy", ["annotated", "spotted", "midpoint"])
def test_no_stage_decodes_a_frame_twice_nor_one_it_does_not_need(subject, decoded, policy):
    one = subject()
    needed = {"faces": {11}, "align": set(), "apex": set(FRAMES) if policy == "spotted" else set()}
    for stage, numbers in needed.items():
        decoded.clear()
        one.run(stage, policy=policy)
        assert decoded == Counter(f"img{number}.png" for number in numbers), stage
    decoded.clear()
    one.run("flow")
    assert decoded == Counter(["img11.png", f"img{one.read('apex').apex}.png"])


def test_what_was_decided_is_in_the_tables_and_in_the_cache(subject):
    one = subject()
    one.run("faces", "align", "apex", "flow")
    face = one.read("faces")
    assert (face.detector, face.scale, face.candidates, face.decision) == ("mtcnn", "1", "1", "")
    assert float(face.score) > 0.9
    assert float(face.border) == 0
    assert one.read("align").rule == TEMPLATE
    made_with = one.flow().made_with
    assert made_with["face"] == {CLIP: "mtcnn"}
    assert made_with["crop_rule"] == {CLIP: TEMPLATE}


@pytest.mark.parametrize("pictures", ["raw", "cropped"])
def test_frames_of_differing_size_are_refused_with_both_names(subject, pictures):
    one = subject()
    one.table(pictures)
    one.put(MIDDLE, np.ascontiguousarray(frame(MIDDLE)[:-20, :-10]))
    height, width = still().shape[:2]
    said = f"differ in size (img11.png {width}x{height}, img14.png {width - 10}x{height - 20})"
    for stage, policy in (("flow", "annotated"), ("apex", "spotted")):
        stages = ["faces", "align", "apex", "flow"][: 4 if stage == "flow" else 3]
        fault = refused(one, *stages, policy=policy)
        assert said in fault.problem
        assert fault.file == one.path(MIDDLE)


def test_only_a_stage_that_decodes_a_corrupt_frame_notices_and_names_it(subject):
    one = subject()
    one.path(13).write_bytes(one.path(13).read_bytes()[:2000])
    one.run("faces", "align", "apex", "flow")
    assert np.isfinite(one.flow().flow).all()
    fault = refused(one, "apex", policy="spotted")
    assert "damaged" in fault.problem
    assert fault.file == one.path(13)


def test_sixteen_bits_are_refused_by_the_first_stage(subject):
    one = subject()
    cv2.imwrite(str(one.path(11)), frame(11).astype(np.uint16) * 257)
    fault = refused(one, "faces")
    assert "8-bit" in fault.problem
    assert fault.file == one.path(11)


def test_grey_frames_give_what_color_frames_give_of_their_luma(subject):
    """The very apex and flow, where the crop is the same; and a face is seen in both, at nearly one place."""
    one = subject()
    one.run("faces", "align", "apex", "flow", policy="spotted")
    landmarks, apex, flow = (read_landmarks(one.base / "faces.csv")[CLIP], one.read("apex"), one.flow().flow)
    for number in FRAMES:
        one.put(number, np.array(Image.open(one.path(number)).convert("L")))
    one.run("apex", "flow", policy="spotted")
    assert one.read("apex").equals(apex)
    np.testing.assert_array_equal(one.flow().flow, flow)
    assert np.abs(flow[0, :2]).max() > 0.5
    one.run("faces")
    assert one.read("faces").detector == "mtcnn"
    apart = np.linalg.norm(read_landmarks(one.base / "faces.csv")[CLIP] - landmarks, axis=1)
    assert apart.mean() < 5


def test_a_black_onset_shows_no_face_and_is_named(subject):
    one = subject()
    one.put(11, np.zeros_like(still()))
    fault = refused(one, "faces")
    assert "no face found" in fault.problem
    assert fault.file == one.path(11)
    assert "corpora.casme2.exclude" in fault.cure


def test_an_owners_crop_goes_by_its_size_wherever_the_face_is(subject):
    one = subject()
    one.table("cropped")
    one.run("faces", "align")
    height, width = still().shape[:2]
    np.testing.assert_allclose(
        read_matrices(one.base / "align.csv")[CLIP], fit(width, height, SIZE), atol=1e-12
    )
    assert (one.read("align").rule, one.read("align").residual) == (OWNER_CROP, "")
    assert read_landmarks(one.base / "faces.csv")[CLIP].shape == (68, 2)


def test_an_owners_crop_without_a_face_still_counts(subject, decoded):
    """A texture that no detector takes for a face: the spotter falls back without decoding anything."""
    texture = np.random.default_rng(0).integers(0, 255, (170, 140, 3), dtype=np.uint8)
    one = subject(lambda number: np.roll(texture, number, axis=1))
    one.table("cropped", apex=NO_FRAME)
    one.run("faces", "align")
    face = one.read("faces")
    assert (face.detector, face.candidates, face.x0) == ("", "0", "")
    assert "owner's crop" in face.decision
    assert read_landmarks(one.base / "faces.csv") == {}
    decoded.clear()
    one.run("apex", policy="spotted")
    assert (one.read("apex").apex, one.read("apex").apex_source) == (str(MIDDLE), "midpoint")
    assert not decoded
    one.run("flow")
    assert one.flow().made_with["crop_rule"] == {CLIP: OWNER_CROP}


def test_the_onset_as_apex_is_refused(subject):
    """No clip table and no policy says so; an edited apex table might."""
    one = subject()
    one.run("faces", "align", "apex")
    table = read_csv(one.base / "apex.csv").assign(apex=str(FRAMES[0]))
    table.to_csv(one.base / "apex.csv", index=False)
    fault = refused(one, "flow")
    assert "the apex is the onset" in fault.problem
    assert fault.file == one.path(11)


def test_two_equal_frames_have_no_motion(subject):
    one = subject(lambda _: still())
    one.run("faces", "align", "apex", "flow")
    assert np.abs(one.flow().flow).max() < 1e-3


def test_a_clip_of_one_frame_is_no_clip_of_the_index(tmp_path):
    root = tmp_path / "casme2"
    write_corpus(root, "casme2", Options(pictures="blank"), ["sub01"])
    corpus = get_corpus("casme2")
    clip = corpus.index(Source(root), ["sub01"]).clips.iloc[0]
    for path in list(list_frames(root / clip.frames_dir).values())[1:]:
        path.unlink()
    with pytest.raises(InputError, match="one frame is no clip") as caught:
        corpus.index(Source(root), ["sub01"])
    assert caught.value.clip == clip.clip_id
