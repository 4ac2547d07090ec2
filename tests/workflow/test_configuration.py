"""Every fault of a configuration is refused before a job exists, by file and key and with its cure."""

import copy

import pytest
from small_project import SMALL

from contracts.errors import InputError
from workflow.configuration import check_excluded, configured

FLOWS = {
    "run": "flows",
    "corpora": {"public_flows": {"root": "a clone"}},
    "protocols": {"megc2019": {"kernel_ridge": {"coding": "signed"}}},
    "seeds": [0],
}


def refused(config) -> str:
    with pytest.raises(InputError) as caught:
        configured(config, "mine.yaml")
    assert "mine.yaml" in str(caught.value) or caught.value.file is None
    return str(caught.value)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda c: c.update(seed=[0]), "mine.yaml: unknown key 'seed': did you mean 'seeds'"),
        (lambda c: c.update(pack=0), "pack: 0 is less than the minimum of 1"),
        (lambda c: c.update(pack_seeds=2.5), "pack_seeds: 2.5 is not of type 'integer'"),
        (lambda c: c["protocols"].update(megc2018={"ststnet": {}}), "Did you mean 'megc2019'"),
        (
            lambda c: c["protocols"]["megc2019"].update(canary={"model": "ststnet"}),
            "megc2019.canary: is the name of the alarm of every run",
        ),
        (lambda c: c["corpora"]["smic"].update(subjects=["s99"]), "'s99' is in no protocol of the run"),
        (lambda c: c["corpora"]["samm"].update(subjects=[6]), "6 is not of type 'string'. Put it in quotes"),
        (lambda c: c["corpora"].update({2019: c["corpora"]["smic"]}), "2019 is not of type 'string'"),
        (lambda c: c["protocols"]["megc2019"].update({5: {}}), "5 is not of type 'string'"),
        (lambda c: c["protocols"]["megc2019"].update(stsnet={}), "ststnet"),
        (lambda c: c["protocols"]["megc2019"]["ststnet"].update(epoch=3), "epochs"),
        (lambda c: c["protocols"]["megc2019"]["ststnet"].update(epochs="many"), "epochs"),
        (lambda c: c["protocols"]["megc2019"]["ststnet"].update(epochs=0), "epochs: cannot be 0"),
        (lambda c: c["protocols"]["megc2019"]["ststnet"].update(size=224), "megc2019.ststnet: size 224"),
        (lambda c: c["protocols"]["megc2019"]["ststnet"].update(size=True), "size True is no number"),
        (
            lambda c: c["protocols"]["megc2019"]["ststnet"].update(shuffle_labels="yes"),
            "megc2019.ststnet.shuffle_labels: 'yes' is neither true nor false",
        ),
        (lambda c: c["protocols"]["megc2019"]["ststnet"].update(shuffle_label=True), "shuffle"),
        *(
            (
                lambda c, given=given: c["protocols"]["megc2019"]["ststnet"].update(model=given),
                f"megc2019.ststnet.model: {given!r} is no model. Name a model",
            )
            for given in (None, 5, ["htnet"])
        ),
        (
            lambda c: c["protocols"]["megc2019"]["ststnet"].update(selection="nested", inner_folds=1),
            "megc2019.ststnet.inner_folds: one inner fold has nothing to train on",
        ),
        (
            lambda c: c["protocols"]["megc2019"]["ststnet"].update(warmup=5),
            "megc2019.ststnet.warmup: changes nothing: schedule is 'constant'. Remove the key",
        ),
        (lambda c: c.update(seeds=[2**32]), "seeds.0: 4294967296 is greater than the maximum"),
        *(
            (
                lambda c, given=given: c["protocols"]["megc2019"]["ststnet"].update(seeds=given),
                f"megc2019.ststnet.seeds: {given!r} is no list of some of the run's seeds, [0]",
            )
            for given in ([1], [], 0, [0, 0], [False], [0.0], ["0"])
        ),
        (lambda c: c.update(audit={"megc2019": ["htnet"]}), "audit.megc2019: row 'htnet' is not in the run"),
        (
            lambda c: (
                c["protocols"]["megc2019"]["ststnet"].update(shuffle_labels=True),
                c.update(audit={"megc2019": ["ststnet"]}),
            ),
            "audit.megc2019: row 'ststnet' chooses its epoch by an inner split, or is an alarm",
        ),
        (lambda c: c["synthetic"].update(length=[16, 12]), "synthetic.length"),
        (lambda c: c.update(run="published"), "published"),
        (lambda c: c["corpora"].update(smick=c["corpora"]["smic"]), "no corpus is called 'smick'"),
        (lambda c: c["corpora"].pop("samm"), "protocol megc2019 needs corpus samm"),
        (
            lambda c: c["corpora"]["samm"].update(root="corpora/SAMM"),
            "samm.root: a synthetic corpus takes no",
        ),
        (lambda c: c["corpora"]["samm"].update(frames="SAMM"), "samm.frames: a synthetic corpus takes no"),
        (lambda c: c["corpora"]["samm"].pop("apex"), "corpora.samm.apex: the key is missing"),
        (lambda c: c.pop("crop"), "crop: the section is missing"),
        (lambda c: c.pop("synthetic"), "root: the corpus has no root"),
    ],
)
def test_a_faulty_configuration_of_recordings(change, said):
    config = copy.deepcopy(SMALL)
    configured(copy.deepcopy(config), "mine.yaml")
    change(config)
    assert said in refused(config)


