"""Packs: several folds and seeds in one process, one after the other or stacked, are what each is alone."""

import json
import shutil

import h5py
import numpy as np
import pytest
import torch
from bench import write_rows
from toy_flow import CLASSES

from contracts.errors import InputError
from contracts.files import read_csv
from merba import checkpoints, list_models, pack, train
from merba.fold import read_folds
from merba.registry import model_entry

FOLDS = {"smic_a": ["s00", "s01"], "smic_b": ["s02", "s03"], "smic_c": ["s04"]}
BRIEF = {"epochs": 3, "warmup": 1, "cooldown": 1, "batch": 8}
STACKABLE = [name for name in list_models() if model_entry(name).build.stackable]


CPU_AND_CUDA = [
    "cpu",
    pytest.param("cuda", marks=pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no GPU")),
]


class Packs:
    """Lists of the folds of six subjects, and `merba.train` on any of them."""

    def __init__(self, bench):
        self.bench, self.folder, self.caches = bench, bench.folder, bench.caches
        self.subjects = sorted({one for own in FOLDS.values() for one in own})
        self.lists = {
            fold: write_rows(
                self.folder / f"{fold}.csv",
                ["clip_id", "label"],
                [(c, bench.label_of[c]) for c in bench.clips(self.inside(fold))],
            )
            for fold in FOLDS
        }

    def inside(self, fold):
        return [one for one in self.subjects if one not in FOLDS[fold]]

    def train(self, *folds, model="ststnet", seeds=(0, 1), extra=(), name="pack", device="cpu", **overrides):
        """Checkpoint of each fold and seed; the caches are those of all subjects of the folds' lists."""
        given = sorted({one for fold in folds for one in self.inside(fold)})
        made = {(f, s): self.folder / name / f"{f}_{s}.pt" for f in folds for s in seeds}
        (self.folder / name).mkdir(exist_ok=True)
        arguments = ["--model", model, "--classes", *CLASSES, "--fold", *folds]
        arguments += ["--list", *(self.lists[fold] for fold in folds), "--seeds", *seeds]
        arguments += ["--caches", *(self.caches[one] for one in given)]
        arguments += ["--overrides", json.dumps({**BRIEF, **overrides}), "--checkpoints", *made.values()]
        arguments += ["--log", *(path.with_suffix(".csv") for path in made.values()), *extra]
        train.main([*map(str, arguments), "--device", device])
        return made


@pytest.fixture
def packs(bench):
    return Packs(bench)


def bytes_of(made):
    return {run: path.read_bytes() for run, path in made.items()}


@pytest.mark.parametrize("model", ["ststnet", "kernel_ridge", "merba_tiny"])
def test_a_pack_is_its_folds_one_by_one(packs, model):
    # A seed of MERba is as long as both of another.
    seeds = (0,) if model == "merba_tiny" else (0, 1)
    together = packs.train(*FOLDS, model=model, seeds=seeds)
    alone = {}
    for fold in FOLDS:
        for seed in seeds:
            alone |= packs.train(fold, model=model, seeds=(seed,), name="alone")
    assert bytes_of(together) == bytes_of(alone)
    log, same = ({run: path.with_suffix(".csv") for run, path in made.items()} for made in (together, alone))
    assert bytes_of(log) == bytes_of(same)
    assert all(set(read_csv(path).seed) == {str(seed)} for (_, seed), path in log.items())


def test_pixels_lie_in_memory_once_however_many_folds(packs):
    """A pack of 68 folds of whole pictures would be tens of gigabytes otherwise."""
    caches = [packs.caches[one] for one in packs.subjects]
    first, *rest = read_folds("ststnet", {}, CLASSES, packs.lists, caches)
    assert rest and all(fold.inputs.x is first.inputs.x for fold in rest)
    assert len(first.inputs.x) == len({clip for fold in (first, *rest) for clip in fold.clip_ids})


@pytest.mark.parametrize("stack", ["yes", "no"])
@pytest.mark.parametrize("overrides", [{}, {"coding": "fixed_scale", "flip": "negate_u", "shuffle": True}])
def test_no_model_of_a_pack_sees_its_test_subject(packs, overrides, stack):
    """What the caches hold of a fold's own test subjects, and be it noise, does not reach its model."""
    before = bytes_of(packs.train("smic_a", "smic_b", seeds=(0,), extra=["--stack", stack], **overrides))
    # All tests share the caches.
    noisy = shutil.copy(packs.caches["s00"], packs.folder / "noisy.h5")
    with h5py.File(noisy, "r+") as file:
        file["flow"][:] = np.random.default_rng(0).normal(size=file["flow"].shape)
    packs.caches = {**packs.caches, "s00": noisy}
    after = bytes_of(packs.train("smic_a", "smic_b", seeds=(0,), extra=["--stack", stack], **overrides))
    assert before["smic_a", 0] == after["smic_a", 0]
    assert before["smic_b", 0] != after["smic_b", 0]


@pytest.mark.parametrize("model", STACKABLE)
@pytest.mark.parametrize(
    "overrides",
    [
        {"epochs": 6},
        {
            "epochs": 4,
            "shuffle": True,
            "flip": "negate_u",
            "clip_grad": 0.05,
            "balance": "weights",
            "lr": 1e-2,
        },
        {"epochs": 4, "optimiser": "sgd", "balance": "oversample", "weight_decay": 0.1, "schedule": "cosine"},
    ],
)
def test_stacked_models_are_those_of_single_trainings(packs, model, overrides):
    """Weights to 1e-4 of the largest; folds of equally many clips and all seeds are stacked."""
    single = packs.train(*FOLDS, model=model, extra=["--stack", "no"], name="single", **overrides)
    stacked = packs.train(*FOLDS, model=model, extra=["--stack", "yes"], name="stacked", **overrides)
    for run, path in single.items():
        one, other = checkpoints.load(path), checkpoints.load(stacked[run])
        assert one.digest != other.digest, "a GPU's stack draws its dropout otherwise"
        assert (one.train_clips, one.normaliser) == (other.train_clips, other.normaliser)
        assert_alike(one, other)


def assert_alike(one, other):
    """Weights to 1e-4 of the largest."""
    for name, tensor in one.state.items():
        largest = tensor.abs().max().item()
        torch.testing.assert_close(other.state[name], tensor, rtol=0, atol=1e-4 * max(largest, 1e-3))


@pytest.mark.parametrize("device", CPU_AND_CUDA)
@pytest.mark.parametrize("model", STACKABLE)
def test_a_stack_of_one_is_what_it_is_among_others(packs, model, device):
    """In its dropout, too: a pack's size decides what is stacked, and nothing else."""
    how = {"model": model, "extra": ["--stack", "yes"], "device": device, "epochs": 4, "dropout": 0.4}
    among = packs.train(*FOLDS, name="among", **how)
    for seed in (0, 1):
        alone = packs.train("smic_a", seeds=(seed,), name="alone", **how)["smic_a", seed]
        one, other = checkpoints.load(alone), checkpoints.load(among["smic_a", seed])
        assert one.digest == other.digest
        assert_alike(one, other)


@pytest.mark.parametrize("model", STACKABLE)
@pytest.mark.parametrize("device", CPU_AND_CUDA[1:])
def test_on_a_gpu_stacked_models_without_dropout_are_those_of_single_trainings(packs, model, device):
    how = {"model": model, "device": device, "epochs": 4, "dropout": 0.0}
    single = packs.train(*FOLDS, extra=["--stack", "no"], name="single", **how)
    stacked = packs.train(*FOLDS, extra=["--stack", "yes"], name="stacked", **how)
    for run, path in single.items():
        assert_alike(checkpoints.load(path), checkpoints.load(stacked[run]))


@pytest.mark.parametrize(("model", "overrides"), [("merba_tiny", {}), ("ststnet", {"selection": "nested"})])
def test_what_cannot_be_stacked_is_refused_when_asked_for(packs, model, overrides):
    with pytest.raises(InputError, match="cannot be trained in a stack"):
        packs.train("smic_a", model=model, extra=["--stack", "yes"], **overrides)


def test_a_stack_that_diverges_names_its_training(packs):
    with pytest.raises(
        InputError, match=r"the loss of ststnet fold smic_\w seed \d is (nan|inf) in epoch \d"
    ):
        packs.train(*FOLDS, extra=["--stack", "yes"], optimiser="sgd", lr=1e30)


def test_equal_numbers_of_clips_are_what_is_stacked(packs, monkeypatch):
    sizes = []
    monkeypatch.setattr(pack, "_train_stacked", lambda runs, *rest: sizes.append(len(runs)) or stop())

    def stop():
        raise InputError("enough", cure="none")

    with pytest.raises(InputError, match="enough"):
        packs.train(*FOLDS, extra=["--stack", "yes"])
    counts = [len(packs.bench.clips(packs.inside(fold))) for fold in FOLDS]
    assert sizes == [2 * counts.count(counts[0])]


def test_finished_trainings_survive_an_interruption(packs, monkeypatch, capsys):
    real, begun = pack.Fold.train, []

    def third_fails(fold, *args, **kwargs):
        begun.append(fold.name)
        if len(begun) == 3:
            raise KeyboardInterrupt
        return real(fold, *args, **kwargs)

    monkeypatch.setattr(pack.Fold, "train", third_fails)
    with pytest.raises(KeyboardInterrupt):
        packs.train(*FOLDS, seeds=(0,))
    assert not list((packs.folder / "pack").glob("*.pt")), "all are put in place at once"
    made = packs.train(*FOLDS, seeds=(0,))
    assert begun == ["smic_a", "smic_b", "smic_c", "smic_c"]
    assert capsys.readouterr().err.count("was finished before") == 2
    assert not [*(packs.folder / "pack").glob("*.kept"), *(packs.folder / "pack").glob("*.log")]
    monkeypatch.undo()
    assert bytes_of(made) == bytes_of(packs.train(*FOLDS, seeds=(0,), name="again"))


def test_what_was_finished_otherwise_is_trained_again(packs, monkeypatch):
    real = pack.Fold.train

    def fails(fold, *args, **kwargs):
        if fold.name == "smic_b":
            raise KeyboardInterrupt
        return real(fold, *args, **kwargs)

    monkeypatch.setattr(pack.Fold, "train", fails)
    with pytest.raises(KeyboardInterrupt):
        packs.train("smic_a", "smic_b", seeds=(0,), lr=1e-2)
    monkeypatch.undo()
    made = packs.train("smic_a", "smic_b", seeds=(0,), lr=1e-3)
    assert bytes_of(made) == bytes_of(packs.train("smic_a", "smic_b", seeds=(0,), lr=1e-3, name="again"))
    assert not list((packs.folder / "pack").glob("*.kept"))


def test_what_was_finished_on_another_kind_of_device_is_not_taken_up(packs):
    (fold,) = read_folds("ststnet", BRIEF, CLASSES, {"smic_a": packs.lists["smic_a"]}, packs.caches.values())
    made = [
        pack._Run(fold, 0, False, False, torch.device(name), packs.folder / "a.pt", packs.folder / "a.csv")
        for name in ("cpu", "cuda:0", "cuda:1")
    ]
    assert made[1].kept == made[2].kept != made[0].kept


def test_a_clip_without_pixels_is_named_with_its_fold_s_list(packs):
    packs.lists["smic_b"].write_text(packs.lists["smic_b"].read_text() + f"smic/s09/x,{CLASSES[0]}\n")
    with pytest.raises(InputError, match=r"smic_b\.csv: smic/s09/x: not in any"):
        packs.train("smic_a", "smic_b")


@pytest.mark.parametrize(
    ("changes", "named"),
    [({"--fold": ["a", "a"]}, "named twice"), ({"--list": ["x"]}, "--list"), ({"--log": ["x"]}, "--log")],
)
def test_every_fold_has_its_own(changes, named):
    words = {"--fold": ["a", "b"], "--list": ["x", "y"], "--log": ["x", "y"], "--checkpoints": ["p", "q"]}
    arguments = [word for option, given in {**words, **changes}.items() for word in (option, *given)]
    with pytest.raises(InputError, match=named):
        train.main(["--model", "ststnet", "--classes", *CLASSES, "--caches", "c", "--seeds", "0", *arguments])
