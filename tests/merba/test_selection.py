"""Nested selection: the number of epochs comes from training subjects held out in turn, from nothing else."""

import json
from functools import partial

import numpy as np
import pytest
import torch
from bench import TEST, TRAIN
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import f1_score
from toy_flow import CLASSES, write_caches

from contracts.errors import InputError
from contracts.files import read_csv
from merba import checkpoints, fold, loop
from merba.registry import list_models, model_entry
from merba.selection import choose_epochs

EPOCHS = 4
NESTED = {"epochs": EPOCHS, "warmup": 1, "cooldown": 1, "lr": 2e-3, "selection": "nested", "inner_folds": 2}


def nested(**changes):
    return json.dumps({**NESTED, **changes})


@given(
    clips=st.lists(st.integers(1, 6), min_size=4, max_size=12),
    folds=st.integers(2, 4),
    seed=st.integers(0, 9),
)
@settings(max_examples=30, deadline=None)
@pytest.mark.filterwarnings("ignore:The least populated class")
def test_inner_folds_share_no_subject_and_every_clip_is_held_out_once(clips, folds, seed):
    ids = [f"smic/s{s:02d}/c{k}" for s, number in enumerate(clips) for k in range(number)]
    subjects = np.array([clip.rsplit("/", 1)[0] for clip in ids])
    labels = np.random.default_rng(seed).integers(0, 3, len(ids))
    seen = []

    def train(rows, held):
        assert not set(subjects[rows]) & set(subjects[held])
        assert sorted([*rows, *held]) == list(range(len(ids)))
        seen.extend(held)
        return np.zeros((2, len(held)), dtype=np.int64)

    choose_epochs(ids, labels, folds, seed, train)
    assert sorted(seen) == list(range(len(ids)))


def told(course):
    """4 subjects with a clip of each of 3 classes; `course` is how many of the three are right, by epoch."""
    ids = [f"smic/s{s}/c{k}" for s in range(4) for k in range(3)]
    labels = np.tile(np.arange(3), 4)

    def train(rows, held):
        return np.array([[y if y < right else (y + 1) % 3 for y in labels[held]] for right in course])

    return choose_epochs(ids, labels, 2, 0, train)


def test_the_best_epoch_is_taken_the_earliest_of_several():
    epochs, scores = told([0, 2, 3, 1, 3])
    assert epochs == 3
    assert (scores[1], scores[3], scores[5]) == (0, 1, 1)
    # Two of three right and the third class called the first: F1 2/3, 1 and 0.
    assert scores[2] == pytest.approx((2 / 3 + 1 + 0) / 3)
    assert list(scores) == [1, 2, 3, 4, 5]


def test_the_score_is_pooled_over_inner_folds_and_lacks_absent_classes():
    """A mean of the inner folds' own scores would be another number; a class nobody has would count as 0."""
    ids = [f"smic/s{k}/c" for k in range(6)]
    labels = np.array([0, 0, 0, 1, 1, 1])
    wrong = {0, 3}
    truth, predicted, means = [], [], []

    def train(rows, held):
        said = np.array([1 - labels[k] if k in wrong else labels[k] for k in held])
        truth.extend(labels[held])
        predicted.extend(said)
        means.append(f1_score(labels[held], said, average="macro"))
        return said[None]

    _, scores = choose_epochs(ids, labels, 3, 1, train)
    assert scores[1] == pytest.approx(f1_score(truth, predicted, average="macro"))
    assert scores[1] == pytest.approx(2 / 3)


@pytest.mark.parametrize("folds", [0, 1, 5])
def test_too_many_or_too_few_inner_folds_are_refused(folds):
    ids = [f"smic/s{s}/c0" for s in range(4)]
    with pytest.raises(InputError, match=f"inner_folds: 4 training subjects cannot be dealt into {folds}"):
        choose_epochs(ids, np.array([0, 1, 0, 1]), folds, 0, None)


def test_held_out_clips_are_never_fitted_on(bench, toy, monkeypatch):
    """Neither by the inner models nor by their normalisers: each inner fit has one call of both."""
    ids, _, flow = toy
    name_of = {one.tobytes(): clip for clip, one in zip(ids, flow, strict=True)}
    fitted, trained, shown = [], [], []
    fit_normaliser, fit, decide = fold.Normaliser.fit, fold.fit, fold.decide

    def normaliser(x, *rest):
        fitted.append({name_of[one.tobytes()].split("/")[1] for one in x})
        return fit_normaliser(x, *rest)

    def model(network, recipe, x, *rest):
        trained.append(len(x))
        fit(network, recipe, x, *rest)

    def look(network, normal, inputs, device):
        shown.append({name_of[one.tobytes()].split("/")[1] for one in inputs.x})
        return decide(network, normal, inputs, device)

    monkeypatch.setattr(fold.Normaliser, "fit", normaliser)
    monkeypatch.setattr(fold, "fit", model)
    monkeypatch.setattr(fold, "decide", look)
    bench.write_list(TRAIN[:4])
    bench.train(model="ststnet", overrides=nested(), subjects=TRAIN + TEST)
    assert len(fitted) == len(trained) == 3, "two inner folds, and all clips at last"
    assert fitted[2] == set(TRAIN[:4])
    assert trained == [6 * len(one) for one in fitted]
    for k, inside in enumerate(fitted[:2]):
        looked_at = shown[k * EPOCHS : (k + 1) * EPOCHS]
        assert looked_at == [set(TRAIN[:4]) - inside] * EPOCHS


