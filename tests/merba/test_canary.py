"""The canary is silent where training is blind, and each of its alarms sounds by itself where it is not."""

import dataclasses
import itertools
import json

import numpy as np
import pytest
import torch
from bench import write_rows
from toy_flow import planted, write_caches

from contracts.errors import InputError
from merba import canary, checkpoints, fold, predict
from merba.canary import CLASSES, Cage, Wiring, watch
from merba.commands import report

SUBJECTS = [f"s{k:02d}" for k in range(5)]


@pytest.fixture(scope="module")
def caches(tmp_path_factory):
    ids, _, flow = planted(subjects=len(SUBJECTS), clips=3)
    return write_caches(tmp_path_factory.mktemp("canary"), ids, flow)


@pytest.fixture
def wiring(tmp_path, caches):
    """Each subject left out in turn, as a benchmark does."""
    clips = {subject: [f"smic/{subject}/c{k}" for k in range(3)] for subject in SUBJECTS}
    lists, given = {}, {}
    for out in SUBJECTS:
        inside = [subject for subject in SUBJECTS if subject != out]
        rows = [(clip, "positive") for subject in inside for clip in clips[subject]]
        lists[f"smic_{out}"] = write_rows(tmp_path / f"{out}.csv", ["clip_id", "label"], rows)
        given[f"smic_{out}"] = [caches[subject] for subject in inside]
    rows = [(clip, f"smic_{subject}") for subject in SUBJECTS for clip in clips[subject]]
    test = write_rows(tmp_path / "test.csv", ["clip_id", "fold"], rows)
    return Wiring(lists, given, test, list(caches.values()))


@pytest.fixture
def leaky(wiring, caches):
    """The intentionally leaky variant: one fold's job is given its test subject, by list and by cache."""
    listed = wiring.lists["smic_s02"]
    listed.write_text(listed.read_text() + "".join(f"smic/s02/c{k},positive\n" for k in range(3)))
    given = {**wiring.given, "smic_s02": [*wiring.given["smic_s02"], caches["s02"]]}
    return dataclasses.replace(wiring, given=given)


@pytest.fixture
def few(monkeypatch):
    """Enough rounds for what these tests ask; a false alarm once in a thousand times, not in a million."""
    monkeypatch.setattr(canary, "ROUNDS", 8)
    monkeypatch.setattr(canary, "LEVEL", 0.001)


def test_blind_training_guesses(wiring):
    """Over its own twenty rounds: a quarter of 300 answers, which chance misses by .1 once in 10,000."""
    found = watch(wiring)
    assert (found["rounds"], found["folds"], found["clips"]) == (20, 5, 15)
    assert found["right"] == pytest.approx(1 / 4, abs=0.1)
    assert found["right"] <= found["highest"] < found["limit"] < 1
    assert found["right"] <= found["right_limit"] < found["limit"]
    # Two models of five folds, and what each says of fifteen clips.
    assert (found["reordered"], found["different"]) == (2 * (5 + 15), 0)


def test_a_training_job_that_is_given_its_test_subjects_cache_sets_it_off(wiring, caches):
    given = {**wiring.given, "smic_s02": [*wiring.given["smic_s02"], caches["s02"]]}
    with pytest.raises(
        InputError, match=r"s02\.h5: smic/s02/c0: leak: fold smic_s02 is trained from this file"
    ):
        watch(dataclasses.replace(wiring, given=given))


def test_a_training_job_that_learns_from_its_test_subject_sets_it_off(leaky, tmp_path):
    """By what it is given, by its model, by what it knows: each sees it without the other two."""
    with pytest.raises(InputError, match="fold smic_s02 is trained from this file"):
        watch(leaky)
    with pytest.raises(
        InputError, match="the model of fold smic_s02 changes with the pixels of its test clips"
    ):
        Cage(leaky, tmp_path).moved()


def test_a_pack_that_hands_a_fold_another_ones_clips_sets_it_off(wiring, tmp_path, monkeypatch):
    """A pack's clips are read at once; here the last ones are every fold's, whatever its list."""
    packed = dataclasses.replace(wiring, packed=True)
    found = Cage(packed, tmp_path)
    found.given()
    found.moved()
    real = fold.Fold

    def last(*given):
        made = real(*given)
        return dataclasses.replace(made, places=np.arange(len(made.inputs.x))[-len(made.places) :])

    monkeypatch.setattr(fold, "Fold", last)
    with pytest.raises(InputError, match=r"the model of fold smic_s\d+ changes with the pixels of its test"):
        Cage(packed, tmp_path).moved()


