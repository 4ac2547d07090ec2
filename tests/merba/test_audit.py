"""The audit's training is the ordinary one, watched: it is told no test label and changes nothing."""

import json

import numpy as np
import pytest
from bench import BRIEF, TEST, TRAIN, write_rows
from toy_flow import CLASSES

from contracts.errors import InputError
from contracts.files import read_csv
from merba import audit
from merba.registry import declaration, list_models, model_entry

FLIPPED = json.dumps({**json.loads(BRIEF), "flip": "negate_u", "dropout": 0.3})
OF_FLOW = [name for name in list_models() if declaration(name).clips is None]
AT_ONCE = [name for name in OF_FLOW if model_entry(name).build.fitted_at_once]


def audited(
    bench, *extra, model="kernel_ridge", overrides="{}", seed=0, subjects=TRAIN + TEST, fold="smic_a", also=()
):
    """What `merba.audit` writes of a seed; it may be asked for others with it."""
    out = {one: bench.folder / f"audit_{model}_{one}.csv" for one in (*also, seed)}
    arguments = ["--model", model, "--overrides", overrides, "--classes", *CLASSES, "--fold", fold]
    arguments += ["--list", str(bench.list), "--caches", *(str(bench.caches[s]) for s in subjects)]
    arguments += [
        "--test",
        str(bench.test),
        "--seeds",
        *map(str, out),
        "--out",
        *map(str, out.values()),
        "--device",
        "cpu",
        *extra,
    ]
    audit.main(arguments)
    return read_csv(out[seed])


@pytest.mark.parametrize(
    ("model", "overrides", "epochs"),
    [("kernel_ridge", "{}", 1), ("majority", "{}", 1), ("ststnet", FLIPPED, 3), ("merba_tiny", FLIPPED, 3)],
)
@pytest.mark.parametrize("seed", [0, 3])
def test_its_last_epoch_is_the_honest_result(bench, model, overrides, epochs, seed):
    """Looking at the test clips after every epoch leaves order, flips and dropout as they were."""
    bench.write_list(TRAIN[:3])
    honest = bench.predict(*bench.train(model=model, overrides=overrides, seeds=(seed,)))
    # One of a pack's, where a training takes no time.
    also = (7,) if model == "ststnet" else ()
    table = audited(bench, model=model, overrides=overrides, seed=seed, also=also)
    assert list(table) == ["clip_id", "fold", "predicted"]
    assert sorted(table.clip_id) == sorted(honest.clip_id)
    assert set(table.predicted.str.len()) == {epochs}
    last = table.set_index("clip_id").predicted.str[-1].astype(int)
    assert [CLASSES[k] for k in last[honest.clip_id]] == list(honest.predicted)


def test_the_digits_are_the_models_at_those_moments(bench):
    """At a constant learning rate, k epochs are the first k of more."""
    bench.write_list(TRAIN[:3])
    recipe = {"epochs": 4, "schedule": "constant", "lr": 3e-3}
    table = audited(bench, model="ststnet", overrides=json.dumps(recipe)).set_index("clip_id")
    assert table.predicted.map(lambda word: len(set(word)) > 1).any(), "nothing was learnt between epochs"
    for epochs in (1, 3):
        shorter = json.dumps({**recipe, "epochs": epochs})
        then = bench.predict(*bench.train(model="ststnet", overrides=shorter))
        said = table.predicted[then.clip_id].str[epochs - 1].astype(int)
        assert [CLASSES[k] for k in said] == list(then.predicted)


def test_only_the_folds_own_clips_are_looked_at(bench):
    clips = bench.clips(TEST)
    rows = [(clip, "smic_a" if k % 2 else "smic_b") for k, clip in enumerate(clips)]
    bench.test = write_rows(bench.folder / "test.csv", ["clip_id", "fold"], rows)
    assert sorted(audited(bench).clip_id) == sorted(clips[1::2])


def test_it_is_told_no_test_label(bench):
    """Neither by an argument nor by its lists: whatever they say beside clip and fold has no influence."""
    flags = {word for action in audit._parser()._actions for word in action.option_strings}
    assert flags - {"-h", "--help"} == {
        *("--model", "--overrides", "--classes", "--fold", "--list", "--caches", "--sequences"),
        *("--test", "--seeds", "--out", "--threads", "--device"),
    }
    plain = audited(bench)
    rows = [(clip, "smic_a", bench.label_of[clip]) for clip in bench.clips(TEST)]
    bench.test = write_rows(bench.folder / "test.csv", ["clip_id", "fold", "label"], rows)
    assert audited(bench).equals(plain)
    strangers = [(clip, bench.label_of[clip]) for clip in bench.clips(TRAIN)]
    shifted = [(clip, CLASSES[(CLASSES.index(label) + 1) % 3]) for clip, label in strangers]
    bench.list = write_rows(bench.folder / "train.csv", ["clip_id", "label"], shifted)
    turned = {str(k): str((k + 1) % 3) for k in range(3)}
    assert list(audited(bench).predicted) == [turned[digit] for digit in plain.predicted]


def test_a_training_list_with_the_test_subject_is_refused(bench):
    bench.list = bench.write_list([*TRAIN, TEST[0]])
    with pytest.raises(InputError, match="leak: fold smic_a was trained on smic/s08"):
        audited(bench)


def test_a_fold_whose_test_clips_were_all_left_out_has_a_table_without_rows_and_says_so(bench, capsys):
    table = audited(bench, fold="smic_b")
    assert list(table) == ["clip_id", "fold", "predicted"]
    assert len(table) == 0
    assert "fold smic_b has no test clips in " in capsys.readouterr().err


def test_an_epoch_is_one_digit(bench):
    with pytest.raises(InputError, match="more than ten classes"):
        audited(bench, "--classes", *CLASSES, *(f"other{k}" for k in range(8)))


def test_a_chosen_epoch_has_nothing_to_audit(bench):
    with pytest.raises(InputError, match="selection: ststnet chooses its epoch by an inner split"):
        audited(bench, model="ststnet", overrides=json.dumps({**json.loads(BRIEF), "selection": "nested"}))


@pytest.mark.parametrize("name", AT_ONCE)
def test_a_model_without_epochs_has_one_to_look_at(bench, name):
    """Leaky and honest are the same then."""
    table = audited(bench, model=name)
    assert set(table.predicted.str.len()) == {1}
    assert np.isin(table.predicted.astype(int), range(3)).all()
