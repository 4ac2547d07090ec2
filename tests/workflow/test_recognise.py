"""`merba-recognise`: for a clip of a run the run's answer, from a folder and from a video."""

import contextlib
import importlib
import itertools
import runpy
from pathlib import Path
from types import SimpleNamespace

import cv2
import numpy as np
import pandas as pd
import pytest
from PIL import Image

from contracts.cache import write_cache
from contracts.clips import write_clips
from contracts.files import read_csv
from contracts.predictions import read_predictions
from merba import checkpoints, predict, train
from merba.registry import declaration
from preprocess.corpora import Source, get_corpus
from preprocess.corpora.synthetic import Options, write_corpus
from preprocess.footage import open_footage
from preprocess.frames import list_frames, read_color
from preprocess.measure import MOST_FRAMES, Asked, Pixels, measure
from workflow.recognise import _decision, _shown, main

SCRIPTS = Path(__file__).resolve().parents[2] / "workflow" / "scripts"
CLASSES = ["negative", "positive", "surprise"]
SUBJECTS = TRAINED, TESTED = "sub02", "sub12"
CROP, SIZE, FPS = 112, 28, 200
MODELS = {"kernel_ridge": "cache", "lbp_top": "sequence"}  # sees flow, sees whole clips


class _Params(dict):
    __getattr__ = dict.__getitem__


class Made:
    """Two synthetic subjects, taken through the workflow's own scripts, and models trained on the first."""

    def __init__(self, base):
        self.base, self.raw = base, base / "raw"
        write_corpus(self.raw, "casme2", Options(clips_per_class=1, length=(12, 14)), SUBJECTS)
        index = get_corpus("casme2").index(Source(self.raw), list(SUBJECTS))
        clips = index.clips.assign(label=index.clips.emotion.map(_LABELS)).dropna(subset="label")
        clips = clips.drop_duplicates(["subject", "label"])
        self.clips = clips[(clips.subject == TRAINED) | (clips.label == "surprise")]
        write_clips(self.clips.drop(columns="label"), self.path("clips"))
        clips = declaration("lbp_top").clips
        also = {"cache": {"size": SIZE}}
        also["sequence"] = {"flow": clips.flow, "steps": clips.steps, "size": clips.size}
        for subject, stage in itertools.product(SUBJECTS, (*_STAGES, *also)):
            self.stage(stage, subject, **also.get(stage, {}))
        for model in MODELS:
            self.learn(model)

    def path(self, stage, subject=TRAINED):
        """Where the stage's file lies."""
        suffix = _STAGES.get(stage, "csv" if stage == "clips" else "h5")
        return self.base / stage / f"{'casme2' if stage == 'clips' else subject}.{suffix}"

    def stage(self, stage, subject, **wildcards):
        params = {"root": str(self.raw), "exclude": [], "size": CROP, "detector": "mtcnn"}
        job = SimpleNamespace(
            input=SimpleNamespace(**{name: self.path(name, subject) for name in ("clips", *_STAGES)}),
            output=[self.path(stage, subject)],
            params=_Params(params, policy="spotted", method="dis", matched=True),
            wildcards=SimpleNamespace(corpus="casme2", subject=subject, **wildcards),
        )
        runpy.run_path(str(SCRIPTS / f"{stage}.py"), init_globals={"snakemake": job})

    def learn(self, model):
        """Train on the first subject and predict the second, as a run does."""
        given = "--caches" if MODELS[model] == "cache" else "--sequences"
        listed = self.clips.assign(fold=TESTED)
        lists = {name: self.base / f"{model}-{name}.csv" for name in ("train", "test", "log")}
        listed[listed.subject == TRAINED][["clip_id", "label"]].to_csv(lists["train"], index=False)
        listed[listed.subject == TESTED][["clip_id", "fold"]].to_csv(lists["test"], index=False)
        words = ["--model", model, "--classes", *CLASSES, "--fold", TESTED, "--list", lists["train"]]
        words += [given, self.path(MODELS[model]), "--seeds", 0, "--checkpoints", self.model(model)]
        train.main([str(word) for word in (*words, "--log", lists["log"], "--device", "cpu")])
        words = ["--test", lists["test"], "--checkpoints", self.model(model)]
        words += [given, self.path(MODELS[model], TESTED), "--out", self.predictions(model)]
        predict.main([str(word) for word in (*words, "--device", "cpu")])

    def model(self, name):
        return self.base / f"{name}.pt"

    def predictions(self, model):
        return self.base / f"{model}-predictions.csv"

    @property
    def clip(self):
        """A row of the clip table: a clip that the models have not seen."""
        return self.clips[self.clips.subject == TESTED].iloc[0]

    @property
    def folder(self):
        return self.raw / self.clip.frames_dir


