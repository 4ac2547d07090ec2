"""Scoring: pooled over folds, per part, every clip exactly once or not at all."""

import json

import numpy as np
import pandas as pd
import pytest
from handmade import predicted, small_lists

from contracts.errors import InputError
from contracts.files import read_csv
from contracts.predictions import read_predictions, write_predictions
from protocols import get_protocol
from protocols.runs import find_predictions
from protocols.scores import score, score_run

MEGC = get_protocol("megc2019")


def labelled(*rows):
    """(corpus, label) pairs -> labels, one clip and one fold each."""
    return pd.DataFrame(
        [(f"{corpus}/x/{k:03d}", label, f"fold{k}", corpus) for k, (corpus, label) in enumerate(rows)],
        columns=["clip_id", "label", "fold", "part"],
    )


def value(scores, part, metric):
    return scores[(scores.part == part) & (scores.metric == metric)].value.item()


def test_scores_are_pooled_over_folds_not_averaged():
    labels = labelled(("smic", "negative"), ("smic", "negative"), ("samm", "positive"), ("samm", "surprise"))
    table = predicted(labels, MEGC.classes, ["negative", "positive", "positive", "surprise"])
    scores = score(table, labels, MEGC)
    # Pooled F1: negative 2/3, positive 2/3, surprise 1. The mean over the four one-clip folds would be 3/4.
    assert value(scores, "combined", "uf1") == pytest.approx((2 / 3 + 2 / 3 + 1) / 3)
    assert value(scores, "combined", "uar") == pytest.approx((1 / 2 + 1 + 1) / 3)
    assert value(scores, "smic", "uf1") == pytest.approx((2 / 3 + 0) / 2)
    assert value(scores, "samm", "acc") == 1
    assert set(scores.part) == {"combined", "smic", "samm"}
    assert scores.set_index(["part", "metric"]).n.to_dict()["combined", "uf1"] == 4


def test_majority_baseline_on_the_full_composite():
    counts = MEGC.counts.items()
    labels = labelled(
        *(
            (corpus, name)
            for corpus, row in counts
            for name, n in zip(MEGC.classes, row, strict=True)
            for _ in range(n)
        )
    )
    scores = score(predicted(labels, MEGC.classes, ["negative"] * 442), labels, MEGC)
    for metric, expected in (("uf1", 0.241), ("uar", 0.333), ("acc", 0.566)):
        assert value(scores, "combined", metric) == pytest.approx(expected, abs=5e-4)


def test_parts_are_the_same_predictions_restricted(protocol):
    labels = small_lists(protocol.name).labels
    rng = np.random.default_rng(1)
    table = predicted(labels, protocol.classes, rng.choice(protocol.classes, len(labels)))
    scores = score(table, labels, protocol)
    for part in protocol.parts:
        inside = labels[labels.part.isin(part.groups)]
        alone = score(table[table.clip_id.isin(inside.clip_id)], inside, protocol)
        assert value(alone, part.name, "uf1") == value(scores, part.name, "uf1")


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda t: t.drop(index=2), "smic/x/002: not predicted"),
        (lambda t: pd.concat([t, t.iloc[[1]]]), "smic/x/001: predicted twice"),
        (lambda t: t.replace("smic/x/001", "smic/x/009").drop(index=0), "not predicted (and 1 more)"),
        (
            lambda t: pd.concat([t, t.iloc[[1]].replace("smic/x/001", "smic/x/009")]),
            "smic/x/009: predicted, but no test",
        ),
        (lambda t: t.replace("fold1", "fold2"), "smic/x/001: predicted by fold fold2"),
        (lambda t: t.drop(columns="p_surprise"), "classes are ['negative', 'positive']"),
    ],
)
def test_incomplete_or_strayed_predictions_are_refused(spoil, message):
    labels = labelled(("smic", "negative"), ("smic", "positive"), ("smic", "surprise"))
    with pytest.raises(InputError) as error:
        score(spoil(predicted(labels, MEGC.classes)), labels, MEGC)
    assert message in str(error.value)


