"""The benchmark programs together: none can keep the others from being measured, and all are shown alike."""

import argparse
import importlib.util
import json
import subprocess
import time
from pathlib import Path
from types import SimpleNamespace

import pandas as pd
import pytest
import torch

from benchmarks import __main__ as suite
from benchmarks import gpu, packs, startup
from benchmarks.report import stamp, table, write
from benchmarks.steps import Step, run, summary
from contracts.errors import InputError
from contracts.provenance import commit
from merba.scan import list_backends

PROGRAM = """
import json, subprocess, sys, tempfile, time
what, path = sys.argv[1], sys.argv[3]
if what == "fails":
    sys.exit("broken | pipe")
if what == "hangs":
    with open(path, "w") as file:
        json.dump({"headline": [["what it had by then", 1, ""]]}, file)
    tempfile.mkdtemp()
    print("a line before", "the last words", sep="\\n", file=sys.stderr, flush=True)
    child = subprocess.Popen(["sleep", "60"])
    open(%r, "w").write(str(child.pid))
    time.sleep(60)
with open(path, "w") as file:
    json.dump({"headline": [["what it found", 1234.5678, "clips/s"]]}, file)
if what == "breaks":
    sys.exit("after its first figure")
sys.exit(3 if what == "misses" else 0)
"""


@pytest.fixture
def step(tmp_path):
    """Makes a step of a program that does as its name says."""
    (tmp_path / "program.py").write_text(PROGRAM % str(tmp_path / "child"))
    return lambda name, seconds=20.0: Step(name, ("program", name), seconds, {"PYTHONPATH": str(tmp_path)})


def test_a_step_that_fails_or_hangs_is_reported_and_the_next_begins(step, tmp_path):
    begun = time.monotonic()
    noted = []
    steps = [step("fails"), step("hangs", 1.5), step("misses"), step("breaks"), step("works")]
    found = run(steps, note=lambda so_far: noted.append(list(so_far)))
    assert time.monotonic() - begun < 15
    states = {name: one["state"] for name, one in found.items()}
    assert states == {
        "fails": "failed",
        "hangs": "stopped",
        "misses": "missed",
        "breaks": "failed",
        "works": "done",
    }
    names = [one.name for one in steps]
    assert noted == [names[: k + 1] for k in range(len(names))], "after every step, for an interruption"
    hung = found["hangs"]
    assert (hung["said"], hung["log"]) == ("the last words", ["a line before", "the last words"])
    assert hung["figures"]["headline"], "what a step wrote before it was stopped is kept"
    child = Path("/proc", (tmp_path / "child").read_text())
    assert not (child / "exe").exists(), "what it has started is stopped with it"
    shown = summary(found).splitlines()
    assert shown[2] == "| fails | failed: broken / pipe |  |  |"
    assert "| misses | missed: its limit |  |  |" in shown
    assert found["breaks"]["figures"]["headline"], "what a step wrote before it failed is kept"
    assert "| breaks | failed: after its first figure |  |  |" in shown
    assert shown[-1] == "| works | what it found | clips/s | 1235 |"
    assert all(line.count("|") == 5 for line in shown)


def test_no_step_begins_when_the_time_is_spent(step):
    found = run([step("hangs"), step("works")], seconds=1)
    assert [one["state"] for one in found.values()] == ["stopped", "not begun"]


def test_tables_align_words_left_and_numbers_right():
    assert table(("a", "b", "c"), [("x", "y", 1)], words=2).splitlines() == [
        "| a | b | c |",
        "|---|---|---:|",
        "| x | y | 1 |",
    ]


def test_figures_carry_the_machine_and_the_commit(tmp_path):
    write(tmp_path / "deep" / "figures.json", {"figures": [1]})
    read = json.loads((tmp_path / "deep" / "figures.json").read_text())
    assert read == {"figures": [1], **stamp()}
    assert read["environment"]["commit"] == commit()
    assert read["machine"]["cores"] >= 1


@pytest.mark.parametrize("name", suite.STEPS)
def test_every_step_of_the_suite_is_a_program(name):
    assert importlib.util.find_spec(suite.STEPS[name].command[0])


def test_unknown_names_are_answered_with_the_nearest():
    for main, words in ((suite.main, ["--steps", "flwo"]), (startup.main, ["--jobs", "trian"])):
        with pytest.raises(InputError, match=r"Did you mean '(flow|train)'"):
            main(words)