_STAGES = {"faces": "csv", "align": "csv", "apex": "csv", "flow": "h5"}
_LABELS = {"happiness": "positive", "surprise": "surprise", "disgust": "negative", "repression": "negative"}


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(SCRIPTS))
        patch.setattr(importlib.import_module("_job"), "logged", lambda _: contextlib.nullcontext())
        return Made(tmp_path_factory.mktemp("made"))


@pytest.fixture
def say(made, tmp_path, monkeypatch, capsys):
    """Runs the command where nothing is; returns status, what was printed on one line, and its table."""
    monkeypatch.chdir(tmp_path)

    def command(clip, *arguments, model="kernel_ridge"):
        models = [] if "--checkpoint" in arguments else ["--checkpoint", made.model(model)]
        words = [clip, *models, *arguments, "--csv", "said.csv", "--device", "cpu"]
        status = main([str(word) for word in words])
        printed = capsys.readouterr()
        table = None if status else read_csv("said.csv")
        return status, " ".join((printed.out + printed.err).split()), table

    return command


def probabilities(table):
    return table[[f"p_{name}" for name in CLASSES]].to_numpy(dtype=float)


def filmed(path, folder, fourcc="FFV1"):
    """The folder's frames as a video, by default without loss."""
    files = list_frames(folder)
    height, width = read_color(next(iter(files.values()))).shape[:2]
    video = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*fourcc), FPS, (width, height))
    for file in files.values():
        video.write(cv2.cvtColor(read_color(file), cv2.COLOR_RGB2BGR))
    video.release()
    return path


@pytest.mark.parametrize("model", MODELS)
def test_a_clip_of_a_run_gets_the_runs_answer(made, say, model):
    clip = made.clip
    status, text, table = say(
        made.folder, "--onset", clip.onset, "--offset", clip.offset, "--fps", clip.fps, model=model
    )
    assert status == 0, text
    wanted = read_predictions(made.predictions(model)).set_index("clip_id").loc[[clip.clip_id]]
    np.testing.assert_allclose(probabilities(table), probabilities(wanted), atol=2e-6)
    assert table.predicted[0] == wanted.predicted.iloc[0]
    apex = read_csv(made.path("apex", TESTED)).set_index("clip_id").loc[clip.clip_id]
    assert (table.apex[0], table.apex_source[0]) == (apex.apex, apex.apex_source)
    assert f"apex: {apex.apex_source}" in text
    assert f"predicted: {wanted.predicted.iloc[0]}" in text
    assert f"{model} was trained on 3 clips of 1 subject: casme2." in text
    assert Path("data/recognised", f"{made.folder.name}.png").read_bytes().startswith(b"\x89PNG")


def test_a_video_gives_what_its_frames_give(made, say, tmp_path):
    video = filmed(tmp_path / "clip.avi", made.folder)
    # Counted from 1; the frames' own numbers begin elsewhere.
    numbers = list(list_frames(made.folder))
    onset, offset = (numbers.index(number) for number in (made.clip.onset, made.clip.offset))
    _, _, folder = say(made.folder, "--onset", numbers[onset], "--offset", numbers[offset], "--fps", FPS)
    status, text, table = say(video, "--onset", onset + 1, "--offset", offset + 1, "--out", "mine.png")
    assert status == 0, text
    assert f"a video of {len(numbers)} frames, counted from 1, {FPS} a second by its header" in text
    np.testing.assert_array_equal(probabilities(table), probabilities(folder))
    assert int(table.apex[0]) - 1 == numbers.index(int(folder.apex[0]))
    assert table.apex_source[0] == folder.apex_source[0]
    assert Path("mine.png").is_file()


