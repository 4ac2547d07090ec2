"""Configurations are refused by key with the nearest known one; code digests follow imports."""

from pathlib import Path

import pytest
import yaml

from contracts.config import check_config
from contracts.errors import InputError
from contracts.provenance import ROOT, code_digest

SCHEMA = ROOT / "workflow/schemas/config.schema.json"
CONFIGS = sorted((ROOT / "config").glob("*.yaml"))


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.stem)
def test_every_config_in_the_repository_is_valid(path):
    check_config(yaml.safe_load(path.read_text()), SCHEMA, path)


@pytest.mark.parametrize("base", ["config", "paper"])
def test_the_apex_is_all_that_differs_between_the_files_that_are_laid_over(base):
    runs = {}
    for path in sorted((ROOT / "config/apex").glob("*.yaml")):
        config = yaml.safe_load((ROOT / f"config/{base}.yaml").read_text())
        laid = yaml.safe_load(path.read_text())
        runs[laid.pop("run")] = path.stem
        assert laid.keys() == {"corpora"}
        assert laid["corpora"].keys() <= config["corpora"].keys()
        for corpus, changed in laid["corpora"].items():
            annotates = corpus != "smic" or path.stem != "annotated"
            assert changed == {"apex": path.stem if annotates else "spotted"}
            config["corpora"][corpus] |= changed
        check_config(config, SCHEMA, path)
    assert runs == {f"apex_{name}": name for name in ("annotated", "midpoint", "spotted")}


def demo():
    return yaml.safe_load((ROOT / "config/config.yaml").read_text())


def test_an_unknown_key_names_the_nearest_known_one():
    config = demo()
    config["corpora"]["smic"]["subject"] = ["s01"]
    with pytest.raises(
        InputError, match=r"config\.yaml: corpora\.smic: unknown key 'subject': did you mean 'subjects'"
    ):
        check_config(config, SCHEMA, "config.yaml")


def test_a_mistyped_required_key_is_reported_as_mistyped_not_as_missing():
    config = demo()
    config["seed"] = config.pop("seeds")
    with pytest.raises(InputError, match="did you mean 'seeds'"):
        check_config(config, SCHEMA, "config.yaml")


def test_a_value_of_the_wrong_kind_is_named_with_its_key():
    config = demo()
    config["flow"]["method"] = "tvl2"
    with pytest.raises(InputError, match=r"flow\.method.*tvl2"):
        check_config(config, SCHEMA, "config.yaml")


@pytest.fixture
def project(tmp_path, monkeypatch):
    """A project of three modules: a imports b, c stands alone."""
    package = tmp_path / "preprocess"
    package.mkdir()
    for name, text in {"__init__": "", "a": "from preprocess import b", "b": "X = 1", "c": "Y = 1"}.items():
        (package / f"{name}.py").write_text(text)
    monkeypatch.setattr("contracts.provenance.ROOT", tmp_path)
    return package


def test_a_digest_changes_with_what_is_imported_and_with_nothing_else(project):
    before = code_digest("preprocess.a")
    (project / "c.py").write_text("Y = 2")
    assert code_digest("preprocess.a") == before
    (project / "b.py").write_text("X = 2")
    assert code_digest("preprocess.a") != before


def test_a_digest_of_a_module_that_is_not_there_is_an_error(project):
    with pytest.raises(ModuleNotFoundError, match=r"preprocess\.gone"):
        code_digest("preprocess.gone")


def test_digests_do_not_depend_on_the_working_folder(monkeypatch, tmp_path):
    before = code_digest("preprocess.flow")
    monkeypatch.chdir(tmp_path)
    assert Path.cwd() != ROOT
    assert code_digest("preprocess.flow") == before