@pytest.mark.parametrize(
    ("row", "given", "said"),
    [
        ("merba_base", {"size": 64}, "size: input of 64 pixels does not fit windows of 7. Use one of 28, 56"),
        ("merba_base", {"fusion": "summ"}, "fusion: 'summ' is unknown"),
        ("merba_base", {"head": "dgcm"}, "head: the dgcm head needs the classes anger"),
        (
            "kernel_ridge",
            {"selection": "nested"},
            "selection: changes nothing: kernel_ridge is fitted at once",
        ),
        ("kernel_ridge", {"compiled": True}, "compiled: changes nothing: kernel_ridge is fitted at once"),
        ("biwoof", {"epochs": 5}, "epochs: changes nothing: biwoof is fitted at once. Remove the key"),
        ("biwoof", {"channels": ["u", "v"]}, "channels: biwoof needs three channels, not 2"),
        ("lbp_top", {"balance": "weights"}, "balance: changes nothing: lbp_top is fitted at once"),
        ("lbp_top", {"flip": "plain"}, "flip: lbp_top's input cannot be mirrored"),
        ("slstt", {"coding": "minmax"}, "coding: changes nothing: slstt makes its input"),
        ("slstt", {"channels": ["u"]}, "channels: changes nothing: slstt makes its input"),
    ],
)
def test_a_row_that_could_not_be_trained_as_it_says(row, given, said):
    """Refused before a recording is read, not by a job hours later; where the key stands is said."""
    config = copy.deepcopy(SMALL)
    config["protocols"]["megc2019"] = {row: given}
    assert refused(config).startswith(f"mine.yaml: protocols.megc2019.{row}.{said}")


def test_a_network_is_built_for_the_classes_of_its_protocol():
    config = copy.deepcopy(SMALL)
    config["corpora"]["dfme"] = {"apex": "annotated", "subjects": ["sub0003", "sub0008", "sub0001"]}
    row = {"model": "merba_tiny", "head": "dgcm", "size": 56}
    config["protocols"] = {"dfme": {"dgcm": row}, "megc2019": {"linear": {**row, "head": "linear"}}}
    configured(config, "mine.yaml")
    config["protocols"]["megc2019"]["linear"] = row
    assert "protocols.megc2019.linear.head: the dgcm head needs" in refused(config)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"corpora": {"public_flows": {"root": "x", "apex": "spotted"}}}, "no frames to find an apex in"),
        ({"crop": {"size": 224}}, "crop: no face is looked for, nothing cropped"),
        ({"synthetic": {"seed": 1}}, "public_flows cannot be synthesised"),
        ({"protocols": {"megc2019": {"kernel_ridge": {"coding": "fixed_scale"}}}}, "Set `coding: minmax`"),
        ({"protocols": {"megc2019": {"kernel_ridge": {"size": 56}}}}, "size 56 is no number of pixels"),
        ({"corpora": {"public_flows": {"root": "x", "subjects": ["s1"]}}}, "'s1' is in no protocol"),
        ({"corpora": {"public_flows": {"root": "x"}, "smic": {"root": "y"}}}, "clips of smic come from both"),
        ({"corpora": {"public_flows": {"root": "x"}, "dfme": {"root": "y"}}}, "do not go into one run"),
    ],
)
def test_a_faulty_configuration_of_flows(change, said):
    configured(FLOWS, "mine.yaml")
    assert said in refused({**FLOWS, **change})


def test_who_takes_part():
    run = configured(
        {**FLOWS, "corpora": {"public_flows": {"root": "x", "subjects": ["s01", "006"]}}}, "mine"
    )
    assert run.subjects == {"smic": ["s01"], "samm": ["006"]}
    assert [fold.name for fold in run.folds["megc2019"]] == ["smic_s01", "samm_006"]
    assert not run.recorded
    assert run.corpora_kind == {"corpora": "flows", "title": "the public 28x28 flow set"}
    full = configured(FLOWS, "mine")
    assert len(full.folds["megc2019"]) == 68


def test_exclusions_belong_to_the_corpus_of_their_clips():
    own = {"root": "x", "exclude": {"samm/006/006_1_2": "blurred", "sam/006/006_1_3": "typo"}}
    run = configured({**FLOWS, "corpora": {"public_flows": own}}, "mine")
    assert set(run.excluded("samm")) == {"samm/006/006_1_2"}
    assert set(run.excluded("smic")) == {"sam/006/006_1_3"}, "somebody's lists must say that it is unknown"
    with pytest.raises(InputError, match=r"sam/006/006_1_3.*under corpora\.public_flows\.exclude"):
        check_excluded(run.excluded("smic"), {"smic/s01/s01_ne_01"}, "public_flows")