def test_a_lossy_video_is_read_as_far_as_asked(made, say, tmp_path):
    video = filmed(tmp_path / "clip.avi", made.folder, "MJPG")
    status, text, table = say(video, "--midpoint", "--offset", 9)
    assert status == 0, text
    assert (table.onset[0], table.apex[0], table.offset[0]) == ("1", "5", "9")
    assert "apex: midpoint" in text
    assert "range: first frame to given" in text


def test_several_models_give_mean_spread_and_a_vote(made, say):
    other = made.base / "other.pt"
    one = checkpoints.load(made.model("kernel_ridge"))
    one.state["dual"] = -one.state["dual"]
    one.fold, one.train_clips = "another", ["casme2/sub09/EP01", "smic/s01/s01_ne_01"]
    checkpoints.save(one, other)
    apex = list_frames(made.folder).popitem()[0]
    status, text, table = say(made.folder, "--apex", apex, "--checkpoint", made.model("kernel_ridge"), other)
    assert status == 0, text
    low, high, mean = (getattr(probabilities(table), name)(0) for name in ("min", "max", "mean"))
    for k, name in enumerate(CLASSES):
        assert f"{name} {mean[k]:.3f} {low[k]:.3f} {high[k]:.3f}" in text
    assert "(by 1 of 2 models)" in text
    assert "trained on 5 clips of 3 subjects: casme2, smic" in text
    assert "apex: given" in text


@pytest.mark.parametrize(
    ("decided", "mean", "wanted"),
    [
        ([0], [0.3, 0.4, 0.3], "negative"),  # a rule of the model's own stands
        ([2, 2, 1], [0.2, 0.6, 0.2], "surprise (by 2 of 3 models)"),
        ([0, 1], [0.3, 0.4, 0.3], "positive (by 1 of 2 models)"),
    ],
)
def test_most_models_decide_and_probability_between_equals(decided, mean, wanted):
    assert _decision(CLASSES, np.array(decided), np.array(mean)) == wanted


def test_flow_is_made_as_in_training_and_departures_are_told(made, say):
    _, text, _ = say(made.folder, "--midpoint")
    assert "flow: dis" in text
    assert "Unlike in training" not in text
    _, text, _ = say(made.folder, "--midpoint", "--flow", "farneback", "--crop-size", 56)
    assert "Unlike in training: flow farneback instead of dis." in text
    assert "Unlike in training: crop size 56 instead of 112." in text


def test_a_model_of_published_pictures_gets_stretched_flow(made, say, tmp_path):
    flow = np.random.default_rng(0).uniform(0, 255, (3, 3, SIZE, SIZE))
    clips = [f"smic/s01/s01_{k}" for k in range(3)]
    write_cache(tmp_path / "c.h5", clips, flow, {"flow": "published: elsewhere"}, "minmax")
    pd.DataFrame({"clip_id": clips, "label": CLASSES}).to_csv(tmp_path / "list.csv", index=False)
    words = ["--model", "kernel_ridge", "--overrides", '{"coding": "minmax"}', "--classes", *CLASSES]
    words += ["--fold", "f", "--list", tmp_path / "list.csv", "--caches", tmp_path / "c.h5", "--seeds", "0"]
    words += ["--checkpoints", tmp_path / "p.pt", "--log", tmp_path / "log.csv", "--device", "cpu"]
    train.main([str(word) for word in words])
    quick = "--midpoint", "--flow", "dis", "--crop-size", CROP
    status, text, _ = say(made.folder, "--checkpoint", tmp_path / "p.pt", *quick)
    assert status == 0, text
    assert "The flow of this clip (dis, 112 px) is stretched likewise" in text
    clip = measure(open_footage(made.folder), Asked(policy="midpoint"), Pixels(CROP, "dis"))
    shown = _shown(checkpoints.load(tmp_path / "p.pt"), clip)
    assert (shown.x.min((0, 2, 3)) == 0).all()
    assert (shown.x.max((0, 2, 3)) == 255).all()


