"""Where a result came from: digests of the code that shapes it, and of the environment it ran in."""

import ast
import functools
import hashlib
import importlib.metadata
import platform
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ("contracts", "preprocess", "protocols", "merba")


def code_digest(*modules: str) -> str:
    """Digest of the named modules and of every project module they import, directly or not.

    Snakemake notices an edited script but not an edited package (its `code` trigger stops at the script), so
    each rule carries this as a parameter: editing `preprocess/flow.py` reruns what it feeds and nothing else.
    Imports are read from the source, never executed; modules found by name at run time (registries) must be
    named by the caller. Data files (CSV, JSON) beside a module and its kernel (C++, of its name) count as
    part of it.

    Raises:
        ModuleNotFoundError: a named module is not in the project.
    """
    files: set[Path] = set()
    waiting = list(modules)
    for name in modules:
        if not _files_of(name):
            raise ModuleNotFoundError(f"{name} is no module of {', '.join(PACKAGES)}")
    seen = set()
    while waiting:
        name = waiting.pop()
        if name in seen:
            continue
        seen.add(name)
        for file in _files_of(name):
            files.add(file)
            files.update(path for path in file.parent.iterdir() if path.suffix in (".csv", ".json"))
            files.update(path for path in [file.with_suffix(".cpp")] if path.is_file())
            waiting.extend(_imports(file, name))
    digest = hashlib.sha256()
    for file in sorted(files):
        digest.update(str(file.relative_to(ROOT)).encode() + b"\0" + file.read_bytes() + b"\0")
    return digest.hexdigest()[:16]


def _files_of(name: str) -> list[Path]:
    """The source of a dotted name: its own file and the `__init__` of every package above it."""
    parts = name.split(".")
    if parts[0] not in PACKAGES:
        return []
    path = ROOT.joinpath(*parts)
    own = [file for file in (path.with_suffix(".py"), path / "__init__.py") if file.is_file()]
    parents = [ROOT.joinpath(*parts[:k], "__init__.py") for k in range(1, len(parts))]
    return own + [file for file in parents if file.is_file()] if own else []


@functools.cache
def _imports(file: Path, name: str) -> tuple[str, ...]:
    package = name if file.name == "__init__.py" else name.rpartition(".")[0]
    found = []
    for node in ast.walk(ast.parse(file.read_text(), filename=str(file))):
        if isinstance(node, ast.Import):
            found += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                above = package.split(".")[: len(package.split(".")) - node.level + 1]
                base = ".".join([*above, base] if base else above)
            found += [base, *(f"{base}.{alias.name}" for alias in node.names)]
    return tuple(one for one in found if one.split(".")[0] in PACKAGES)


def environment() -> dict[str, str]:
    """Versions, commit and machine kind, for the record beside a run's results."""
    names = (
        "torch",
        "timm",
        "numpy",
        "opencv-contrib-python-headless",
        "dlib-bin",
        "facenet-pytorch",
        "scikit-learn",
    )
    versions = {}
    for name in names:
        try:
            versions[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            versions[name] = "not installed"
    return {
        "python": platform.python_version(),
        "machine": platform.machine(),
        "commit": commit(),
        **versions,
    }


def commit() -> str:
    """The checked-out commit, with `+` appended if tracked files differ from it; `unknown` outside git."""
    try:
        run = functools.partial(subprocess.run, cwd=ROOT, capture_output=True, text=True, check=True)
        head = run(["git", "rev-parse", "--short=12", "HEAD"]).stdout.strip()
        changed = run(["git", "status", "--porcelain", "--untracked-files=no"]).stdout.strip()
        return head + ("+" if changed else "")
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
