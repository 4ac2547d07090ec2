"""Files appear whole or not at all, and a full disk says so."""

import shutil
import subprocess
import sys
import textwrap

import pandas as pd
import pytest

from contracts.errors import InputError
from contracts.files import read_csv, whole, write_csv


def test_a_failed_write_leaves_the_old_file_and_no_trace(tmp_path):
    target = tmp_path / "table.csv"
    target.write_text("old")
    with pytest.raises(RuntimeError), whole(target) as partial:
        partial.write_text("half of the n")
        raise RuntimeError("interrupted")
    assert [path.name for path in tmp_path.iterdir()] == ["table.csv"]
    assert target.read_text() == "old"


def test_the_file_is_not_there_until_it_is_whole(tmp_path):
    target = tmp_path / "deep" / "table.csv"
    with whole(target) as partial:
        partial.write_text("new")
        assert not target.exists()
    assert target.read_text() == "new"


def test_what_a_killed_writer_left_is_cleared_by_the_next(tmp_path):
    program = f"""
import os, signal
from contracts.files import whole
with whole({str(tmp_path / "table.csv")!r}) as partial:
    partial.write_text("half")
    os.kill(os.getpid(), signal.SIGKILL)
"""
    subprocess.run([sys.executable, "-c", program])
    assert len(list(tmp_path.iterdir())) == 1, "killed before it could clear up"
    with whole(tmp_path / "table.csv") as partial:
        partial.write_text("new")
    assert [path.name for path in tmp_path.iterdir()] == ["table.csv"]


def test_a_living_writer_of_the_same_path_is_left_alone(tmp_path):
    with whole(tmp_path / "table.csv") as first:
        first.write_text("first")
        second = f"whole({str(tmp_path / 'table.csv')!r})"
        program = f"from contracts.files import whole\nwith {second} as path: path.write_text('x')"
        subprocess.run([sys.executable, "-c", program], check=True)
    assert (tmp_path / "table.csv").read_text() == "first"


def test_a_folder_appears_with_everything_in_it_or_not_at_all(tmp_path):
    with pytest.raises(RuntimeError), whole(tmp_path / "clip", folder=True) as partial:
        (partial / "image1.bmp").write_text("pixels")
        raise RuntimeError("interrupted")
    assert not list(tmp_path.iterdir())
    with whole(tmp_path / "clip", folder=True) as partial:
        (partial / "image1.bmp").write_text("pixels")
    assert [path.name for path in (tmp_path / "clip").iterdir()] == ["image1.bmp"]


def test_ids_stay_text_and_empty_cells_stay_empty(tmp_path):
    write_csv(pd.DataFrame({"subject": ["006", "NA"], "reason": ["", "null"]}), tmp_path / "t.csv")
    table = read_csv(tmp_path / "t.csv")
    assert table.subject.tolist() == ["006", "NA"]
    assert table.reason.tolist() == ["", "null"]


def test_a_name_that_is_not_utf8_is_told_with_its_row(tmp_path):
    table = pd.DataFrame({"clip_id": ["a/b/c", "a/b/caf\udce9"], "frame": [1, 2]}, dtype=object)
    with pytest.raises(InputError, match=r"clips\.csv: a name in it is not UTF-8 \(a/b/caf\\udce9\)\."):
        write_csv(table, tmp_path / "clips.csv")
    assert not list(tmp_path.iterdir())


FULL_DISK = {
    "table": """
        import pandas as pd
        from contracts.files import write_csv
        write = lambda: write_csv(pd.DataFrame({"x": range(100_000)}), disk / "table.csv")
    """,
    "cache": """
        import numpy as np
        from contracts.cache import write_cache
        flow = np.random.default_rng(0).random((1, 3, 224, 224))
        write = lambda: write_cache(disk / "c.h5", ["a/b/c"], flow, {})
    """,
    "checkpoint": """
        import torch
        from merba.checkpoints import Checkpoint, save
        from merba.data import Normaliser
        from merba.overrides import resolve
        model = dict(model="ststnet", recipe=resolve("ststnet"), classes=["a", "b"], fold="f", seed=0)
        data = dict(digest="d", train_clips=[], input_size=28, state=dict(w=torch.rand(100_000)))
        checkpoint = Checkpoint(**model, **data, normaliser=Normaliser("minmax", ("u",), (1.0,), "physical"))
        write = lambda: save(checkpoint, disk / "c.pt")
    """,
}
"""What fills it: each imports what it needs and no more."""


@pytest.mark.parametrize("prepare", FULL_DISK.values(), ids=FULL_DISK)
def test_a_full_disk_is_named_with_its_cure(tmp_path, prepare):
    """On a real file system of 64 KiB, mounted in a namespace of its own."""
    mount = ["unshare", "--map-root-user", "--mount", "sh", "-c"]
    script = f"mount -t tmpfs -o size=64k none {tmp_path} && exec {sys.executable} -"
    if not shutil.which("unshare") or subprocess.run([*mount, f"mount -t tmpfs none {tmp_path}"]).returncode:
        pytest.skip("this machine lets no user mount a file system of their own")
    program = f"""
import pathlib
from contracts.errors import InputError
disk = pathlib.Path({str(tmp_path)!r})
{textwrap.dedent(prepare)}
try:
    write()
except InputError as error:
    print(error, sorted(path.name for path in disk.iterdir()))
"""
    done = subprocess.run([*mount, script], input=program, capture_output=True, text=True)
    assert "no space left" in done.stdout, done.stderr
    assert "Free some space" in done.stdout
    assert done.stdout.rstrip().endswith("[]"), "something half-written was left"


def test_a_foreign_file_is_refused_by_name(tmp_path):
    path = tmp_path / "clips.csv"
    path.write_bytes(b'a,b\n"1,2\n\xff\xfe')
    with pytest.raises(InputError, match=r"clips\.csv"):
        read_csv(path)
