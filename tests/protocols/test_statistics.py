"""Intervals and tests over subjects: known truths, hand-worked numbers, and SciPy as the judge of both."""

import numpy as np
import pandas as pd
import pytest
from scipy.stats import bootstrap, kstest, permutation_test

from protocols import get_protocol
from protocols.metrics import get_metric, list_metrics
from protocols.statistics import (
    MIN_SUBJECTS,
    compare,
    draw_subjects,
    estimate,
    holm,
    interval,
    replicate,
    swap_test,
)
from protocols.subjects import make_sample, subject_table, uncertainty

MEGC = get_protocol("megc2019")
METRICS = list_metrics()


def simulated(rng, right, subjects=24, clips=8, spread=0.0, seeds=1, truth=None):
    """(seeds, subjects, 3, 3): right with probability `right`, whose sd over subjects is `spread`."""
    truth = rng.integers(0, 3, (subjects, clips)) if truth is None else truth
    chance = np.clip(right + spread * rng.standard_normal((len(truth), 1)), 0, 1)
    counts = np.zeros((seeds, len(truth), 3, 3), dtype=int)
    for seed in range(seeds):
        hit = rng.random(truth.shape) < chance
        said = np.where(hit, truth, (truth + rng.integers(1, 3, truth.shape)) % 3)
        np.add.at(counts[seed], (np.arange(len(truth))[:, None], truth, said), 1)
    return counts


def bounds(counts, metric, groups=None, replicates=2000):
    weights = draw_subjects(groups or ["a"] * counts.shape[1], replicates)
    return interval(replicate(counts, weights, [metric])[metric])


def compared(first, second):
    weights = draw_subjects(["a"] * first.shape[1], 2000)
    both = tuple(replicate(counts, weights, METRICS) for counts in (first, second))
    return compare((first, second), both, METRICS)


@pytest.mark.parametrize("metric", METRICS)
def test_an_interval_contains_the_estimate_and_narrows_with_more_subjects(metric):
    rng = np.random.default_rng(1)
    widths = []
    for subjects in (12, 96, 768):
        counts = simulated(rng, 0.7, subjects, seeds=3)
        low, high = bounds(counts, metric)
        assert 0 <= low <= estimate(counts, metric).mean() <= high <= 1
        widths.append(high - low)
    assert widths[0] > widths[1] > widths[2]


def test_the_interval_is_scipy_s_where_scipy_has_one():
    """Accuracy with equally many clips a subject is a mean over subjects, which SciPy can bootstrap."""
    counts = simulated(np.random.default_rng(2), 0.6, spread=0.15)
    right = counts[0].trace(axis1=1, axis2=2) / 8
    theirs = bootstrap((right,), np.mean, n_resamples=9999, method="percentile", random_state=0)
    assert bounds(counts, "acc", replicates=9999) == pytest.approx(theirs.confidence_interval, abs=0.01)


def test_about_95_of_100_intervals_contain_the_truth():
    """Accuracy's truth is known, the mean of subjects' own rates; percentile intervals cover a bit less."""
    rng = np.random.default_rng(3)
    covered = []
    for _ in range(200):
        low, high = bounds(simulated(rng, 0.6, subjects=30, spread=0.1), "acc", replicates=600)
        covered.append(low <= 0.6 <= high)
    assert 0.89 <= np.mean(covered) <= 0.985


def test_clips_of_a_subject_stand_together():
    """Ten times the clips with the same outcome a subject teach nothing new: the interval stays as it is."""
    rng = np.random.default_rng(4)
    once = simulated(rng, 0.6, clips=3)
    for metric in METRICS:
        assert bounds(10 * once, metric) == pytest.approx(bounds(once, metric))
        assert bounds(np.concatenate([once] * 3), metric) == pytest.approx(bounds(once, metric))


def test_every_replicate_draws_as_many_subjects_of_a_corpus_as_it_has():
    groups = ["smic"] * 3 + ["samm"] * 7
    weights = draw_subjects(groups, 50)
    assert (weights[:, :3].sum(axis=1) == 3).all()
    assert (weights[:, 3:].sum(axis=1) == 7).all()
    assert len(np.unique(weights, axis=0)) > 40


@pytest.mark.parametrize("groups", [["a"] * (MIN_SUBJECTS - 1), ["a"] * MIN_SUBJECTS + ["b"]])
def test_too_few_subjects_have_no_interval_but_still_a_p(groups):
    assert draw_subjects(groups) is None
    rng = np.random.default_rng(5)
    counts = tuple(simulated(rng, right, len(groups)) for right in (0.2, 0.9))
    one = compare(counts, None, ["uf1"])["uf1"]
    assert np.isnan([one.low, one.high, one.effect]).all()
    assert 0 < one.p < 0.1


