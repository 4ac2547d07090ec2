"""Scripts of the workflow are found by Snakemake alone, never by a package that looks for such a name."""

import shutil
import subprocess
import sys

import pytest

from contracts.provenance import ROOT

SCRIPTS = ROOT / "workflow" / "scripts"
NAMES = sorted(path.stem for path in SCRIPTS.glob("[!_]*.py"))


def test_no_script_can_be_imported_by_its_name_once_the_job_is_set_up(tmp_path):
    """timm tries `from apex.normalization import ...`, NVIDIA's, and once ran our script of that name."""
    # Snakemake's cache of sources holds the scripts that have run, below a path with a detour.
    (tmp_path / "workflow" / "rules").mkdir(parents=True)
    cached = tmp_path / "workflow" / "rules" / ".." / "scripts"
    shutil.copytree(SCRIPTS, cached, ignore=shutil.ignore_patterns("_job.py"))
    code = f"""
import importlib.util, sys
sys.path[:0] = [{str(SCRIPTS)!r}, {str(cached)!r}]
import _job
found = {{name: importlib.util.find_spec(name) for name in {NAMES}}}
print([name for name, spec in found.items() if spec and spec.origin and "scripts" in spec.origin.split("/")])
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize("name", NAMES)
def test_every_script_sets_up_its_job_first(name):
    """`_job` must come before anything that imports much."""
    imports = [line for line in (SCRIPTS / f"{name}.py").read_text().splitlines() if "import " in line]
    ours = [line for line in imports if line.startswith(("from merba", "from preprocess", "from protocols"))]
    job = next(k for k, line in enumerate(imports) if line.startswith("from _job"))
    assert all(imports.index(line) > job for line in ours)
