"""Prototypes: the nearest decides, they are means of training clips, and asking does not move them."""

import pytest
import torch

from contracts.errors import InputError
from merba import create_model
from merba.baselines.meplan_reading import R3D18
from merba.registry import declaration

SMALL = {"width": 4}


def clips(n=6, seed=0):
    random = torch.Generator().manual_seed(seed)
    return torch.randint(0, 256, (n, 16, 32, 32), dtype=torch.uint8, generator=random)


def test_the_network_is_r3d_18():
    """Published with three channels and 400 classes: 33,371,472 parameters, 205,200 of them the head's. One
    grey channel saves two thirds of the stem's 3 x 64 x 147."""
    with torch.device("meta"):
        published, ours = (
            sum(p.numel() for p in net.parameters()) for net in (R3D18(3), create_model("meplan_reading", 3))
        )
    assert published == 33_371_472 - 205_200
    assert ours == published - 2 * 64 * 147


def test_time_and_space_are_halved_three_times_after_the_stem():
    net, shapes = R3D18(1, 4), []
    net[-2].register_forward_hook(lambda _, inputs, __: shapes.append(inputs[0].shape))
    assert net(torch.zeros(1, 1, 16, 112, 112)).shape == (1, 32)
    assert shapes == [(1, 32, 2, 7, 7)]


def test_the_decision_is_the_nearest_prototype():
    model, x = create_model("meplan_reading", 3, **SMALL), clips()
    model.loss(x, torch.arange(6) % 3, 0.0)
    decided, _ = model.predict(x)
    nearest = torch.cdist(model.embed(x), model.prototypes).argmin(1)
    assert decided.equal(nearest)
    model.prototypes[1] = model.embed(x)[0]
    assert model.predict(x[:1])[0].item() == 1


def test_a_batch_is_asked_before_it_answers():
    """The second batch's log-odds are distances to the prototypes that the first one made."""
    model = create_model("meplan_reading", 2, **SMALL)
    labels = torch.tensor([0, 0, 0, 1, 1, 1])
    model.loss(clips(), labels, 0.0)
    before = model.prototypes.clone()
    _, logits = model.loss(clips(seed=1), labels, 0.0)
    embedded = model.embed(clips(seed=1))
    expected = -torch.cdist(embedded, before).square() / 32**0.5
    torch.testing.assert_close(logits, expected.detach(), rtol=1e-3, atol=1e-3)
    assert not model.prototypes.equal(before)


def test_prototypes_are_running_class_means():
    model = create_model("meplan_reading", 2, **SMALL, memory=0.75)
    labels = torch.tensor([0, 1, 0, 1, 0, 1])
    means = []
    for seed in range(3):
        x = clips(seed=seed)
        model.loss(x, labels, 0.0)
        embedded = model.embed(x).detach()
        means.append(torch.stack([embedded[labels == k].mean(0) for k in (0, 1)]))
    expected = means[0]
    for mean in means[1:]:
        expected = 0.75 * expected + 0.25 * mean
    torch.testing.assert_close(model.prototypes, expected, rtol=1e-4, atol=1e-5)


def test_asking_moves_nothing():
    model, x = create_model("meplan_reading", 3, **SMALL), clips()
    model.loss(x, torch.arange(6) % 3, 0.0)
    state = {name: value.clone() for name, value in model.state_dict().items()}
    model.predict(clips(seed=1))
    assert all(value.equal(state[name]) for name, value in model.state_dict().items())


def test_a_class_that_no_training_clip_has_is_never_predicted():
    model, x = create_model("meplan_reading", 3, **SMALL), clips()
    model.loss(x, torch.tensor([0, 2, 0, 2, 0, 2]), 0.0)
    assert (model.predict(x)[1][:, 1] == 0).all()
    torch.testing.assert_close(
        create_model("meplan_reading", 4, **SMALL).predict(x)[1], torch.full((6, 4), 0.25)
    )


def test_brightness_and_contrast_of_the_recording_do_not_count():
    model = create_model("meplan_reading", 3, **SMALL).eval()
    x = clips() // 4
    near = model.embed(x)
    torch.testing.assert_close(model.embed(x * 2 + 50), near, rtol=0.1, atol=0.05)


def test_it_is_named_for_what_it_is():
    assert declaration("meplan_reading").paper.fidelity == "reading"
    with pytest.raises(InputError, match="memory"):
        create_model("meplan_reading", memory=1.0)
