"""A copy of the project with a small configuration, so that tests may edit and break what they like."""

import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import yaml

PROJECT = Path(__file__).resolve().parents[2]
PARTS = [
    "Snakefile",
    "environment.yml",
    "requirements.lock",
    "config",
    "workflow",
    "profiles",
    "contracts",
    "preprocess",
    "protocols",
    "merba",
    "results",
]

# Four subjects, one clip a class, fast flow, a detector that needs no torch: every rule, within a minute.
SMALL = {
    "run": "small",
    "synthetic": {"seed": 1, "clips_per_class": 1, "length": [8, 10]},
    "corpora": {
        "smic": {"apex": "spotted", "subjects": ["s01", "s03"]},
        "casme2": {"apex": "annotated", "subjects": ["sub12"]},
        "samm": {"apex": "annotated", "subjects": ["006"]},
    },
    "faces": {"detector": "hog"},
    "crop": {"size": 112},
    "flow": {"method": "dis"},
    "protocols": {"megc2019": {"ststnet": {"epochs": 2}, "kernel_ridge": {"seeds": [0]}}},
    "seeds": [0],
}
CLONE = "data/flows/raw/a clone"
# Four subjects of published pictures, in a clone with a space in its name.
FLOWS = {
    "run": "flows",
    "corpora": {"public_flows": {"root": CLONE, "subjects": ["s01", "sub02", "011", "020"]}},
    "protocols": {"megc2019": {"kernel_ridge": {"coding": "signed"}}},
    "seeds": [0],
}

# Python imports a module of this name before anything else: it tells at a job's end what is loaded.
_WITNESS = """
import atexit, json, sys
from pathlib import Path

def tell():
    script = Path(sys.argv[0])
    if script.parent.name == "scripts":
        job = sys.modules["__main__"].snakemake
        said = {"script": script.name.split(".")[-2], "output": job.output[0], "loaded": sorted(sys.modules)}
        (Path(__file__).parent / "told" / f"{script.stem}.json").write_text(json.dumps(said))

atexit.register(tell)
"""


class Project:
    """A working copy in which Snakemake is run as a user would."""

    def __init__(self, folder: Path):
        self.folder = folder

    @classmethod
    def fresh(cls, folder: Path) -> "Project":
        """The small configuration, and nothing made."""
        folder.mkdir(exist_ok=True)
        for part in PARTS:
            source = PROJECT / part
            if source.is_dir():
                skip = shutil.ignore_patterns("__pycache__", *(["demo"] if part == "results" else []))
                shutil.copytree(source, folder / part, ignore=skip)
            else:
                shutil.copy(source, folder / part)
        project = cls(folder)
        project.configure(SMALL)
        return project

    def copied_to(self, folder: Path) -> "Project":
        """With everything made; times of files count, and are kept."""
        return Project(shutil.copytree(self.folder, folder))

    def configure(self, config: dict) -> None:
        (self.folder / "config/config.yaml").write_text(yaml.safe_dump(config))

    def watch_imports(self) -> None:
        """From now on every job tells which modules it has loaded at its end."""
        (self.folder / "told").mkdir()
        (self.folder / "sitecustomize.py").write_text(_WITNESS)

    def told(self) -> list[dict]:
        """Of each job since: its `script`, its first `output`, and the names it has `loaded`."""
        return [json.loads(path.read_text()) for path in (self.folder / "told").iterdir()]

    def start(self, *command: str, output=subprocess.PIPE) -> subprocess.Popen:
        """A command of this environment in a process group of its own, importing this copy's packages."""
        tools = str(Path(sys.executable).parent)
        environment = {
            **os.environ,
            "PYTHONPATH": str(self.folder),
            "PATH": f"{tools}:{os.environ['PATH']}",
            "DVC_NO_ANALYTICS": "1",
        }
        return subprocess.Popen(
            command,
            cwd=self.folder,
            env=environment,
            stdout=output,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )

    def run(self, *command: str) -> tuple[int, str]:
        process = self.start(*command)
        output, _ = process.communicate(timeout=400)
        return process.returncode, output

    def snakemake(self, *arguments: str) -> tuple[int, str]:
        return self.run("snakemake", "--cores", "2", *arguments)

    def kill(self, process: subprocess.Popen) -> None:
        """Everything at once, as a power cut would."""
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()

    def planned(self, *arguments: str) -> dict[str, list[str]]:
        """Rule -> outputs of the jobs that a dry run would do."""
        status, output = self.snakemake("--dry-run", *arguments)
        assert status == 0, output
        return jobs_of(output)

    def learnt(self) -> dict[str, bytes]:
        """File -> bytes of every checkpoint, learning curve, prediction, score and table."""
        kept = [*self.folder.glob("data/small/models/**/*"), *self.folder.glob("results/small/**/*")]
        tables = self.folder / "results/small/tables"
        return {
            str(path.relative_to(self.folder)): path.read_bytes()
            for path in sorted(kept)
            if path.suffix in (".pt", ".csv", ".md") or path.parent == tables
        }


def jobs_of(output: str) -> dict[str, list[str]]:
    """Rule -> outputs of the jobs that Snakemake names in what it prints."""
    jobs: dict[str, list[str]] = {}
    rule = None
    for line in output.splitlines():
        name, _, rest = line.strip().partition(" ")
        if name in ("rule", "localrule"):
            rule = rest.rstrip(":")
        elif name == "output:" and rule:
            jobs.setdefault(rule, []).extend(rest.split(", "))
    return jobs
