"""Learning curves: the middle training and the spread of all, and the figure that shows them."""

import numpy as np
import pandas as pd
import pytest

from contracts.errors import InputError
from contracts.files import write_csv
from merba.registry import declaration, list_models, model_entry
from protocols import get_protocol
from protocols.curve_figure import curve_figure, learns_by_epochs
from protocols.curves import COLUMNS, read_curve, summarise
from protocols.runs import Run

MEGC = get_protocol("megc2019")


def log(*losses, inner=np.nan):
    """A training's log with these losses."""
    epochs = np.arange(1, len(losses) + 1)
    measured = {"loss": losses, "accuracy": 0.1 * epochs, "inner_uf1": inner}
    return pd.DataFrame({"seed": 0, "epoch": epochs, "lr": 0.001, **measured})


def test_a_curve_is_the_median_and_the_quartiles_of_its_trainings():
    curve = summarise([log(k, 2 * k) for k in (5, 1, 2, 4, 3)])
    assert list(curve.columns) == COLUMNS
    assert curve.epoch.tolist() == [1, 2]
    assert curve.trainings.tolist() == [5, 5]
    assert curve[["loss_low", "loss", "loss_high"]].to_numpy().tolist() == [[2, 3, 4], [4, 6, 8]]
    assert curve.inner_uf1.isna().all()


def test_the_order_of_the_trainings_does_not_matter():
    logs = [log(*np.random.default_rng(k).random(6), inner=0.5) for k in range(7)]
    pd.testing.assert_frame_equal(summarise(logs), summarise(reversed(logs)))


def test_trainings_that_ended_earlier_are_not_counted_on():
    curve = summarise([log(1, 1, 1, inner=0.2), log(3, inner=0.4)])
    assert curve.trainings.tolist() == [2, 1, 1]
    assert curve.loss.tolist() == [2, 1, 1]
    assert curve.inner_uf1.tolist() == pytest.approx([0.3, 0.2, 0.2])


def test_a_curve_is_read_as_it_was_written(tmp_path):
    curve = summarise([log(1.5, 0.5), log(2.5, 1)])
    write_csv(curve, tmp_path / "a.csv")
    pd.testing.assert_frame_equal(read_curve(tmp_path / "a.csv"), curve, check_dtype=False)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (None, "the learning curve is missing"),
        ("epoch,lr,loss\n1,0,1\n", "columns are"),
        (",".join(COLUMNS) + "\n" + ",".join("x" for _ in COLUMNS) + "\n", "a cell is not a number"),
    ],
)
def test_what_is_no_curve_is_refused(tmp_path, text, said):
    if text:
        (tmp_path / "a.csv").write_text(text)
    with pytest.raises(InputError, match=said):
        read_curve(tmp_path / "a.csv")


def drawn(axes):
    return {line.get_label(): line for line in axes.lines}


def test_the_figure_draws_what_the_curves_say():
    curves = {
        "plain": summarise([log(3, 2, 1)]),
        "nested": summarise([log(3, 2, inner=0.5), log(2, inner=0.6)]),
    }
    figure = curve_figure(MEGC, curves, Run("x", "flows", alarms={"megc2019": ["nested"]}))
    above, others, below, nested = figure.axes
    assert [axes.get_title() for axes in (above, others)] == ["plain", "nested (alarm)"]
    assert "flow computed by others" in figure.get_suptitle()
    assert list(drawn(above)["training part"].get_ydata()) == [3, 2, 1]
    assert set(drawn(below)) == {"training part"}
    inner = drawn(nested)["inner UF1, which chose the epoch"]
    assert list(inner.get_ydata()) == pytest.approx([0.55, 0.5])
    # In grey print the two lines have nothing but their dashes.
    assert inner.get_linestyle() != drawn(nested)["training part"].get_linestyle()


def test_one_epoch_is_a_mark():
    figure = curve_figure(MEGC, {"short": summarise([log(1)])}, Run("x", "licensed"))
    assert all(line.get_marker() == "o" for axes in figure.axes for line in axes.lines)


@pytest.mark.parametrize("models", [1, 4, 5, 11])
def test_every_model_has_its_two_panels(models):
    curves = {f"model{k}": summarise([log(2, 1)]) for k in range(models)}
    figure = curve_figure(MEGC, curves, Run("x", "licensed"))
    assert sum(axes.get_title() in curves for axes in figure.axes) == models
    assert len(figure.axes) == 2 * models


@pytest.mark.parametrize("model", list_models())
def test_the_workflow_knows_beforehand_who_learns_by_epochs(model):
    """Rule `figures` promises a figure where a model's paper has epochs; what the log shows must agree."""
    logged = log(np.nan) if model_entry(model).build.fitted_at_once else log(1)
    assert learns_by_epochs(summarise([logged])) == (declaration(model).paper.selection != "no epochs")