def test_what_such_a_model_knows_sets_it_off(leaky, tmp_path, monkeypatch, few):
    """Also where `merba.predict` would not refuse it."""
    with pytest.raises(InputError, match="leak: fold smic_s02 was trained on smic/s02/c"):
        Cage(leaky, tmp_path).told()
    monkeypatch.setattr(predict, "check_unseen", lambda *_: None)
    with pytest.raises(
        InputError, match=r"the test clips of fold smic_s02 spell their classes, \d+% are right"
    ):
        Cage(leaky, tmp_path).told()


def test_a_normaliser_that_is_fitted_on_test_clips_sets_it_off(wiring, tmp_path, monkeypatch):
    """Even one that finds them by itself, in files that its job was never given."""
    fit = fold.Normaliser.fit

    def on_everything(flow, *rest):
        everything = [canary.read_cache(path).flow for path in sorted(tmp_path.glob("[0-9].h5"))]
        return fit(np.concatenate(everything), *rest)

    monkeypatch.setattr(fold.Normaliser, "fit", on_everything)
    cage = Cage(wiring, tmp_path)
    cage.given()
    with pytest.raises(
        InputError, match="the model of fold smic_s00 changes with the pixels of its test clips"
    ):
        cage.moved()


def test_a_prediction_by_another_folds_model_sets_it_off(wiring, tmp_path, monkeypatch, few):
    """Its subject was trained on there; nothing about the checkpoint says so but its weights."""
    predicted = predict.predict

    def mixed_up(checkpoint, *rest):
        names = sorted(wiring.lists)
        other = checkpoints.load(tmp_path / f"{names[names.index(checkpoint.fold) - 1]}.pt")
        return predicted(dataclasses.replace(other, fold=checkpoint.fold), *rest)

    cage = Cage(wiring, tmp_path)
    monkeypatch.setattr(predict, "predict", mixed_up)
    cage.given()
    cage.moved()
    with pytest.raises(InputError, match="the models know how the test clips of fold"):
        cage.told()


def test_a_leak_that_tells_some_clips_of_every_fold_sets_it_off(wiring, tmp_path, monkeypatch, few):
    """Half of them are predicted by a model that knows their subject: no fold is conspicuous by itself."""
    predicted, random = predict.predict, np.random.default_rng(0)

    def sometimes(checkpoint, *rest):
        names = sorted(wiring.lists)
        other = checkpoints.load(tmp_path / f"{names[names.index(checkpoint.fold) - 1]}.pt")
        own, known = (
            predicted(checkpoint, *rest),
            predicted(dataclasses.replace(other, fold=checkpoint.fold), *rest),
        )
        told = random.random(len(own[0])) < 0.5
        return np.where(told, known[0], own[0]), np.where(told[:, None], known[1], own[1])

    cage = Cage(wiring, tmp_path)
    monkeypatch.setattr(predict, "predict", sometimes)
    cage.given()
    cage.moved()
    with pytest.raises(
        InputError, match=r"the models know how some test clips spell .*, [567]\d\.\d% of all"
    ):
        cage.told()


def test_a_normaliser_that_remembers_the_fold_before_sets_it_off(wiring, tmp_path, monkeypatch):
    """The intentionally order-dependent variant: a scale that runs on from fold to fold in one process."""
    fit, scales = fold.Normaliser.fit, []

    def running(*given):
        scales.append(fit(*given))
        mean = tuple(np.mean([one.scales for one in scales], 0).tolist())
        return dataclasses.replace(scales[-1], scales=mean)

    monkeypatch.setattr(fold.Normaliser, "fit", running)
    with pytest.raises(InputError, match=r"order: kernel_ridge of fold smic_s\d+ is another when folds"):
        Cage(wiring, tmp_path).ordered()


def test_chance_that_runs_on_from_fold_to_fold_sets_it_off(wiring, tmp_path, monkeypatch):
    """What is fitted at once has nothing to draw; a network shows it."""
    monkeypatch.setattr(torch, "manual_seed", lambda seed: None)
    with pytest.raises(InputError, match=r"order: ststnet of fold smic_s\d+ is another when folds"):
        Cage(wiring, tmp_path).ordered()


