"""Stratified guesses: their frequencies, and what a guess depends on."""

import torch

from merba import create_model


def fitted(seed=0, counts=(50, 30, 20)):
    torch.manual_seed(seed)
    model = create_model("stratified", len(counts))
    y = torch.repeat_interleave(torch.arange(len(counts)), torch.tensor(counts))
    model.fit(torch.zeros(len(y), 2, 28, 28), y)
    return model


def test_classes_are_guessed_as_often_as_they_occur_in_training():
    """Of 5000 draws a frequency has a standard deviation of at most .0071."""
    guesses, probabilities = fitted().predict(torch.randn(5000, 2, 4, 4))
    frequency = torch.bincount(guesses, minlength=3) / 5000
    torch.testing.assert_close(frequency, torch.tensor([0.5, 0.3, 0.2]), rtol=0, atol=0.03)
    torch.testing.assert_close(probabilities, torch.tensor([0.5, 0.3, 0.2]).expand(5000, 3))


def test_a_class_without_training_clips_is_never_guessed():
    guesses, probabilities = fitted(counts=(0, 7, 0, 3, 0)).predict(torch.randn(500, 2, 4, 4))
    assert set(guesses.tolist()) == {1, 3}
    assert probabilities.isfinite().all()


def test_a_guess_is_the_clips_own_and_the_seeds():
    x = torch.randn(200, 2, 28, 28)
    model, order = fitted(), torch.randperm(200)
    guesses = model.predict(x)[0]
    assert guesses[order].equal(model.predict(x[order])[0])
    assert guesses.equal(torch.cat([model.predict(clip)[0] for clip in x.split(1)]))
    assert guesses.equal(fitted().predict(x)[0])
    assert not guesses.equal(fitted(seed=1).predict(x)[0])
    loaded = create_model("stratified")
    loaded.load_state_dict(model.state_dict())
    assert guesses.equal(loaded.predict(x)[0])
