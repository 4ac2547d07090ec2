"""What choosing the epoch on the test subject gains, against cases worked by hand."""

import json

import numpy as np
import pandas as pd
import pytest
from handmade import predicted, small_lists

from contracts.errors import InputError
from contracts.files import read_csv, write_csv
from protocols import get_protocol
from protocols.audit import RULES, audit, audit_run, chosen_epochs
from protocols.scores import score

MEGC = get_protocol("megc2019")
NEGATIVE, POSITIVE, SURPRISE = MEGC.classes


def of_two_subjects(*rows):
    """(subject, label, word of digits) -> labels and audited epochs."""
    ids = [f"smic/{subject}/{k}" for k, (subject, _, _) in enumerate(rows)]
    folds = [f"smic_{subject}" for subject, _, _ in rows]
    labels = pd.DataFrame({"clip_id": ids, "label": [row[1] for row in rows], "fold": folds, "part": "smic"})
    return labels, pd.DataFrame({"clip_id": ids, "fold": folds, "predicted": [row[2] for row in rows]})


# s01 is best after epochs 1 and 2 (both right), s02 after epoch 2 alone; after 4, the last, both are bad.
# Pooled, epoch 2 has all four right.
HAND = of_two_subjects(
    ("s01", NEGATIVE, "0011"),
    ("s01", POSITIVE, "1110"),
    ("s02", NEGATIVE, "2022"),
    ("s02", SURPRISE, "2210"),
)


def said(epochs):
    return np.array([[int(digit) for digit in word] for word in epochs.predicted])


def test_the_rules_by_hand():
    labels, epochs = HAND
    chosen = chosen_epochs(said(epochs), labels, MEGC)
    assert list(chosen) == list(RULES) == ["last", "best common", "best on test subject"]
    assert list(chosen["last"]) == [3] * 4
    assert list(chosen["best common"]) == [1] * 4
    assert list(chosen["best on test subject"]) == [1] * 4


@pytest.mark.parametrize(
    ("words", "common", "own"),
    [
        # s01's clip is right after every epoch, so the last counts; s02's only after the first.
        (("000", "000", "022", "222"), 0, (2, 2, 0, 0)),
        # Right twice: after the first epoch and after the second; the later counts.
        (("001", "110", "112", "222"), 1, (1, 1, 2, 2)),
        # Never right at all: every epoch is as good, and the last is taken.
        (("111", "000", "111", "000"), 2, (2, 2, 2, 2)),
    ],
)
def test_of_several_best_epochs_the_last_counts(words, common, own):
    labels, _ = HAND
    chosen = chosen_epochs(np.array([[int(digit) for digit in word] for word in words]), labels, MEGC)
    assert set(chosen["best common"]) == {common}
    assert tuple(chosen["best on test subject"]) == own


def test_test_sets_that_are_never_pooled_have_an_epoch_each_and_subjects_of_one_fold_too():
    # A's subject is right after epoch 1; of B's two, one after epoch 2, the other after 3, the later of two
    # epochs that are equally good for both.
    rows = [
        *(("testA", "sub1", 0, "0111"), ("testA", "sub1", 1, "1000")),
        *(("testB", "sub2", 0, "1011"), ("testB", "sub2", 1, "0100")),
        *(("testB", "sub3", 0, "1101"), ("testB", "sub3", 1, "0010")),
    ]
    dfme = get_protocol("dfme")
    labels = pd.DataFrame(
        {
            "clip_id": [f"dfme/{subject}/{k}" for k, (_, subject, _, _) in enumerate(rows)],
            "label": [dfme.classes[truth] for _, _, truth, _ in rows],
            "part": [part for part, *_ in rows],
        }
    )
    chosen = chosen_epochs(np.array([[int(digit) for digit in word] for *_, word in rows]), labels, dfme)
    assert list(chosen["best common"]) == [0, 0, 2, 2, 2, 2]
    assert list(chosen["best on test subject"]) == [0, 0, 1, 1, 2, 2]


def test_the_figures_by_hand():
    labels, epochs = HAND
    figures = audit(epochs, labels, MEGC, "seed0.csv").set_index(["rule", "part", "metric"])
    assert set(figures.index.get_level_values("part")) == {"combined", "smic"}, (
        "parts without clips have no row"
    )
    assert set(figures.n) == {4}
    # After the last epoch: negative said positive, positive negative, negative surprise, surprise negative.
    assert figures.value["last", "smic", "uf1"] == 0
    assert (
        figures.value["best common", "smic", "uf1"]
        == figures.value["best on test subject", "smic", "acc"]
        == 1
    )


