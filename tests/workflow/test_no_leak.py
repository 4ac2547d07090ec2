"""A walk over the planned jobs of `all` and of `audit`, from files to the files that they are made from.

No way leads from a test subject into its fold's training, nor from a test label into anything but scores.
"""

import copy
import re
from dataclasses import dataclass
from pathlib import PurePath

import pytest
from small_project import SMALL, Project

from protocols import get_protocol, list_protocols

pytestmark = pytest.mark.dag

SUBJECTS = {
    "smic": ["s01", "s03"],
    "casme2": ["sub02", "sub12"],
    "samm": ["006", "011"],
    # Two of the training set, in two of its ten folds; one of Test A and one of Test B.
    "dfme": ["sub0003", "sub0580", "sub0008", "sub0001"],
}
# Flow, a larger input, an inner split, shuffled labels; whole clips, all frames of them or ten.
ROWS = {
    "ststnet": {"epochs": 2},
    "nested": {"model": "ststnet", "size": 56, "epochs": 2, "selection": "nested", "inner_folds": 2},
    "shuffled": {"model": "kernel_ridge", "shuffle_labels": True},
    "lbp_top": {},
    "slstt": {},
}
SEEN = {
    "ststnet": "cache",
    "nested": "cache",
    "shuffled": "cache",
    "lbp_top": "sequences",
    "slstt": "sequences",
}


@dataclass(frozen=True)
class Job:
    """One job of a plan."""

    rule: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]


def _files(words):
    return tuple(filter(None, words.split(", ")))


class Plan:
    """The jobs of a dry run, and what comes from what."""

    def __init__(self, output):
        found = re.findall(r"rule (\w+):\n(?:    input: (.*)\n)?(?:    output: (.*)\n)?", output)
        self.jobs = [Job(rule, *(_files(one) for one in both)) for rule, *both in found]
        self.maker = {made: job for job in self.jobs for made in job.outputs}

    def of(self, rule):
        return [job for job in self.jobs if job.rule == rule]

    def behind(self, files, stop=lambda file: False):
        """All files that these come from, themselves included; `stop` says which not to look behind."""
        seen, waiting = set(), list(files)
        while waiting:
            file = waiting.pop()
            if file not in seen:
                seen.add(file)
                if file in self.maker and not stop(file):
                    waiting += self.maker[file].inputs
        return seen


def configuration():
    config = copy.deepcopy(SMALL)
    config["corpora"] = {name: {"apex": "annotated", "subjects": own} for name, own in SUBJECTS.items()}
    config["protocols"] = {name: copy.deepcopy(ROWS) for name in list_protocols()}
    config["audit"] = {name: ["ststnet", "lbp_top"] for name in list_protocols()}
    return config


@pytest.fixture(scope="module")
def plans(tmp_path_factory):
    """target -> what a dry run of it plans where nothing is made yet; `packs`: all, several folds a job."""
    project = Project.fresh(tmp_path_factory.mktemp("walk") / "project")
    project.configure(configuration())
    found = {}
    asked = {"all": ["all"], "audit": ["audit"], "packs": ["all", "--config", "pack=3"]}
    for name, words in asked.items():
        status, output = project.snakemake("--dry-run", *words)
        assert status == 0, output
        found[name] = Plan(output)
    return found


@pytest.fixture(params=list_protocols())
def protocol(request):
    return get_protocol(request.param)


def folds_of(protocol):
    known = {name: [one for one in SUBJECTS[name] if one in own] for name, own in protocol.subjects.items()}
    return {fold.name: fold for fold in protocol.folds(known)}


def parts(path):
    """`data/small/models/<protocol>/<row>/<fold>/seed0.pt` -> protocol, row, fold."""
    return PurePath(path).parts[3:6]


def subjects_in(files, *stages):
    """`<corpus>/<subject>` of the files below any of these stages, of all stages by default."""
    found = [PurePath(file) for file in files if not stages or PurePath(file).parts[2] in stages]
    return {
        f"{corpus}/{subject}"
        for corpus, own in SUBJECTS.items()
        for subject in own
        if any(path.stem == subject and corpus in path.parts for path in found)
    }


def corpus_wide(path):
    """Annotation tables and lists: they name all subjects of a corpus, and hold no pixel."""
    return PurePath(path).parts[2] in ("clips", "protocols")


def test_every_row_of_every_protocol_is_walked(plans):
    walked = {parts(job.outputs[0])[:2] for job in plans["all"].of("train")}
    assert walked == {(name, row) for name in list_protocols() for row in ROWS}


@pytest.mark.parametrize("row", ROWS)
def test_training_has_all_its_own_subjects_and_nothing_of_those_it_tests(plans, protocol, row):
    """Neither as an input nor, through any stage of preprocessing, behind one."""
    plan, folds = plans["all"], folds_of(protocol)
    jobs = {
        parts(job.outputs[0])[2]: job
        for job in plan.of("train")
        if parts(job.outputs[0])[:2] == (protocol.name, row)
    }
    assert jobs.keys() == folds.keys()
    for name, job in jobs.items():
        lists = [file for file in job.inputs if PurePath(file).parts[2] == "protocols"]
        assert lists == [f"data/small/protocols/{protocol.name}/train/{name}.csv"]
        pixels = [file for file in job.inputs if file not in lists]
        assert {PurePath(file).parts[2] for file in pixels} == {SEEN[row]}
        assert subjects_in(pixels) == set(folds[name].train)
        assert not subjects_in(plan.behind(pixels, corpus_wide)) & set(folds[name].test)