def test_a_replicate_without_a_class_means_over_the_others():
    """Two subjects out of nine have all clips of the third class; no replicate may come out as nan."""
    counts = np.zeros((1, 9, 3, 3), dtype=int)
    counts[0, :, 0, 0] = counts[0, :, 1, 1] = 1
    counts[0, :2, 2, 2] = 1
    values = replicate(counts, draw_subjects(["a"] * 9), METRICS)
    assert all((values[metric] == 1).all() for metric in METRICS)


def test_a_model_against_itself():
    counts = simulated(np.random.default_rng(6), 0.6, seeds=2)
    for one in compared(counts, counts).values():
        assert (one.value, one.low, one.high, one.p) == (0, 0, 0, 1)
        assert np.isnan(one.effect)


def test_a_model_that_is_right_where_the_other_is_wrong():
    rng = np.random.default_rng(7)
    truth = rng.integers(0, 3, (40, 5))
    good, bad = (simulated(rng, right, truth=truth) for right in (1.0, 0.0))
    for metric, one in compared(bad, good).items():
        assert one.value == -1, metric
        assert one.p == pytest.approx(1e-4, rel=1e-3)


def test_turning_a_pair_round_turns_its_signs_alone():
    rng = np.random.default_rng(8)
    truth = rng.integers(0, 3, (24, 8))
    first, second = (simulated(rng, right, seeds=2, truth=truth) for right in (0.6, 0.7))
    there, back = compared(first, second), compared(second, first)
    for metric in METRICS:
        assert back[metric].value == pytest.approx(-there[metric].value)
        assert (back[metric].low, back[metric].high) == pytest.approx(
            (-there[metric].high, -there[metric].low)
        )
        assert back[metric].effect == pytest.approx(-there[metric].effect)
        assert back[metric].p == there[metric].p


def test_models_that_are_equal_by_construction_give_every_p_alike():
    rng = np.random.default_rng(9)
    p_values = []
    for _ in range(150):
        truth = rng.integers(0, 3, (11, 6))
        first, second = (simulated(rng, 0.5, truth=truth) for _ in range(2))
        p_values.append(swap_test(first, second, ["uf1"])["uf1"])
    assert kstest(p_values, "uniform").pvalue > 0.01
    assert np.mean(np.array(p_values) <= 0.05) < 0.1


def test_equal_models_stay_equal_where_subjects_differ_and_clips_depend():
    """A test over clips would find differences here: whole subjects are right or wrong together."""
    rng = np.random.default_rng(10)
    p_values = []
    for _ in range(120):
        truth = np.repeat(rng.integers(0, 3, (12, 1)), 20, axis=1)
        first, second = (simulated(rng, 0.5, truth=truth, spread=0.4) for _ in range(2))
        p_values.append(swap_test(first, second, ["acc"])["acc"])
    assert np.mean(np.array(p_values) <= 0.05) < 0.11


@pytest.mark.parametrize("metric", METRICS)
def test_the_exact_p_is_scipy_s(metric):
    rng = np.random.default_rng(11)
    truth = rng.integers(0, 3, (9, 4))
    first, second = (simulated(rng, right, seeds=2, truth=truth) for right in (0.5, 0.75))
    both = np.stack([first, second])
    who = np.zeros(9, dtype=int), np.ones(9, dtype=int)

    def difference(x, y):
        take = [both[side, :, np.arange(9)].sum(axis=0) for side in (x, y)]
        return np.subtract(*(get_metric(metric)(pooled).mean() for pooled in take))

    theirs = permutation_test(who, difference, permutation_type="samples", n_resamples=np.inf)
    assert swap_test(first, second, [metric])[metric] == pytest.approx(theirs.pvalue)


def test_drawn_swaps_agree_with_all_of_them(monkeypatch):
    rng = np.random.default_rng(12)
    truth = rng.integers(0, 3, (13, 6))
    first, second = (simulated(rng, right, truth=truth) for right in (0.5, 0.65))
    exact = swap_test(first, second, METRICS)
    monkeypatch.setattr("protocols.statistics.SWAPS", 8000)
    drawn = swap_test(first, second, METRICS)
    assert drawn == pytest.approx(exact, abs=0.02)
    assert drawn != exact


def test_subjects_on_whom_both_agree_change_no_p():
    rng = np.random.default_rng(13)
    truth = rng.integers(0, 3, (10, 4))
    first, second = (simulated(rng, right, truth=truth) for right in (0.4, 0.8))
    same = simulated(rng, 0.7, subjects=60)
    more = [np.concatenate([counts, same], axis=1) for counts in (first, second)]
    assert swap_test(*more, ["acc"]) == swap_test(first, second, ["acc"])


def test_the_effect_is_cohen_s_d_of_pairs_where_the_metric_is_a_mean_over_subjects():
    rng = np.random.default_rng(14)
    truth = rng.integers(0, 3, (60, 8))
    first, second = (simulated(rng, right, truth=truth) for right in (0.75, 0.6))
    right = [counts[0].trace(axis1=1, axis2=2) / 8 for counts in (first, second)]
    difference = right[0] - right[1]
    assert compared(first, second)["acc"].effect == pytest.approx(
        difference.mean() / difference.std(), rel=0.08
    )


