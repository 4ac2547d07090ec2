"""Jobs never share a slot of a GPU, and a killed one leaves its slot to the next: with real processes."""

import contextlib
import fcntl
import itertools
import os
import signal
import stat
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import pytest

from contracts.errors import InputError
from contracts.provenance import ROOT
from workflow import lease

HOLDS = """
import os, subprocess, sys, time
from pathlib import Path
from workflow.lease import leased
with leased(1, Path(sys.argv[1])) as gpu:
    start = time.monotonic()
    child = subprocess.Popen(["sleep", "60"]).pid if "child" in sys.argv else 0
    print(os.environ["CUDA_VISIBLE_DEVICES"], child, flush=True)
    time.sleep(float(sys.argv[2]))
    print(gpu, start, time.monotonic(), flush=True)
"""


SCRIPT = f"""
import os, sys, time
from pathlib import Path
sys.path.insert(0, {str(ROOT / "workflow/scripts")!r})
from _job import logged

with logged(snakemake), open(snakemake.output[0], "w") as file:
    start = time.monotonic()
    if snakemake.resources.gpu:
        Path(snakemake.output[0]).with_suffix(".begun").touch()
        # The first waits for a second beside it, however slowly that starts.
        while len(list(Path().glob("*.begun"))) < 2 and time.monotonic() < start + 60:
            time.sleep(0.05)
    time.sleep(0.2)
    print(os.environ["CUDA_VISIBLE_DEVICES"] or "none", start, time.monotonic(), file=file)
"""
TWO = "GPU 0: H (UUID: GPU-aa)\nGPU 1: H (UUID: GPU-bb)"
PARTS = "GPU 0: A (UUID: GPU-aa)\n  MIG 3g Device 0: (UUID: MIG-1)\n  MIG 3g Device 1: (UUID: MIG-2)\n"
PARTS += "GPU 1: A (UUID: GPU-bb)"


def job(folder, seconds, *words, **environment):
    """A process that holds a GPU for so many seconds, and says so at its start and its end."""
    return subprocess.Popen(
        [sys.executable, "-c", HOLDS, str(folder), str(seconds), *words],
        env={**os.environ, "CUDA_VISIBLE_DEVICES": "GPU-a,GPU-b", **environment},
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
    )


@pytest.fixture
def machine(monkeypatch, tmp_path):
    """Returns a function that makes a machine by what `nvidia-smi -L` prints there; None: no such program."""

    def having(printed=None, visible=None, buses=0):
        monkeypatch.setenv("PATH", str(tmp_path / "bin"))
        monkeypatch.setattr(lease, "_DRIVER", tmp_path / "gpus")
        for k in range(buses):
            (tmp_path / f"gpus/0000:0{k}:00.0").mkdir(parents=True)
        if printed is not None:
            program = tmp_path / "bin/nvidia-smi"
            program.parent.mkdir()
            program.write_text(f"#!/bin/sh\necho '{printed}'\n")
            program.chmod(program.stat().st_mode | stat.S_IEXEC)
        # Set in any case, so that what a lease sets is undone.
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible or "")
        if visible is None:
            monkeypatch.delenv("CUDA_VISIBLE_DEVICES")

    monkeypatch.setenv("CUDA_DEVICE_ORDER", "PCI_BUS_ID")
    return having


@pytest.mark.parametrize("slots", [1, 2])
def test_jobs_never_share_a_slot(tmp_path, slots):
    jobs = [job(tmp_path, 0.2, MERBA_GPU_SLOTS=str(slots)) for _ in range(7)]
    said = [one.communicate(timeout=60)[0].splitlines()[-1] for one in jobs]
    assert all(one.returncode == 0 for one in jobs)
    assert_apart(said, slots)


@pytest.mark.dag
def test_jobs_of_snakemake_that_ask_for_a_gpu_get_one_each(tmp_path):
    """With no more said than `--cores`; those that ask for none see none."""
    script = tmp_path / "script.py"
    script.write_text(SCRIPT)
    (tmp_path / "Snakefile").write_text(
        'rule all:\n    input: expand("{gpu}-{k}.txt", gpu=(0, 1), k=range(4))\n'
        'rule job:\n    output: "{gpu}-{k}.txt"\n    log: "{gpu}-{k}.log"\n'
        f'    resources: gpu=lambda wildcards: int(wildcards.gpu)\n    script: "{script}"\n'
    )
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "PATH": f"{tmp_path}:{os.environ['PATH']}"}
    environment.pop("CUDA_VISIBLE_DEVICES", None)
    (tmp_path / "nvidia-smi").write_text(f"#!/bin/sh\necho '{TWO}'\n")
    (tmp_path / "nvidia-smi").chmod(0o755)
    command = [sys.executable, "-m", "snakemake", "--cores", "4", "--quiet", "all"]
    subprocess.run(command, check=True, cwd=tmp_path, env=environment, timeout=120)
    assert_apart([path.read_text() for path in tmp_path.glob("1-*.txt")], 1, ("GPU-aa", "GPU-bb"))
    assert {path.read_text().split()[0] for path in tmp_path.glob("0-*.txt")} == {"none"}


def assert_apart(said, slots, gpus=("GPU-a", "GPU-b")):
    """Lines of a GPU and the times when it was taken and left: all are used, none by too many at once."""
    held = {gpu: [] for gpu in gpus}
    for gpu, start, end in map(str.split, said):
        held[gpu].append((float(start), float(end)))
    assert all(held.values())
    for times in held.values():
        for together in itertools.combinations(times, slots + 1):
            assert max(start for start, _ in together) > min(end for _, end in together)