def test_a_job_of_several_folds_has_their_lists_and_subjects_and_no_other(plans, protocol):
    """That each fold takes of these what is on its own list, `tests/merba/test_pack.py` shows."""
    folds = folds_of(protocol)
    jobs = [
        (parts(job.outputs[0])[1], {parts(file)[2] for file in job.outputs}, job.inputs)
        for job in plans["packs"].jobs
        if job.rule.startswith("train_") and parts(job.outputs[0])[0] == protocol.name
    ]
    for row in ROWS:
        assert sorted(one for own, names, _ in jobs if own == row for one in names) == sorted(folds)
    assert len(folds) <= 1 or any(len(names) > 1 for _, names, _ in jobs)
    for row, names, inputs in jobs:
        lists = {file for file in inputs if PurePath(file).parts[2] == "protocols"}
        assert lists == {f"data/small/protocols/{protocol.name}/train/{name}.csv" for name in names}
        pixels = set(inputs) - lists
        assert {PurePath(file).parts[2] for file in pixels} == {SEEN[row]}
        assert subjects_in(pixels) == {one for name in names for one in folds[name].train}


def test_prediction_has_its_own_models_its_test_subjects_and_no_label(plans, protocol):
    folds = folds_of(protocol)
    jobs = [job for job in plans["all"].of("predict") if parts(job.outputs[0])[0] == protocol.name]
    assert len(jobs) == len(ROWS)
    for job in jobs:
        row = parts(job.outputs[0])[1]
        models = [file for file in job.inputs if file.endswith(".pt")]
        wanted = {f"data/small/models/{protocol.name}/{row}/{name}/seed0.pt" for name in folds}
        assert set(models) == wanted
        assert subjects_in(job.inputs, SEEN[row]) == {one for fold in folds.values() for one in fold.test}
        rest = set(job.inputs) - wanted - {file for file in job.inputs if f"/{SEEN[row]}/" in file}
        assert rest == {f"data/small/protocols/{protocol.name}/test.csv"}


@pytest.mark.parametrize("target", ["all", "packs"])
def test_the_canary_is_wired_as_training_and_prediction_are(plans, protocol, target):
    (job,) = (job for job in plans[target].of("canary") if job.outputs[0].endswith(f"/{protocol.name}.json"))
    same = [
        other
        for other in plans[target].jobs
        if other.rule.startswith(("train", "predict"))
        if parts(other.outputs[0])[:2] == (protocol.name, "shuffled")
    ]
    given = {file for other in same for file in other.inputs if not file.endswith(".pt")}
    assert set(job.inputs) == given


@pytest.mark.parametrize("target", ["all", "packs", "audit"])
def test_no_label_lies_behind_anything_that_is_learnt_or_predicted(plans, target):
    """What is made from predictions may be made from labels, too; nothing that predictions are made from."""
    plan = plans[target]
    learnt = [
        file
        for file in plan.maker
        if PurePath(file).parts[2]
        in ("cache", "sequences", "models", "predictions", "curves", "alarms", "audit")
        and plan.maker[file].rule != "audit"
    ]
    assert learnt
    behind = plan.behind(learnt)
    after = ("labels", "scores", "tables", "figures")
    assert not [file for file in behind if PurePath(file).parts[2] in after]
    readers = {job.rule for job in plan.jobs if any("/labels/" in file for file in job.inputs)} - {"all"}
    assert readers, "the walk saw the labels"
    assert not readers & {plan.maker[file].rule for file in behind if file in plan.maker}


@pytest.mark.parametrize("target", ["all", "packs"])
def test_nothing_of_a_run_reads_or_makes_what_the_audit_makes(plans, target):
    files = {file for job in plans[target].jobs for file in (*job.inputs, *job.outputs)}
    assert not [file for file in files if "audit" in PurePath(file).parts]


def test_the_audits_jobs_feed_nothing_but_the_audit(plans):
    plan = plans["audit"]
    fed = {job.rule for job in plan.jobs if any("audit" in PurePath(file).parts for file in job.inputs)}
    assert fed == {"audit_seed", "audit"}
    assert not plan.of("train"), "the audit trains for itself, and reads no result of the run"
    assert not plan.of("predict")


def test_only_the_audit_packs_and_the_canary_are_given_both_sides(plans, protocol):
    """The audit's folds by their purpose, jobs of several folds for each other; the canary takes only ids."""
    for fold in folds_of(protocol).values():
        for name, plan in plans.items():
            for job in plan.jobs:
                own = [file for file in job.outputs if parts(file)[::2] == (protocol.name, fold.name)]
                held = subjects_in(job.inputs, "cache", "sequences")
                if own and held & set(fold.test) and held & set(fold.train):
                    assert job.rule == "audit_fold" or (name == "packs" and job.rule.startswith("train_"))