def test_holm_by_hand():
    # Sorted .01 .02 .03 .04 times 4 3 2 1: .04 .06 .06 .04, which may not fall again.
    assert holm([0.03, 0.01, 0.04, 0.02]) == pytest.approx([0.06, 0.04, 0.06, 0.06])
    assert holm([0.5, 0.4, 0.001]) == pytest.approx([0.8, 0.8, 0.003])
    assert holm([0.9, 0.8]) == pytest.approx([1, 1])
    assert list(holm([0.2])) == [0.2]
    assert len(holm([])) == 0


def outcomes(seed=0, models=("a", "b", "c"), seeds=(0, 1)):
    """A made-up run on twelve subjects of each corpus, models of rising skill."""
    rng = np.random.default_rng(seed)
    clips = pd.DataFrame(
        [
            (f"{corpus}/s{subject:02d}/{k}", corpus, MEGC.classes[k % 3])
            for corpus in MEGC.corpora
            for subject in range(12)
            for k in range(2 + subject % 3)
        ],
        columns=["clip_id", "part", "actual"],
    )
    made = {}
    for skill, model in enumerate(models):
        rows = []
        for number in seeds:
            right = rng.random(len(clips)) < 0.4 + 0.15 * skill
            predicted = np.where(right, clips.actual, rng.choice(MEGC.classes, len(clips)))
            rows.append(clips.assign(predicted=predicted, seed=number))
        made[model] = pd.concat(rows, ignore_index=True)
    return made


def measured(made):
    return uncertainty(make_sample(made, MEGC), MEGC)


def test_order_of_clips_subjects_folds_and_names_of_classes_change_nothing():
    made = outcomes()
    turned = dict(zip(MEGC.classes, MEGC.classes[1:] + MEGC.classes[:1], strict=True))
    changed = {
        model: rows.sample(frac=1, random_state=1).replace({"actual": turned, "predicted": turned})
        for model, rows in made.items()
    }
    for before, after in zip(measured(made), measured(changed), strict=True):
        pd.testing.assert_frame_equal(before, after, rtol=1e-9, check_exact=False)


def test_the_tables_hold_every_model_pair_part_and_metric_once():
    intervals, comparisons = measured(outcomes())
    assert (
        len(intervals) == 3 * 4 * len(METRICS) == len(intervals.drop_duplicates(["model", "part", "metric"]))
    )
    assert len(comparisons) == 3 * 4 * len(METRICS)
    assert (intervals.low <= intervals["mean"]).all()
    assert (intervals["mean"] <= intervals.high).all()
    assert (comparisons.p_holm >= comparisons.p).all()
    for _, family in comparisons.groupby(["part", "metric"]):
        assert list(family.p_holm) == pytest.approx(holm(family.p))


def test_means_and_deviations_are_over_seeds():
    made = outcomes(seeds=(3, 5, 8))
    intervals, _ = measured(made)
    row = intervals.query("model == 'b' and part == 'smic' and metric == 'acc'").iloc[0]
    rows = made["b"][made["b"].part == "smic"]
    by_seed = (rows.actual == rows.predicted).groupby(rows.seed).mean()
    assert row["mean"] == pytest.approx(by_seed.mean())
    assert row.sd == pytest.approx(by_seed.std())
    assert (row.seeds, row.subjects, row.clips) == (3, 12, len(rows) / 3)


def test_two_models_are_compared_on_the_seeds_that_both_have():
    made = outcomes()
    made["b"] = made["b"][made["b"].seed == 1]
    made["c"] = made["c"].assign(seed=made["c"].seed + 7)
    _, comparisons = measured(made)
    assert set(zip(comparisons["first"], comparisons["second"], strict=True)) == {("a", "b")}
    assert set(comparisons.seeds) == {1}
    row = comparisons.query("part == 'combined' and metric == 'acc'").iloc[0]
    alone = {model: rows[rows.seed == 1] for model, rows in made.items()}
    rates = {model: (rows.actual == rows.predicted).mean() for model, rows in alone.items()}
    assert row.difference == pytest.approx(rates["a"] - rates["b"])


def test_a_single_model_has_intervals_and_nothing_to_be_compared_with():
    intervals, comparisons = measured(outcomes(models=("a",)))
    assert len(intervals)
    assert not len(comparisons)
    assert comparisons.columns[-1] == "subjects"


def test_subjects_accuracies_average_to_the_model_s():
    made = outcomes()
    table = subject_table(make_sample(made, MEGC))
    assert len(table) == 3 * 36
    for model, rows in table.groupby("model"):
        pooled = (rows.accuracy * rows.clips).sum() / rows.clips.sum()
        assert pooled == pytest.approx((made[model].actual == made[model].predicted).mean())