def test_a_run_is_scored_whole(run):
    paths = score_run(run)
    assert all(path.exists() for path in paths)
    scores = read_csv(run / "scores" / "megc2019.csv").astype({"value": float, "seed": int})
    assert list(scores.columns) == ["model", "seed", "part", "metric", "value", "n"]
    runs = {("merba_tiny", 0), ("ststnet", 0), ("ststnet", 1)}
    assert set(zip(scores.model, scores.seed, strict=True)) == runs
    outcomes = read_csv(run / "scores" / "confusion_megc2019_ststnet.csv")
    assert list(outcomes.columns) == ["actual", "predicted", "part", "seed"]
    assert len(outcomes) == 2 * int(scores[scores.part == "combined"].n.iloc[0])


def test_the_summary_holds_means_over_seeds(run):
    score_run(run)
    scores = read_csv(run / "scores" / "megc2019.csv").astype({"value": float})
    rows = scores[(scores.model == "ststnet") & (scores.part == "samm") & (scores.metric == "uar")]
    means = json.loads((run / "scores" / "metrics.json").read_text())
    assert means["megc2019"]["ststnet"]["samm"]["uar"] == pytest.approx(rows.value.mean(), abs=1e-6)
    assert list(means["dfme"]["merba_tiny"]) == ["testA", "testB"]


def test_scoring_again_changes_no_byte(run):
    before = {path: path.read_bytes() for path in score_run(run)}
    assert {path: path.read_bytes() for path in score_run(run)} == before


def test_a_refusal_names_the_prediction_file(run):
    path = run / "predictions" / "dfme" / "ststnet" / "seed1.csv"
    write_predictions(read_predictions(path).iloc[1:], path)
    with pytest.raises(InputError, match=r"seed1.csv: dfme/\S+: not predicted"):
        score_run(run)


def declare(run, **account):
    (run / "run.json").write_text(json.dumps({"run": "demo", "corpora": "synthetic", **account}))


def test_files_of_an_earlier_configuration_do_not_count(run):
    declare(run, predictions={"dfme": ["ststnet"]}, seeds=[1])
    found = find_predictions(run)
    assert found == {"dfme": {"ststnet": {1: run / "predictions" / "dfme" / "ststnet" / "seed1.csv"}}}


def test_a_row_may_have_fewer_seeds_than_the_run(run):
    config = {"protocols": {"dfme": {"ststnet": {"epochs": 3}, "merba_tiny": {"seeds": [0]}}}}
    declare(run, predictions={"dfme": ["ststnet", "merba_tiny"]}, seeds=[0, 1], config=config)
    found = find_predictions(run)["dfme"]
    assert {model: list(seeds) for model, seeds in found.items()} == {"merba_tiny": [0], "ststnet": [0, 1]}


def test_a_prediction_file_that_belongs_to_the_run_must_be_there(run):
    declare(run, predictions={"dfme": ["ststnet", "merba_tiny"]}, seeds=[0, 1])
    with pytest.raises(InputError, match=r"dfme/merba_tiny/seed1.csv: the predictions are missing"):
        find_predictions(run)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("predictions/megc2019/ststnet/best.csv", "Name it seed"),
        ("predictions/megc/ststnet/seed0.csv", "unknown protocol"),
    ],
)
def test_a_stray_prediction_file_is_named(run, name, message):
    (run / name).parent.mkdir(parents=True, exist_ok=True)
    (run / name).write_text("x")
    with pytest.raises(InputError, match=message):
        find_predictions(run)


def test_missing_labels_and_missing_predictions_are_said(run, tmp_path):
    with pytest.raises(InputError, match="no predictions"):
        score_run(tmp_path)
    (run / "labels" / "dfme.csv").unlink()
    with pytest.raises(InputError, match=r"dfme.csv: the labels are missing"):
        score_run(run)
