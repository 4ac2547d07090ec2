"""The benchmark programs together: none can keep the others from being measured, and all are shown alike."""

import importlib.util
import json
import time
from pathlib import Path

import pytest

from benchmarks import __main__ as suite
from benchmarks import gpu, startup
from benchmarks.report import stamp, table, write
from benchmarks.steps import Step, run, summary
from contracts.errors import InputError
from contracts.provenance import commit
from merba.scan import list_backends

PROGRAM = """
import json, subprocess, sys, time
what, path = sys.argv[1], sys.argv[3]
if what == "fails":
    sys.exit("broken | pipe")
if what == "hangs":
    child = subprocess.Popen(["sleep", "60"])
    open(%r, "w").write(str(child.pid))
    time.sleep(60)
with open(path, "w") as file:
    json.dump({"headline": [["what it found", 1234.5678, "clips/s"]]}, file)
sys.exit(what == "misses")
"""


@pytest.fixture
def step(tmp_path):
    """Makes a step of a program that does as its name says."""
    (tmp_path / "program.py").write_text(PROGRAM % str(tmp_path / "child"))
    return lambda name, seconds=20.0: Step(name, ("program", name), seconds, {"PYTHONPATH": str(tmp_path)})


def test_a_step_that_fails_or_hangs_is_reported_and_the_next_begins(step, tmp_path):
    begun = time.monotonic()
    found = run([step("fails"), step("hangs", 1.5), step("misses"), step("works")])
    assert time.monotonic() - begun < 15
    states = {name: one["state"] for name, one in found.items()}
    assert states == {"fails": "failed", "hangs": "stopped", "misses": "missed", "works": "done"}
    child = Path("/proc", (tmp_path / "child").read_text())
    assert not (child / "exe").exists(), "what it has started is stopped with it"
    shown = summary(found).splitlines()
    assert shown[2] == "| fails | failed: broken / pipe |  |  |"
    assert "| misses | missed: its limit |  |  |" in shown
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


def test_on_a_gpu_all_ends_within_eight_minutes(capsys):
    with pytest.raises(SystemExit):
        gpu.main(["--help"])
    assert "seconds in all (default: 450)" in capsys.readouterr().out
