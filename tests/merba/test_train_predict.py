"""Training and prediction as commands: the way from caches to predictions, and every way it refuses."""

import json
import shutil
import subprocess
import sys

import numpy as np
import pytest
import torch
from bench import BRIEF, TEST, TRAIN, write_rows
from toy_flow import CLASSES, write_caches

from contracts.errors import InputError
from contracts.files import read_csv
from contracts.predictions import classes_of
from merba import checkpoints, loop, predict, train
from merba.commands import report
from merba.data import Normaliser
from merba.recipe import CHANNELS


def accuracy(bench, table):
    return np.mean([bench.label_of[row.clip_id] == row.predicted for row in table.itertuples()])


@pytest.mark.parametrize("model", ["kernel_ridge", "merba_tiny"])
def test_from_caches_to_predictions(bench, model):
    overrides = "{}" if model == "kernel_ridge" else BRIEF
    paths = bench.train(model=model, overrides=overrides, seeds=(3, 4))
    table = bench.predict(paths[1])
    saved = checkpoints.load(paths[1])
    assert (saved.seed, saved.fold, saved.classes, saved.model) == (4, "smic_a", CLASSES, model)
    assert sorted(saved.train_clips) == sorted(bench.clips(TRAIN))
    assert sorted(table.clip_id) == sorted(bench.clips(TEST))
    assert classes_of(table) == CLASSES
    assert set(table.recipe) == {saved.digest} != {checkpoints.load(paths[0]).digest}
    for seed, path in zip((3, 4), paths, strict=True):
        log = read_csv(bench.log_of(path))
        assert set(log.seed) == {str(seed)}
        assert list(log) == ["seed", "epoch", "lr", "loss", "accuracy", "inner_uf1"]


@pytest.mark.parametrize("model", ["kernel_ridge", "ststnet", "merba_tiny"])
def test_a_run_repeats_to_the_byte(bench, model):
    overrides = "{}" if model == "kernel_ridge" else BRIEF
    bench.write_list(TRAIN[:3])
    for name in ("first.csv", "second.csv"):
        bench.predict(*bench.train(model=model, overrides=overrides), name=name)
    assert (bench.folder / "first.csv").read_bytes() == (bench.folder / "second.csv").read_bytes()


def test_a_seeds_model_does_not_depend_on_the_seeds_before_it(bench):
    bench.write_list(TRAIN[:2])
    together = checkpoints.load(bench.train(model="merba_tiny", overrides=BRIEF, seeds=(0, 1))[1]).state
    alone = checkpoints.load(bench.train(model="merba_tiny", overrides=BRIEF, seeds=(1,))[0]).state
    assert all(together[key].equal(alone[key]) for key in alone)


@pytest.mark.parametrize("model", ["ststnet", "merba_tiny"])
@pytest.mark.parametrize("after", [1, 3])
def test_an_interrupted_run_ends_as_if_it_had_not_been(bench, monkeypatch, model, after):
    """Dropout, order and flips go on where they stopped; the log has every epoch once."""
    overrides = json.dumps({**json.loads(BRIEF), "epochs": 4, "dropout": 0.3, "flip": "negate_u"})
    bench.write_list(TRAIN[:2])
    (path,) = bench.train(model=model, overrides=overrides)
    whole, log = checkpoints.load(path).state, bench.log_of(path).read_text()
    keep = loop.Resume.keep

    def killed(self, epoch, *state):
        self.every = 0
        keep(self, epoch, *state)
        if epoch == after:
            raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(loop.Resume, "keep", killed)
        bench.train(model=model, overrides=overrides)
    kept = bench.folder / f"{model}_smic_a_0.pt.resume"
    assert kept.is_file()
    torch.manual_seed(99)
    taken = checkpoints.load(bench.train(model=model, overrides=overrides)[0]).state
    assert all(whole[key].equal(taken[key]) for key in whole)
    assert bench.log_of(path).read_text() == log
    assert not kept.exists()


