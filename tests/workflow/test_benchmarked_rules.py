"""The speed benchmark runs the workflow's scripts with what their rules give them."""

import os
from pathlib import Path
from unittest import mock

import pytest
from small_project import PROJECT
from snakemake.api import SnakemakeApi
from snakemake.settings.types import ConfigSettings, OutputSettings, ResourceSettings

from benchmarks.preprocessing import STAGES, rules

STATE = {"code", "frames"}
"""Parameters that no script reads: where they change, Snakemake runs the job again."""


@pytest.fixture(scope="module")
def planned(tmp_path_factory):
    """The rules of `preprocess.smk` by name, as Snakemake understands them under the demo's configuration."""
    config = ConfigSettings(configfiles=[PROJECT / "config/config.yaml"])
    # The Snakefile sets variables for its jobs; no other test is to see them.
    with mock.patch.dict(os.environ), SnakemakeApi(OutputSettings()) as snakemake:
        api = snakemake.workflow(
            resource_settings=ResourceSettings(cores=1),
            config_settings=config,
            snakefile=PROJECT / "Snakefile",
            workdir=tmp_path_factory.mktemp("rules"),
        )
        own = [rule for rule in api._workflow.rules if Path(rule.snakefile).name == "preprocess.smk"]
    return {rule.name: rule for rule in own}


def test_every_rule_of_preprocessing_is_a_stage_of_the_benchmark(planned):
    assert tuple(planned) == STAGES == tuple(rules(Path("raw")))


@pytest.mark.parametrize("stage", STAGES)
def test_a_stage_is_given_the_inputs_and_parameters_of_its_rule(planned, stage):
    inputs, params = rules(Path("raw"))[stage]
    named = dict(planned[stage].params.items())
    assert set(inputs) == set(dict(planned[stage].input.items()))
    assert set(params) == set(named) - STATE
    fixed = {name: value for name, value in named.items() if name in params and not callable(value)}
    assert {name: params[name] for name in fixed} == fixed, "the demo's own settings"
