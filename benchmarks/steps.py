"""Programs run one after another, each in a process of its own and for so long at most; what they found.

A program that fails or takes too long is reported, and the next begins.
"""

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.report import MISSED, table
from contracts.provenance import ROOT

KEPT = 60
"""Lines of what a step said that are kept where it is not done."""
_STATES = {0: "done", MISSED: "missed"}


@dataclass(frozen=True)
class Step:
    """A program that takes `--json FILE`.

    Attributes:
        name: of the step.
        command: a module with a command line, and its arguments.
        seconds: it may take at most.
        variables: added to its environment.
    """

    name: str
    command: tuple[str, ...]
    seconds: float
    variables: dict[str, str] = field(default_factory=dict)


def run(
    steps: Iterable[Step], seconds: float = float("inf"), note: Callable[[dict], None] = lambda found: None
) -> dict[str, dict]:
    """Run steps in their order; after `seconds` in all, none begins and the one at work is stopped.

    Args:
        steps: what to run.
        seconds: for all of them.
        note: is given what was found after every step, so that an interruption loses none of it.

    Returns:
        Step -> its command, `state` (`done`; `missed`: it measured, and exited with `MISSED`; `failed`;
        `stopped`; `not begun`), seconds, its figures (of a step that failed or was stopped, what it had
        written by then), and where it is not done, what it said: the last line; as `log`, many of the last.
    """
    found, end = {}, time.monotonic() + seconds
    for step in steps:
        left = min(step.seconds, end - time.monotonic())
        print(f"{step.name} ...", file=sys.stderr, flush=True)
        found[step.name] = {"command": " ".join(step.command), **step.variables, **_run(step, left)}
        one = found[step.name]
        print(f"{step.name}: {one['state']}, {one['seconds']:.0f} s", file=sys.stderr, flush=True)
        note(found)
    return found


def _run(step: Step, seconds: float) -> dict:
    if seconds <= 0:
        return {"state": "not begun", "seconds": 0.0, "said": "no time left", "figures": {}}
    with tempfile.TemporaryDirectory(prefix="step-") as folder:
        figures, printed = Path(folder, "figures.json"), Path(folder, "printed.txt")
        start = time.monotonic()
        with printed.open("w") as file:
            process = subprocess.Popen(
                [sys.executable, "-m", *step.command, "--json", str(figures)],
                cwd=ROOT,
                # What it leaves behind where it is stopped goes with this folder.
                env={**os.environ, "OMP_WAIT_POLICY": "passive", "TMPDIR": folder, **step.variables},
                stdout=subprocess.DEVNULL,
                stderr=file,
                start_new_session=True,
            )
            try:
                status = process.wait(seconds)
            except subprocess.TimeoutExpired:
                status = None
            finally:
                if process.poll() is None:
                    # With the processes that it has started.
                    os.killpg(process.pid, signal.SIGKILL)
                    process.wait()
        lines = printed.read_text(errors="replace").strip().splitlines() or ["no message"]
        read = json.loads(figures.read_text()) if figures.exists() else {}
    state = "stopped" if status is None else _STATES.get(status, "failed")
    taken = {"state": state, "seconds": time.monotonic() - start, "figures": read}
    said = {"done": "", "missed": "its limit"}.get(state, lines[-1])
    return {**taken, "said": said, **({} if state == "done" else {"log": lines[-KEPT:]})}


def summary(found: dict[str, dict]) -> str:
    """One table of what the steps found, and of those that found nothing."""
    rows = []
    for name, one in found.items():
        for what, value, unit in one["figures"].get("headline", []):
            rows.append([name, what, unit, f"{value:.4g}"])
        for what, why in one["figures"].get("obstacles", []):
            rows.append([name, f"{what}: {why}".replace("|", "/"), "", ""])
        if one["state"] != "done":
            rows.append([name, f"{one['state']}: {one['said']}".replace("|", "/"), "", ""])
    return table(("step", "what", "unit", "figure"), rows, words=3)