@pytest.mark.parametrize("change", ["labels", "recipe", "file", "foreign", "device"])
def test_the_state_of_another_run_is_not_taken_up(bench, monkeypatch, change):
    bench.write_list(TRAIN[:2])
    keep = loop.Resume.keep

    def kept_twice(self, *state):
        self.every = 0
        keep(self, *state)
        shutil.copy(self.path, bench.folder / "state")

    with monkeypatch.context() as patch:
        patch.setattr(loop.Resume, "keep", kept_twice)
        (path,) = bench.train(model="ststnet", overrides=BRIEF)
    kept, recipe, extra = path.with_name(path.name + ".resume"), BRIEF, []
    shutil.move(bench.folder / "state", kept)
    if change == "labels":
        extra = ["--shuffle-labels"]
    elif change == "device":
        torch.save({**torch.load(kept, weights_only=True), "device": "cuda"}, kept)
    elif change == "recipe":
        recipe = json.dumps({"epochs": 3, "warmup": 1, "cooldown": 1, "lr": 1e-3})
    else:
        kept.write_bytes(kept.read_bytes()[:-100] if change == "file" else b"no state")
    bench.train(*extra, model="ststnet", overrides=recipe)
    assert list(read_csv(bench.log_of(path)).epoch) == ["1", "2", "3"]
    again = checkpoints.load(path).state
    assert not kept.exists()
    fresh = checkpoints.load(bench.train(*extra, model="ststnet", overrides=recipe)[0]).state
    assert all(fresh[key].equal(again[key]) for key in fresh)


def test_the_floor_learns_and_shuffled_labels_bring_it_to_chance(bench):
    assert accuracy(bench, bench.predict(*bench.train())) > 0.8
    shuffled = [
        accuracy(bench, bench.predict(*bench.train("--shuffle-labels", seeds=(seed,)))) for seed in range(5)
    ]
    assert np.mean(shuffled) < 0.5


def test_the_normaliser_sees_training_clips_only(bench, toy):
    """Caches may hold more than the list names; the rest has no influence."""
    ids, _, flow = toy
    few = checkpoints.load(bench.train()[0])
    more = checkpoints.load(bench.train(subjects=TRAIN + TEST)[0])
    assert few.normaliser == more.normaliser
    listed = flow[[k for k, clip in enumerate(ids) if clip.split("/")[1] in TRAIN]]
    assert few.normaliser.scales[0] == pytest.approx(float(np.percentile(np.abs(listed[:, :2]), 99)))


def test_a_model_trained_on_the_test_subject_is_refused(bench):
    bench.list = write_rows(
        bench.folder / "train.csv",
        ["clip_id", "label"],
        [(clip, bench.label_of[clip]) for clip in [*bench.clips(TRAIN), "smic/s08/c0"]],
    )
    paths = bench.train(subjects=[*TRAIN, "s08"])
    with pytest.raises(InputError, match="leak: fold smic_a was trained on smic/s08/c0"):
        bench.predict(*paths)
    assert not (bench.folder / "out.csv").exists()


def test_a_fold_needs_exactly_one_checkpoint(bench):
    first, second = bench.train(seeds=(0, 1))
    with pytest.raises(InputError, match="two checkpoints"):
        bench.predict(first, second)
    other = bench.train(fold="smic_b")
    with pytest.raises(InputError, match="fold smic_a has no checkpoint"):
        bench.predict(*other)


def test_folds_made_unlike_are_refused(bench):
    first = bench.train()
    second = bench.train(fold="smic_b", overrides='{"ridge": 2.0}')
    with pytest.raises(InputError, match="one model, recipe and seed"):
        bench.predict(*first, *second)