def test_the_epoch_with_the_best_inner_score_is_where_training_ends(bench):
    """And the model is that of the same schedule at that moment, trained on all training clips."""
    bench.write_list(TRAIN[:4])
    (path,) = bench.train(model="ststnet", overrides=nested())
    log = read_csv(bench.log_of(path))
    chosen, scores = len(log), log.inner_uf1.astype(float)
    assert (scores[:-1] < scores.iloc[-1]).all(), "the log shows the scores up to the epoch that was chosen"
    kept = {}
    whole = fold.Fold.read(
        "ststnet",
        {**NESTED, "selection": "last"},
        CLASSES,
        "smic_a",
        bench.list,
        [bench.caches[s] for s in TRAIN],
    )
    rows = []
    whole.train(
        0,
        "cpu",
        rows,
        watch=lambda epoch, model, _: kept.update(
            {epoch: {k: v.clone() for k, v in model.state_dict().items()}}
        ),
    )
    state = checkpoints.load(path).state
    assert all(state[name].equal(tensor) for name, tensor in kept[chosen].items())
    assert [f"{row[1]:.9g}" for row in rows[:chosen]] == [f"{float(lr):.9g}" for lr in log.lr]


def test_fewer_epochs_are_the_first_of_more():
    """`epochs` of the loop shortens a run; the learning rates are those of the whole recipe."""
    x, y = torch.randn(12, 3, 28, 28), torch.arange(12) % 3
    recipe = fold.resolve("ststnet", {"epochs": 6, "warmup": 1, "cooldown": 1, "schedule": "cosine"})
    logs = {2: [], 5: [], None: []}
    for epochs, log in logs.items():
        torch.manual_seed(0)
        model = fold.create_model("ststnet", 3, 3, 28, **recipe.options)
        note = partial(lambda log, *row: log.append(row), log)
        loop.fit(model, recipe, x, y, 0, lambda clips, _: clips.flip(-1), note, epochs=epochs)
    assert [len(logs[key]) for key in (2, 5, None)] == [2, 5, 6]
    assert logs[2] == logs[None][:2]
    assert logs[5] == logs[None][:5]


def test_test_clips_have_no_influence(bench, toy):
    """Given beside the training clips, or given as something else entirely: the same model to the byte."""
    ids, _, flow = toy
    bench.write_list(TRAIN[:4])
    (path,) = bench.train(model="ststnet", overrides=nested())
    plain = path.read_bytes()
    changed = flow.copy()
    changed[[clip.split("/")[1] in TEST for clip in ids]] *= -50
    bench.caches = write_caches(bench.folder, ids, changed)
    bench.train(model="ststnet", overrides=nested(), subjects=TRAIN + TEST)
    assert path.read_bytes() == plain


@pytest.mark.parametrize("name", [name for name in list_models() if model_entry(name).build.fitted_at_once])
def test_models_without_epochs_have_none_to_choose(bench, name):
    with pytest.raises(InputError, match=f"selection: {name} is fitted at once"):
        fold.Fold.read(name, {"selection": "nested"}, CLASSES, "smic_a", bench.list)


@pytest.mark.parametrize("after", [1, 2])
def test_an_interrupted_run_ends_as_if_it_had_not_been(bench, monkeypatch, after):
    """The inner folds are trained once more; the model itself goes on where it stopped."""
    overrides = nested(dropout=0.3, epochs=5, lr=5e-3)
    bench.write_list(TRAIN[:4])
    (path,) = bench.train(model="ststnet", overrides=overrides)
    whole, log = checkpoints.load(path).state, bench.log_of(path).read_text()
    assert log.count("\n") - 1 > after, "the chosen epoch lies behind the interruption"
    keep = loop.Resume.keep

    def killed(self, epoch, *state):
        self.every = 0
        keep(self, epoch, *state)
        if epoch == after:
            raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(loop.Resume, "keep", killed)
        bench.train(model="ststnet", overrides=overrides)
    torch.manual_seed(99)
    taken = checkpoints.load(bench.train(model="ststnet", overrides=overrides)[0]).state
    assert all(whole[key].equal(taken[key]) for key in whole)
    assert bench.log_of(path).read_text() == log


def test_a_state_is_not_taken_up_where_another_number_is_chosen(bench, monkeypatch):
    """Rounding may choose fewer epochs for the run that goes on than the interrupted one has kept."""
    bench.write_list(TRAIN[:4])
    keep = loop.Resume.keep

    def killed(self, epoch, *state):
        self.every = 0
        keep(self, epoch, *state)
        if epoch == 3:
            raise KeyboardInterrupt

    def trained(chosen):
        monkeypatch.setattr(fold, "choose_epochs", lambda *_: (chosen, {}))
        (path,) = bench.train(model="ststnet", overrides=nested())
        return checkpoints.load(path).state, bench.log_of(path).read_text()

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(loop.Resume, "keep", killed)
        trained(4)
    assert (bench.folder / "ststnet_smic_a_0.pt.resume").is_file()
    (again, log), (fresh, fresh_log) = trained(2), trained(2)
    assert log == fresh_log
    assert log.count("\n") - 1 == 2
    assert all(fresh[key].equal(again[key]) for key in fresh)


def test_the_choice_is_said(bench):
    bench.write_list(TRAIN[:4])
    (path,) = bench.train(model="ststnet", overrides=nested())
    saved = checkpoints.load(path)
    assert (saved.recipe.selection, saved.recipe.inner_folds, saved.recipe.epochs) == ("nested", 2, EPOCHS)
    plain = checkpoints.load(bench.train(model="ststnet", overrides=nested(selection="last"))[0])
    assert saved.digest != plain.digest
    assert set(read_csv(bench.log_of(path)).inner_uf1) == {""}