def test_a_training_that_takes_its_files_as_they_come_sets_it_off(wiring, tmp_path, monkeypatch):
    """The first clip of the first file weighs more, whichever that is."""
    fitted = canary.train.main

    def favouring(words):
        first = canary.read_cache(words[words.index("--caches") + 1]).flow[0]
        monkeypatch.setattr(
            fold, "fit", lambda model, recipe, x, *rest: fit(model, recipe, x + first.mean(), *rest)
        )
        fitted(words)

    fit = fold.fit
    monkeypatch.setattr(canary.train, "main", favouring)
    with pytest.raises(InputError, match=r"order: kernel_ridge of fold smic_s\d+ is another when folds"):
        Cage(wiring, tmp_path).ordered()


def test_predictions_by_place_set_it_off(wiring, tmp_path, monkeypatch):
    """A prediction that is written to the row beside it, or counts what was predicted before."""
    predicted, before = predict.predict, itertools.count()

    def counting(*given):
        decided, probabilities = predicted(*given)
        return decided, np.roll(probabilities, next(before), axis=1)

    monkeypatch.setattr(predict, "predict", counting)
    with pytest.raises(InputError, match=r"test\.csv: smic/s\d+/c0: order: kernel_ridge predicts otherwise"):
        Cage(wiring, tmp_path).ordered()


@pytest.mark.parametrize("folds", [1, 12, 68, 1000])
def test_the_band_is_what_guessing_does_not_reach(folds):
    """The limit is met by a model that knows, and by guessing less often than the bound says."""
    limit = canary._limit(folds)
    assert 1 / 4 < limit < 1
    assert folds * canary._bound(limit, canary.ROUNDS) < canary.LEVEL
    assert folds * canary._bound(limit - 0.001, canary.ROUNDS) >= canary.LEVEL


@pytest.mark.parametrize("clips", [1, 15, 442])
def test_all_clips_together_sound_no_false_alarm(monkeypatch, clips):
    """At a level that 4,000 runs can show; shares of few clips are skewed, and sound it less often still."""
    monkeypatch.setattr(canary, "LEVEL", 0.01)
    runs = np.random.default_rng(0).binomial(clips, 1 / 4, (4000, canary.ROUNDS)) / clips
    sounded = np.mean([shares.mean() > canary._together_limit(shares) for shares in runs])
    assert sounded <= 0.01 + 3 * (0.01 / 4000) ** 0.5


@pytest.mark.parametrize("share", [0.3, 0.45, 0.6])
@pytest.mark.parametrize("rounds", [5, 20])
def test_the_bound_holds_for_guesses(share, rounds):
    """One clip a round, the case of the widest spread."""
    right = np.random.default_rng(0).binomial(rounds, 1 / 4, 20_000) / rounds
    assert np.mean(right >= share) <= canary._bound(share, rounds)
    assert canary._bound(1.0, rounds) == pytest.approx(4.0**-rounds)


def test_the_record_is_the_same_beside_another_fold_and_again_without_a_label(wiring, few):
    found = watch(wiring)
    assert watch(dataclasses.replace(wiring, packed=True)) == {**found, "packed": True}
    for path in wiring.lists.values():
        path.write_text(path.read_text().replace("positive", "nonsense"))
    assert watch(wiring) == found


def test_flow_that_others_stretched(wiring, tmp_path, few):
    ids, _, flow = planted(subjects=len(SUBJECTS), clips=3)
    made = write_caches(tmp_path, ids, np.clip(127 + 30 * flow, 0, 255), "minmax")
    own = {path: made[path.stem] for path in wiring.shown}
    given = {name: [own[path] for path in paths] for name, paths in wiring.given.items()}
    found = watch(dataclasses.replace(wiring, given=given, shown=list(own.values())))
    assert found["right"] < found["limit"]


def test_the_command_writes_its_record_or_one_line(wiring, tmp_path, few, capsys):
    words = ["--test", wiring.test, "--caches", *wiring.shown, "--out", tmp_path / "record.json"]
    for name, listed in wiring.lists.items():
        words += ["--fold", name, listed, *wiring.given[name]]
    assert report(canary.main, [str(word) for word in words]) == 0
    assert json.loads((tmp_path / "record.json").read_text())["guessing"] == 1 / len(CLASSES)
    assert "5 folds, 8 rounds" in capsys.readouterr().err
    (tmp_path / "record.json").unlink()
    words[-1] = wiring.shown[4]
    assert report(canary.main, [str(word) for word in words]) == 1
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert "leak: fold smic_s04 is trained from this file" in said
    assert not (tmp_path / "record.json").exists()