@pytest.fixture
def wall(tmp_path):
    """Footage in which nobody is seen."""
    (tmp_path / "wall").mkdir()
    for number in range(4):
        grey = np.full((80, 96), 100 + number, np.uint8)
        Image.fromarray(grey).save(tmp_path / "wall" / f"{number:03}.png")
    return tmp_path / "wall"


def test_a_crop_without_a_face_is_kept_as_it_is(say, wall):
    status, text, table = say(wall, "--cropped")
    assert status == 0, text
    assert "no face seen; the crop is kept" in text
    assert "by owner crop" in text
    assert (table.apex[0], table.apex_source[0]) == ("2", "midpoint")


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (
            [],
            "no face found in frame 0, by MTCNN nor by dlib's HOG detector. Give another --onset, or",
        ),
        (["--onset", 7], "--onset: frame 7 is not there (the first is 0, the last 3)"),
        (["--onset", 3], "no motion can be seen from frame 3 to frame 3"),
        (["--onset", 2, "--offset", 1], "no motion can be seen from frame 2 to frame 1"),
        (["--cropped", "--apex", 0], "--apex: frame 0 is none of those after the onset 0, up to 3"),
        (["--cropped", "--apex", 3, "--offset", 2], "--apex: frame 3 is none of those after the onset 0"),
        (["--flow", "dys"], "unknown flow method 'dys'. Did you mean 'dis'?"),
        (["--detector", "nobody"], "unknown face detector 'nobody'. Known: hog, mtcnn."),
        (["--crop-size", 20], "--crop-size: kernel_ridge takes 28 px, more than a crop of 20 px has"),
        (["--crop-size", 0], "more than a crop of 0 px has"),
        (["--threads", 0], "--threads: cannot be 0"),
        (["--out", "sheets"], "sheets: --out: the sheet is a PNG"),
        (["--checkpoint", "none.pt"], "none.pt: no such checkpoint"),
        (["--checkpoint", __file__], "test_recognise.py: not a readable checkpoint"),
    ],
)
def test_what_cannot_be_recognised_is_said_with_a_cure(say, wall, arguments, problem):
    status, text, _ = say(wall, *arguments)
    assert status == 1
    assert problem in text


def test_checkpoints_of_two_kinds_are_refused(made, say, wall):
    both = [made.model(name) for name in MODELS]
    status, text, _ = say(wall, "--checkpoint", *both)
    assert status == 1
    assert f"{both[1]}: model unlike that of {both[0]}" in text


@pytest.mark.parametrize(
    ("name", "content", "problem"),
    [
        ("none", None, "no such folder or file"),
        ("clip.avi", b"no video", "not a video that can be read"),
        ("folder", "readme.txt", "no frame in this folder"),
        ("folder", "1.png", "no motion can be seen from frame 1 to frame 1"),
    ],
)
def test_what_is_no_footage_is_said_with_a_cure(say, tmp_path, name, content, problem):
    path = tmp_path / name
    if isinstance(content, bytes):
        path.write_bytes(content)
    elif content:
        path.mkdir()
        Image.new("L", (8, 8)).save(path / content, format="PNG")
    status, text, _ = say(path)
    assert status == 1
    assert f"{path}: {problem}" in text


def test_the_spotter_wants_to_know_the_frame_rate_and_no_film(made, say, wall):
    status, text, _ = say(made.folder)
    assert status == 1
    assert "how many frames there are a second. Give --fps" in text
    file = next(iter(list_frames(made.folder).values()))
    for number in range(MOST_FRAMES + 1):
        (wall / f"x{number + 10}{file.suffix}").symlink_to(file)
    status, text, _ = say(wall, "--onset", 10, "--fps", FPS)
    assert status == 1
    assert f"{MOST_FRAMES + 1} frames are more than a micro-expression has" in text