def test_the_last_epoch_scores_as_predictions_do(protocol):
    """The honest rule is the scorer's own figure of the same answers, for every protocol."""
    labels = small_lists(protocol.name).labels
    digits = np.random.default_rng(0).integers(0, len(protocol.classes), (len(labels), 5))
    words = ["".join(map(str, row)) for row in digits]
    epochs = labels[["clip_id", "fold"]].assign(predicted=words)
    table = audit(epochs, labels, protocol, "seed0.csv")
    honest = table[table.rule == "last"].drop(columns="rule").reset_index(drop=True)
    names = [protocol.classes[k] for k in digits[:, -1]]
    pd.testing.assert_frame_equal(honest, score(predicted(labels, protocol.classes, names), labels, protocol))
    # Whoever looks at the test clips does at least as well in what the choice was made by.
    value = table.set_index(["part", "metric", "rule"]).value
    for part in protocol.widest:
        assert value[part.name, "uf1", "best common"] >= value[part.name, "uf1", "last"]
        assert value[part.name, "acc", "best on test subject"] >= value[part.name, "acc", "last"]


def test_the_order_of_clips_and_folds_changes_nothing():
    labels, epochs = HAND
    plain = audit(epochs, labels, MEGC, "seed0.csv")
    for seed in range(4):
        shuffled = [table.sample(frac=1, random_state=seed + k) for k, table in enumerate((epochs, labels))]
        pd.testing.assert_frame_equal(audit(*shuffled, MEGC, "seed0.csv"), plain)


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda t: t.drop(index=2), "seed0.csv: smic/s02/2: not once in its own fold"),
        (lambda t: pd.concat([t, t.iloc[[1]]]), "smic/s01/1: not once in its own fold"),
        (lambda t: t.assign(fold=t.fold.replace("smic_s02", "smic_s01")), "smic/s02/2: not once in its own"),
        (lambda t: t.replace("smic/s01/0", "smic/s01/9"), "smic/s01/[09]: not once in its own fold"),
        (lambda t: t.replace("2022", "202"), "smic/s02/2: another number of epochs than the others"),
        (lambda t: t.replace("2022", "2032"), "seed0.csv: a digit that is no class"),
        (lambda t: t.replace("2022", "20x2"), "smic/s02/2: not a digit an epoch"),
        (lambda t: t.assign(predicted=""), "smic/s01/0: not a digit an epoch"),
    ],
)
def test_what_is_no_audit_is_named(spoil, message):
    labels, epochs = HAND
    with pytest.raises(InputError, match=message):
        audit(spoil(epochs), labels, MEGC, "seed0.csv")


@pytest.fixture
def audited(run):
    """The small run with audits of megc2019: two seeds of one model."""
    labels = read_csv(run / "labels/megc2019.csv")
    for seed in range(2):
        digits = np.random.default_rng(seed).integers(0, 3, (len(labels), 4)).astype(str)
        table = labels[["clip_id", "fold"]].assign(predicted=["".join(row) for row in digits])
        write_csv(table, run / f"audit/megc2019/ststnet/seed{seed}.csv")
    return run


def test_a_run_gets_its_figures_and_the_same_again(audited):
    (written,) = audit_run(audited)
    table = read_csv(written)
    assert written.name == "megc2019.csv"
    assert list(table) == ["model", "seed", "rule", "part", "metric", "value", "n"]
    assert set(table.seed) == {"0", "1"}
    first = written.read_bytes()
    audit_run(audited)
    assert written.read_bytes() == first


def test_a_seed_that_the_row_no_longer_has_does_not_count(audited):
    config = {"audit": {"megc2019": ["ststnet"]}, "protocols": {"megc2019": {"ststnet": {"seeds": [0]}}}}
    (audited / "run.json").write_text(json.dumps({"run": "demo", "seeds": [0, 1], "config": config}))
    (written,) = audit_run(audited)
    assert set(read_csv(written).seed) == {"0"}


def test_a_record_that_is_given_counts_whatever_the_last_run_was_configured_to(audited):
    config = {"audit": {"megc2019": ["htnet"]}}
    (audited / "run.json").write_text(json.dumps({"run": "demo", "seeds": [0], "config": config}))
    (written,) = audit_run(audited, {"seeds": [0, 1], "config": {"audit": {"megc2019": ["ststnet"]}}})
    assert set(read_csv(written).seed) == {"0", "1"}


def test_without_an_audit_it_says_how_to_make_one(run):
    with pytest.raises(InputError, match=r"nothing was audited\. Run `snakemake audit` first"):
        audit_run(run)
