"""The simulation behind the figures of docs/statistics.md draws what it says it draws."""

import numpy as np
import pytest

from benchmarks import intervals
from benchmarks.intervals import RECALLS, World, covered, covered_difference, main
from contracts.errors import InputError
from protocols.metrics import get_metric


@pytest.fixture(scope="module")
def world():
    return World(0.8)


def test_every_draw_has_the_protocols_subjects_and_models_share_their_clips(world):
    first, second = world.draw(3, RECALLS, (0.5, 0.5, 0.5))
    assert first.shape == (3, 68, 3, 3)
    assert (first.sum(axis=3) == second.sum(axis=3)).all()
    known = {tuple(one) for one in world.clips}
    assert {tuple(one) for one in first.sum(axis=3).reshape(-1, 3)} <= known


def test_the_truth_is_where_many_draws_go(world):
    (counts,) = world.draw(1500, RECALLS)
    for own in (world.corpora != "", world.corpora == "samm"):
        pooled = counts[:, own].sum(axis=(0, 1))
        assert get_metric("uf1")(pooled) == pytest.approx(world.truth(RECALLS, own), abs=0.01)


def test_without_spread_the_recalls_are_those_given():
    calm = World(0.0)
    rows = calm._rows(RECALLS, np.zeros(1))
    assert np.diagonal(rows).tolist() == pytest.approx(RECALLS)
    assert rows.sum(axis=1).tolist() == pytest.approx([1, 1, 1])


def test_an_interval_is_counted_only_where_it_holds_the_truth(world):
    (counts,) = world.draw(20, RECALLS)
    truth = world.truth(RECALLS, world.corpora != "")
    assert covered(counts, world.corpora, truth)[0] > 0.7
    assert covered(counts, world.corpora, truth + 0.3)[0] == 0


def test_a_difference_is_counted_only_where_its_interval_holds_it(world):
    worse = np.subtract(RECALLS, 0.2)
    everyone = world.corpora != ""
    gap = world.truth(RECALLS, everyone) - world.truth(worse, everyone)
    first, second = world.draw(20, RECALLS, worse)
    shares = [covered_difference(first, second, world.corpora, gap + shift) for shift in (0, 0.3, -0.3)]
    assert shares[0] > 0.7
    assert shares[1:] == [0, 0]


def test_the_command_prints_its_figures_and_fails_beyond_a_bound(monkeypatch, capsys):
    # Ten draws are too few for a share of 92 %.
    monkeypatch.setattr(intervals, "LEAST_COVERAGE", 0.5)
    main(["--draws", "10", "--spread", "0"])
    said = capsys.readouterr().out
    assert "interval of the difference" in said
    assert "Combined" in said
    assert "two equal models" in said
    monkeypatch.setattr(intervals, "LEAST_COVERAGE", 1.01)
    with pytest.raises(InputError, match="of composites"):
        main(["--draws", "10"])