@pytest.mark.parametrize("words", [(), ("child",)], ids=["alone", "with a child that lives on"])
def test_a_killed_job_frees_its_slot(tmp_path, words):
    first = job(tmp_path, 60, *words, CUDA_VISIBLE_DEVICES="GPU-a")
    child = int(first.stdout.readline().split()[1])
    second = job(tmp_path, 0, CUDA_VISIBLE_DEVICES="GPU-a")
    time.sleep(0.7)
    assert second.poll() is None, "it waits while the first lives"
    first.kill()
    try:
        assert second.communicate(timeout=20)[0].splitlines()[-1].startswith("GPU-a ")
        assert second.returncode == 0
        assert not child or Path(f"/proc/{child}").exists()
    finally:
        if child:
            os.kill(child, signal.SIGKILL)
        first.communicate()


def test_jobs_spread_over_the_gpus_before_they_share_one(machine, monkeypatch, tmp_path):
    machine(TWO)
    monkeypatch.setenv("MERBA_GPU_SLOTS", "2")
    given = []
    with contextlib.ExitStack() as jobs:
        for _ in range(4):
            given.append(jobs.enter_context(lease.leased(1, tmp_path / "locks")))
            del os.environ["CUDA_VISIBLE_DEVICES"]
    assert given == ["GPU-aa", "GPU-bb", "GPU-aa", "GPU-bb"]


@pytest.mark.parametrize(
    ("printed", "visible", "pool"),
    [
        (TWO, None, ["GPU-aa", "GPU-bb"]),
        (TWO, "", []),
        (TWO, "-1", []),
        (TWO, "NoDevFiles", []),
        (TWO, "1", ["GPU-bb"]),
        (TWO, "1, 0,1", ["GPU-bb", "GPU-aa"]),
        (TWO, "0,-1,1", ["GPU-aa"]),
        (TWO, "7", ["7"]),
        (TWO, "GPU-bb", ["GPU-bb"]),
        (TWO, "GPU-b,GPU-bb", ["GPU-bb"]),
        (TWO.replace("bb", "ab"), "GPU-a", ["GPU-a"]),
        (PARTS, None, ["MIG-1", "MIG-2", "GPU-bb"]),
        (PARTS, "1", ["1"]),
        (PARTS, "MIG-2", ["MIG-2"]),
        ("", None, []),
        (None, None, []),
        (None, "0,1", ["0", "1"]),
    ],
)
def test_the_pool_is_what_the_user_lists_or_all_there_is(machine, printed, visible, pool):
    machine(printed, visible)
    assert lease.devices() == pool


def test_without_its_program_the_driver_is_asked(machine):
    machine(buses=2)
    assert lease.devices() == ["0", "1"]


def test_where_there_is_no_gpu_nothing_happens(machine, tmp_path):
    machine()
    with lease.leased(1, tmp_path / "locks") as gpu:
        assert gpu is None
        assert "CUDA_VISIBLE_DEVICES" not in os.environ
    assert not (tmp_path / "locks").exists()


@pytest.mark.parametrize("visible", [None, "1"])
def test_a_job_that_asks_for_none_sees_none_also_where_the_user_has_chosen_some(machine, tmp_path, visible):
    machine(TWO, visible)
    with lease.leased(0, tmp_path / "locks") as gpu:
        assert gpu is None
        assert os.environ["CUDA_VISIBLE_DEVICES"] == ""


@pytest.mark.parametrize("slots", ["0", "-1", "two", ""])
def test_slots_that_are_no_number_are_one_line(machine, monkeypatch, tmp_path, slots):
    machine(TWO)
    monkeypatch.setenv("MERBA_GPU_SLOTS", slots)
    with pytest.raises(InputError, match="MERBA_GPU_SLOTS"), lease.leased(1, tmp_path):
        pass


def test_a_file_system_without_locks_is_one_line(machine, monkeypatch, tmp_path):
    def refuse(*_):
        raise OSError(37, "No locks available")

    machine(TWO)
    monkeypatch.setattr(lease, "fcntl", SimpleNamespace(flock=refuse, LOCK_EX=0, LOCK_NB=0))
    with pytest.raises(InputError, match="no locks"), lease.leased(1, tmp_path):
        pass


def test_a_folder_that_cannot_be_is_one_line(machine, tmp_path):
    machine(TWO)
    (tmp_path / "file").touch()
    with pytest.raises(InputError, match="can be written"), lease.leased(1, tmp_path / "file"):
        pass


def test_a_job_has_its_gpu_before_torch_is_imported(tmp_path):
    """As a script does it: `logged` around everything that computes."""
    code = f"""
import sys
from types import SimpleNamespace
sys.path.insert(0, {str(ROOT / "workflow/scripts")!r})
from _job import logged
assert "torch" not in sys.modules
with logged(SimpleNamespace(threads=1, log=["job.log"], resources={{"gpu": 1}})):
    import os
    print("sees", os.environ["CUDA_VISIBLE_DEVICES"])
"""
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "CUDA_VISIBLE_DEVICES": "GPU-a,GPU-b"}
    subprocess.run([sys.executable, "-c", code], check=True, cwd=tmp_path, env=environment)
    assert (tmp_path / "job.log").read_text() == "sees GPU-a\n"
    assert [path.name for path in sorted((tmp_path / lease.FOLDER).glob("*/*"))] == ["GPU-a.0"]


def test_a_place_is_held_by_a_file_that_is_open_for_writing(tmp_path):
    """NFS gives no exclusive lock otherwise."""
    _, descriptor = lease._first_free([("GPU-a", tmp_path / "a.lock")])
    try:
        assert fcntl.fcntl(descriptor, fcntl.F_GETFL) & os.O_ACCMODE == os.O_RDWR
    finally:
        os.close(descriptor)
