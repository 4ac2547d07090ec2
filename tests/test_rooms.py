"""The rooms stay apart: who may import whom, read from the source."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
ROOMS = {"contracts": set(), "preprocess": {"contracts"}, "protocols": {"contracts"}, "merba": {"contracts"}}
FILES = [path for room in ROOMS for path in sorted((ROOT / room).rglob("*.py"))]
BARE_GPU_NODE = {"torch", "triton", "timm", "numpy", "h5py", "pandas", "sklearn", "contracts", "merba"}
BARE_GPU_NODE |= {"scipy"}  # scikit-learn cannot be without it


def imports(path):
    """Top-level names that a file imports, anywhere in it."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name.split(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            yield node.module.split(".")[0]


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_room_imports_only_the_contracts_and_itself(path):
    room = path.relative_to(ROOT).parts[0]
    foreign = set(imports(path)) & set(ROOMS) - ROOMS[room] - {room}
    assert not foreign, f"{path.name} imports {foreign}"


def test_merba_trains_on_a_bare_gpu_node():
    used = {name for path in (ROOT / "merba").rglob("*.py") for name in imports(path)}
    assert used - set(sys.stdlib_module_names) <= BARE_GPU_NODE


def test_both_rooms_know_the_same_dfme_split():
    """`preprocess` needs it to find folders, `protocols` to build folds; neither may ask the other."""
    from preprocess.corpora.facts.dfme import MEMBERS
    from protocols import get_protocol

    protocol = get_protocol("dfme")
    assert {f"dfme/{one}" for one in MEMBERS["train"]} == set(protocol.folds()[0].train)
    assert {f"dfme/{one}" for part in ("testA", "testB") for one in MEMBERS[part]} == set(
        protocol.folds()[0].test
    )


@pytest.mark.parametrize(
    "module",
    [
        "contracts.cache",
        "contracts.predictions",
        "contracts.provenance",
        "merba.registry",
        "protocols",
        "preprocess.corpora",
    ],
)
def test_what_the_dag_and_light_jobs_import_is_light(module):
    heavy = ["torch", "cv2", "dlib", "facenet_pytorch", "snakemake", "pandera", "matplotlib", "sklearn"]
    check = f"import sys, {module}; print([one for one in {heavy} if one in sys.modules])"
    done = subprocess.run([sys.executable, "-c", check], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
