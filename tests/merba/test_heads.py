"""DGCM: its loss worked by hand, its rule of decision, and what it is for."""

import math

import pytest
import torch

from contracts.errors import InputError
from merba import create_model
from merba.heads import DGCM, DGCM_CLASSES, LinearHead

ANGER, CONTEMPT, DISGUST, FEAR, HAPPINESS, SADNESS, SURPRISE = range(7)


@pytest.fixture
def head():
    return DGCM(2, 7).double()


def test_loss_worked_by_hand(head):
    """Two clips, anger and happiness; coarse odds 3:1:1:1 for the right group, fine odds 2:1:1:1."""
    coarse = torch.tensor([[math.log(3), 0, 0, 0], [0, math.log(3), 0, 0]], dtype=torch.float64)
    fine = torch.tensor([[math.log(2), 0, 0, 0], [5.0, 6, 7, 8]], dtype=torch.float64)
    y = torch.tensor([ANGER, HAPPINESS])
    coarse_loss, fine_loss = math.log(2), math.log(5 / 2)
    for t in (0.0, 0.25, 0.9):
        assert head.joint_loss(coarse, fine, y, t).item() == pytest.approx(coarse_loss + t * fine_loss)
    head.form = "convex"
    assert head.joint_loss(coarse, fine, y, 0.25).item() == pytest.approx(
        0.75 * coarse_loss + 0.25 * fine_loss
    )


def test_a_batch_without_negatives_has_no_fine_loss(head):
    coarse = torch.zeros(3, 4, dtype=torch.float64, requires_grad=True)
    fine = torch.randn(3, 4, dtype=torch.float64, requires_grad=True)
    loss = head.joint_loss(coarse, fine, torch.tensor([CONTEMPT, HAPPINESS, SURPRISE]), 0.5)
    loss.backward()
    assert loss.item() == pytest.approx(math.log(4))
    assert fine.grad.abs().sum() == 0


@pytest.mark.parametrize("form", ["sum", "convex"])
def test_every_class_has_its_group_and_every_negative_its_emotion(head, form):
    """Log-odds that put everything on the right answer cost nothing; on any other group or emotion, much."""
    head.form = form
    groups = {HAPPINESS: 1, SURPRISE: 2, CONTEMPT: 3}
    emotions = {ANGER: 0, DISGUST: 1, FEAR: 2, SADNESS: 3}
    for y in range(7):
        right = (groups.get(y, 0), emotions.get(y))
        for group in range(4):
            for emotion in range(4):
                coarse, fine = torch.zeros(2, 1, 4, dtype=torch.float64)
                coarse[0, group] = fine[0, emotion] = 50
                loss = head.joint_loss(coarse, fine, torch.tensor([y]), 0.5).item()
                agrees = group == right[0] and right[1] in (None, emotion)
                assert (loss < 1e-9) == agrees


def test_the_fine_loss_averages_over_negatives_alone(head):
    """Two negatives of different loss among four clips: their mean, not a quarter of their sum."""
    coarse = torch.zeros(4, 4, dtype=torch.float64)
    fine = torch.zeros(4, 4, dtype=torch.float64)
    fine[1, 2] = math.log(5)
    y = torch.tensor([SADNESS, FEAR, HAPPINESS, CONTEMPT])
    expected = (math.log(4) + math.log(8 / 5)) / 2
    for loss in (head.joint_loss(coarse, fine, y, 1.0), head.joint_loss(coarse[:2], fine[:2], y[:2], 1.0)):
        assert loss.item() == pytest.approx(math.log(4) + expected)


def test_convex_ends_without_coarse_supervision(head):
    head.form = "convex"
    coarse = torch.randn(3, 4, dtype=torch.float64, requires_grad=True)
    fine = torch.randn(3, 4, dtype=torch.float64, requires_grad=True)
    head.joint_loss(coarse, fine, torch.tensor([ANGER, FEAR, SURPRISE]), 1.0).backward()
    assert coarse.grad.abs().sum() == 0
    assert (fine.grad.abs().sum(1) > 0).tolist() == [True, True, False]


def test_smoothing_is_that_of_both_cross_entropies(head):
    """Even log-odds cost log 4 whatever the target is smoothed to; certain ones cost their distance."""
    even = torch.zeros(1, 4, dtype=torch.float64)
    sure = even.clone()
    sure[0, 0] = 3.0
    y = torch.tensor([ANGER])
    norm = math.log(math.exp(3) + 3)
    each = 0.925 * (norm - 3) + 0.075 * norm
    assert head.joint_loss(even, even, y, 1.0, 0.1).item() == pytest.approx(2 * math.log(4))
    assert head.joint_loss(sure, sure, y, 1.0, 0.1).item() == pytest.approx(2 * each)


def test_a_class_of_double_weight_is_a_clip_seen_twice(head):
    coarse, fine = torch.randn(2, 3, 4, dtype=torch.float64)
    y, twice = torch.tensor([ANGER, FEAR, SURPRISE]), [0, 1, 1, 2]
    weight = torch.ones(7, dtype=torch.float64)
    weight[FEAR] = 2
    weighed = head.joint_loss(coarse, fine, y, 0.7, weight=weight)
    torch.testing.assert_close(weighed, head.joint_loss(coarse[twice], fine[twice], y[twice], 0.7))


def test_the_linear_head_weighs_classes_as_the_cross_entropy_does():
    head = LinearHead(2, 3)
    features, y, weight = torch.randn(4, 2), torch.tensor([0, 1, 2, 2]), torch.tensor([1.0, 2.0, 0.5])
    loss, logits = head.loss(features, y, 0.5, 0.0, weight)
    rows = -logits.log_softmax(1)[range(4), y]
    torch.testing.assert_close(loss, (rows * weight[y]).sum() / weight[y].sum())


def test_probabilities_are_joint_and_sum_to_one(head):
    coarse = torch.tensor([[0.4, 0.3, 0.2, 0.1]]).double().log()
    fine = torch.tensor([[0.1, 0.2, 0.3, 0.4]]).double().log()
    joint = head._joint(coarse, fine).exp()[0]
    expected = {"anger": 0.04, "disgust": 0.08, "fear": 0.12, "sadness": 0.16}
    expected |= {"happiness": 0.3, "surprise": 0.2, "contempt": 0.1}
    assert joint.tolist() == pytest.approx([expected[name] for name in DGCM_CLASSES])
    # Happiness is the likeliest class, but the negative group is the likeliest group.
    assert DGCM_CLASSES[head.decide(joint.log()[None]).item()] == "sadness"


def test_it_refuses_three_classes():
    with pytest.raises(InputError, match="7 classes"):
        create_model("merba_tiny", 3, head="dgcm")


def test_merba_trains_and_predicts_with_it():
    model = create_model("merba_tiny", 7, head="dgcm")
    loss, logits = model.loss(torch.randn(4, 2, 28, 28), torch.tensor([0, 1, 4, 6]), 0.5)
    loss.backward()
    classes, probabilities = model.predict(torch.randn(4, 2, 28, 28))
    assert logits.shape == probabilities.shape == (4, 7)
    assert classes.shape == (4,)
    torch.testing.assert_close(probabilities.sum(1), torch.ones(4))
