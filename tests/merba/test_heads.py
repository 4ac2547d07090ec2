"""DGCM: its loss worked by hand, its rule of decision, and what it is for."""

import math

import pytest
import torch

from contracts.errors import InputError
from merba import create_model
from merba.heads import DGCM, DGCM_CLASSES

ANGER, CONTEMPT, HAPPINESS, SURPRISE = (
    DGCM_CLASSES.index(n) for n in ("anger", "contempt", "happiness", "surprise")
)


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