@pytest.mark.parametrize("part", gpu.PARTS)
def test_the_gpu_program_measures_on_a_cpu_too(part, tmp_path):
    words = ["--part", part, "--device", "cpu", "--windows", "1", "--seconds", "0"]
    gpu.main([*words, "--json", str(tmp_path / "found.json")])
    found = json.loads((tmp_path / "found.json").read_text())
    assert all(value > 0 for _, value, _ in found["headline"])
    if part == "scans":
        asked = {f"{task}, {name}" for task in ("scan", "mix") for name in list_backends(task)}
        assert set(found["backends"]) == asked
        assert "obstacle" not in found["backends"]["scan, torch"]
        assert "obstacle" not in found["backends"]["mix, torch"]
        scan, mix = (found["backends"][f"{task}, torch"] for task in ("scan", "mix"))
        # The Mixer does the scan's operations and more, and what lies between them need not be moved.
        assert mix["operations_ms"] > scan["operations_ms"]
        assert mix["bytes_ms"] < scan["bytes_ms"]


def test_a_back_end_that_breaks_in_its_own_way_leaves_the_others(tmp_path, monkeypatch):
    """A compiler's error is a class of its own, or that of a process."""
    real = gpu._scan

    def scan(device, windows):
        forward, *least = real(device, windows)

        def broken(name):
            if name == "reference":
                raise subprocess.CalledProcessError(1, ["gcc"])
            return forward(name)

        return broken, *least

    monkeypatch.setattr(gpu, "_scan", scan)
    *_, found = gpu.scans(torch.device("cpu"), 0, 1)
    assert found["backends"]["scan, reference"]["obstacle"].startswith("CalledProcessError: Command")
    assert found["backends"]["mix, torch"]["whole_ms"] > 0
    said = summary({"scans": {"state": "done", "figures": found}})
    assert "scan, reference: CalledProcessError: Command" in said, "what could not be timed is not left out"


def test_the_folds_that_a_gpu_is_asked_for_are_read_as_they_are_meant(monkeypatch):
    """Also that no model is stacked that cannot be: one failure would lose what was measured before."""
    asked, trained = [], []

    class Seen(packs.Loso):
        def __init__(self, folder, args, folds):
            asked.append((args.model, args.device, args.folds <= args.packed))

        def train(self, name, way):
            trained.append(name)
            return {"seconds_a_fold": 1.0}

        def predict(self, name, folds):
            raise InputError("enough", cure="none")

    monkeypatch.setattr(packs, "Loso", Seen)
    monkeypatch.setattr(packs, "made_up", lambda folder: None)
    args = argparse.Namespace(device="cuda", threads=1, seconds=1, windows=1, models=gpu.MODELS)
    made = {one.name: one.command for one in gpu.steps(args)}
    for name in gpu.FOLDS:
        module, *words = made[f"folds, {name}"]
        assert module == "benchmarks.packs"
        with pytest.raises(InputError, match="enough"):
            packs.main(words)
    assert asked == [(name, "cuda", True) for name in gpu.FOLDS]
    assert trained == ["plain"] * len(gpu.FOLDS), "on one core nothing is serial"


@pytest.mark.parametrize(
    "model, last", [("ststnet", ("stacked", "yes", False)), ("merba_tiny", ("compiled", "no", True))]
)
def test_on_a_gpu_what_can_be_stacked_is_and_the_rest_is_compiled(monkeypatch, model, last):
    trained = []

    class Seen(packs.Loso):
        def __init__(self, folder, args, folds):
            self.folds = SimpleNamespace(truth={"a": "positive"})

        def train(self, name, way):
            trained.append((name, way.stack, way.compiled))
            counts = ("folds", "seeds", "processes", "at_once", "threads")
            return {"seconds_a_fold": 1.0, **dict.fromkeys(counts, 1)}

        def predict(self, name, folds):
            probabilities = {f"p_{one}": [1 / 3] for one in packs.CLASSES}
            return pd.DataFrame({"clip_id": ["a"], "predicted": ["positive"], **probabilities})

    monkeypatch.setattr(packs, "Loso", Seen)
    monkeypatch.setattr(packs, "made_up", lambda folder: None)
    packs.main(["--model", model, "--device", "cuda"])
    assert trained[-1] == last
    assert [one[0] for one in trained[-2:]] == ["packed", last[0]]


def test_on_a_gpu_all_ends_within_eight_minutes_and_what_was_promised_comes_first(monkeypatch):
    asked = []
    monkeypatch.setattr(gpu, "run", lambda steps, budget, _: asked.append((list(steps), budget)) or {})
    with pytest.raises(SystemExit):
        gpu.main([])
    ((steps, budget),) = asked
    assert budget <= 480
    names = [step.name for step in steps]
    more = [k for k, name in enumerate(names) if name.startswith("steps, ") and name.count(",") > 1]
    assert len(more) == len(gpu.BACKENDS) + len(gpu.COMPILED)
    assert max(names.index(f"folds, {name}") for name in gpu.FOLDS) < min(more)