def test_stretched_flow_is_learnt_from_and_never_mixed_with_physical(bench, toy):
    """Caches of published flow: trained on with a coding they allow, refused by models of the other kind."""
    ids, _, flow = toy
    physical, folder = bench.caches, bench.folder / "stretched"
    bench.caches = write_caches(
        folder, ids, Normaliser.fit(flow, "minmax", CHANNELS, "physical")(flow), "minmax"
    )
    with pytest.raises(InputError, match="`coding: minmax` or `coding: signed`"):
        bench.train()
    paths = bench.train(overrides='{"coding": "signed"}')
    assert checkpoints.load(paths[0]).normaliser.cached == "minmax"
    assert accuracy(bench, bench.predict(*paths)) > 0.8
    stretched, bench.caches = bench.caches, physical
    with pytest.raises(InputError, match="fold smic_a: trained on minmax flow, not on physical flow"):
        bench.predict(*paths)
    bench.caches = {**physical, "s00": stretched["s00"]}
    with pytest.raises(InputError, match="flow is physical, the others are minmax"):
        bench.train(overrides='{"coding": "signed"}')


def test_pixels_made_otherwise_are_refused(bench, toy):
    """A model trained on one flow method is not scored on another; the two differ in digest, too."""
    ids, _, flow = toy
    (path,) = bench.train()
    bench.caches = write_caches(bench.folder / "other", ids, flow, made_with={"planted": False})
    with pytest.raises(InputError, match="fold smic_a: trained on pixels made with planted True, these"):
        bench.predict(path)
    own = checkpoints.load(path)
    assert own.digest != checkpoints.load(bench.train()[0]).digest


def test_the_same_recipe_on_other_caches_has_another_digest(bench, toy):
    ids, _, flow = toy
    own = checkpoints.load(bench.train(overrides='{"coding": "minmax"}')[0])
    coded = Normaliser.fit(flow, "minmax", CHANNELS, "physical")(flow)
    bench.caches = write_caches(bench.folder / "stretched", ids, coded, "minmax")
    other = checkpoints.load(bench.train(overrides='{"coding": "minmax"}')[0])
    assert own.recipe == other.recipe
    assert own.digest != other.digest


@pytest.mark.parametrize("content", [b"", b"no checkpoint", b"PK\x03\x04 broken zip"])
def test_a_corrupt_checkpoint_is_named(bench, content):
    path = bench.folder / "bad.pt"
    path.write_bytes(content)
    with pytest.raises(InputError, match=r"bad\.pt: not a readable checkpoint"):
        bench.predict(path)


def test_a_truncated_checkpoint_is_named(bench):
    (path,) = bench.train()
    path.write_bytes(path.read_bytes()[:-500])
    with pytest.raises(InputError, match="not a readable checkpoint"):
        bench.predict(path)


def test_weights_that_do_not_fit_are_named(bench):
    (path,) = bench.train(model="ststnet", overrides=BRIEF)
    saved = torch.load(path, weights_only=True)
    del saved["state"]["fc.bias"]
    torch.save(saved, path)
    with pytest.raises(InputError, match="fold smic_a: the weights do not fit ststnet"):
        bench.predict(path)
    del saved["recipe"]["epochs"]
    saved["recipe"]["epoch"] = 3
    torch.save(saved, path)
    with pytest.raises(InputError, match=r"smic_a_0\.pt: not a checkpoint as this code writes it"):
        bench.predict(path)


def test_a_model_of_flow_wants_caches(bench):
    with pytest.raises(InputError, match="ststnet learns from flow"):
        train.main(
            ["--model", "ststnet", "--classes", *CLASSES, "--fold", "a", "--list", str(bench.list)]
            + ["--sequences", "x.h5", "--seeds", "0", "--checkpoints", "x.pt", "--log", "x.csv"]
        )


@pytest.mark.parametrize("foreign", [{"state_dict": {}}, [1, 2], torch.zeros(3)])
def test_a_foreign_checkpoint_is_named(bench, foreign):
    torch.save(foreign, bench.folder / "foreign.pt")
    with pytest.raises(InputError, match=r"foreign\.pt: not a checkpoint of this project"):
        bench.predict(bench.folder / "foreign.pt")


def test_a_checkpoint_runs_no_code(bench):
    """A pickled object with a mind of its own is refused, not executed."""
    torch.save({"kind": "merba checkpoint", "state": subprocess.Popen}, bench.folder / "evil.pt")
    with pytest.raises(InputError, match="not a readable checkpoint"):
        bench.predict(bench.folder / "evil.pt")


