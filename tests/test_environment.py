"""One environment for everyone: pyproject.toml, requirements.lock and environment.yml say the same."""

import importlib.metadata
import re
import subprocess
import tomllib
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
DIRECT = [Requirement(one) for one in PROJECT["dependencies"] + PROJECT["optional-dependencies"]["dev"]]


def pins():
    """Locked name -> (version, marker) pairs, one for each Python where they differ."""
    found = {}
    for line in (ROOT / "requirements.lock").read_text().splitlines():
        if match := re.match(r"([A-Za-z0-9._-]+)==(\S+)(?: ; (.*?))? \\$", line):
            found.setdefault(canonicalize_name(match[1]), []).append(match[2])
    return found


@pytest.mark.parametrize("requirement", DIRECT, ids=lambda one: one.name)
def test_every_direct_dependency_is_locked_at_a_version_it_allows_and_installed(requirement):
    locked = pins()[canonicalize_name(requirement.name)]
    assert all(requirement.specifier.contains(version) for version in locked)
    assert importlib.metadata.version(requirement.name) in locked


def test_make_installs_into_its_own_environment_whichever_is_active():
    """Left to itself uv takes the active one, and a sync removes what is not locked from it."""
    installs = re.findall(r"uv pip (?:sync|install) .*", (ROOT / "Makefile").read_text())
    assert len(installs) == 2
    assert all("--python $(BIN)/python " in one for one in installs)


def test_every_pin_has_hashes():
    text = (ROOT / "requirements.lock").read_text()
    blocks = re.split(r"\n(?=[A-Za-z0-9])", text.strip())
    assert len(blocks) > 100
    assert all("--hash=sha256:" in block for block in blocks)


def test_conda_users_get_the_same_lock():
    environment = yaml.safe_load((ROOT / "environment.yml").read_text())
    python = next(
        one for one in environment["dependencies"] if isinstance(one, str) and one.startswith("python=")
    )
    assert python.split("=")[1] in ("3.11", "3.12")
    pip = next(one["pip"] for one in environment["dependencies"] if isinstance(one, dict))
    assert pip == ["-r requirements.lock"]


def test_mamba_ssm_is_an_extra_and_not_in_the_lock():
    assert any("mamba-ssm" in one for one in PROJECT["optional-dependencies"]["cuda"])
    assert "mamba-ssm" not in pins()


def test_one_opencv_and_it_has_tvl1():
    import cv2

    names = {canonicalize_name(one.metadata["Name"]) for one in importlib.metadata.distributions()}
    assert [name for name in names if name.startswith("opencv")] == ["opencv-contrib-python-headless"]
    assert hasattr(cv2.optflow, "DualTVL1OpticalFlow_create")


def test_dlib_comes_as_a_wheel():
    assert "dlib-bin" in pins()
    assert "dlib" not in pins()


def test_no_file_names_a_package_index():
    files = subprocess.run(
        ["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout.split()
    host = re.compile(
        "|".join(
            ["py" + r"pi\.org", "python" + r"hosted\.org", "--(extra-)?index" + "-url", "--find" + "-links"]
        )
    )
    named = [
        file
        for file in files
        if file.endswith((".lock", ".toml", ".yml", ".yaml", ".md", ".txt")) or file == "Makefile"
    ]
    assert [file for file in named if host.search((ROOT / file).read_text())] == []