def test_wrong_arguments_are_refused(bench):
    with pytest.raises(InputError, match="'merba_tiny'"):
        bench.train(model="merba_tyni")
    with pytest.raises(InputError, match="not JSON"):
        bench.train(overrides="{epochs: 3}")
    with pytest.raises(InputError, match="JSON object"):
        bench.train(overrides="[3]")
    with pytest.raises(InputError, match="needs the classes anger"):
        bench.train(model="merba_tiny", overrides='{"head": "dgcm"}')
    with pytest.raises(InputError, match=r"s07/c0.*not in any"):
        bench.train(subjects=TRAIN[:-1])
    bench.list = write_rows(bench.folder / "bad.csv", ["clip_id", "label"], [("smic/s00/c0", "joy")])
    with pytest.raises(InputError, match=r"bad\.csv: smic/s00/c0: label 'joy'"):
        bench.train()


def test_errors_are_one_line_and_status_1(bench, capsys):
    assert (
        report(predict.main, ["--test", "none.csv", "--checkpoints", "a", "--caches", "b", "--out", "c"]) == 1
    )
    assert capsys.readouterr().err.count("\n") == 1


@pytest.mark.parametrize("module", ["merba.train", "merba.predict"])
def test_help_does_not_wait_for_torch(module):
    code = f"import sys, {module}; assert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)
    shown = subprocess.run(
        [sys.executable, "-m", module, "--help"], check=True, capture_output=True, text=True
    )
    assert "--checkpoints" in shown.stdout


def test_a_run_that_diverges_stops_by_name(bench):
    with pytest.raises(InputError, match=r"lr: the loss is (nan|inf) in epoch \d+, at a learning rate of"):
        overrides = {"epochs": 6, "lr": 1e30, "schedule": "constant", "clip_grad": None, "coding": "minmax"}
        bench.train(model="merba_tiny", overrides=json.dumps(overrides))
    assert not list(bench.folder.glob("*.pt"))


def test_no_damage_to_a_checkpoint_is_a_traceback(bench):
    """Wherever it is: it is named, or it hit nothing that is read."""
    (path,) = bench.train()
    content, named = path.read_bytes(), 0
    for position in [0, *range(13, len(content), len(content) // 60)]:
        damaged = bytearray(content)
        damaged[position : position + 24] = bytes(byte ^ 0x5A for byte in damaged[position : position + 24])
        path.write_bytes(damaged)
        try:
            checkpoints.load(path)
        except InputError as error:
            assert "smic_a_0.pt" in str(error)
            named += 1
    assert named > 2


@pytest.mark.parametrize("key", ["model", "classes", "train_clips", "state", "normaliser", "input_size"])
def test_values_of_the_wrong_kind_are_named(bench, key):
    (path,) = bench.train()
    saved = torch.load(path, weights_only=True)
    torch.save({**saved, key: None}, path)
    with pytest.raises(InputError, match=r"smic_a_0\.pt: not a checkpoint as this code writes it"):
        bench.predict(path)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"model": "two_layers"}, r"smic_a_0\.pt: unknown model 'two_layers'"),
        ({"recipe": {"schedule": "wavy"}}, r"smic_a_0\.pt: unknown schedule 'wavy'"),
    ],
)
def test_a_checkpoint_of_what_this_code_lacks_is_named(bench, change, said):
    (path,) = bench.train(model="ststnet", overrides=BRIEF)
    saved = torch.load(path, weights_only=True)
    change = {key: {**saved[key], **value} if key == "recipe" else value for key, value in change.items()}
    torch.save({**saved, **change}, path)
    with pytest.raises(InputError, match=said):
        checkpoints.load(path)


def test_classes_that_cannot_be_told_apart_are_refused(bench):
    for classes in (["negative"], ["negative", "negative", "positive"]):
        with pytest.raises(InputError, match="--classes: classes are negative"):
            train.main(
                ["--model", "ststnet", "--classes", *classes, "--fold", "a", "--list", str(bench.list)]
                + ["--caches", "x.h5", "--seeds", "0", "--checkpoints", "x.pt", "--log", "x.csv"]
            )
