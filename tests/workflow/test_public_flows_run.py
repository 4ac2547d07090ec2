"""The 3DB protocol on flow that others have computed: no frames, no faces, the same folds and scores."""

import json

import pandas as pd
import pytest
import yaml
from small_project import CLONE, FLOWS, PROJECT

from contracts.cache import read_cache
from workflow.configuration import configured

pytestmark = pytest.mark.dag


def test_from_pictures_to_tables(spoilt_flows):
    project = spoilt_flows
    data, results = project.folder / "data/flows", project.folder / "results/flows"
    assert not (data / "faces").exists()
    cache = read_cache(data / "cache/28/casme2/sub02.h5")
    assert cache.coding == "minmax"
    assert cache.clip_ids == ["casme2/sub02/EP02_01f", "casme2/sub02/EP06_02_01"]
    assert (cache.flow.min(), cache.flow.max()) == (0, 255)
    assert "0..255" in cache.made_with["units"]
    labels = pd.read_csv(results / "labels/megc2019.csv", dtype=str)
    assert set(labels.fold) == {"smic_s01", "casme2_sub02", "samm_011", "samm_020"}
    table = (results / "tables/megc2019.md").read_text()
    assert "flow of real clips that others have computed (the public 28x28 flow set)" in table
    assert "6 of 442 clips, partial" in table
    cited = json.loads((results / "run.json").read_text())["sources"]
    assert set(cited) == {"public_flows", "smic", "casme2", "samm"}, "theirs, and those behind it"
    assert "wangzhifengharrison/HTNet" in cited["public_flows"]
    picture = project.folder / CLONE / "datasets/STSNet_whole_norm_u_v_os/011_011_6_10 .png"
    picture.write_bytes(picture.read_bytes())
    jobs = project.planned()
    assert jobs["import_flow"] == ["data/flows/cache/28/samm/011.h5"], "its subject and no other"
    assert "smic_s01" in " ".join(jobs["train"])
    assert "samm_011" not in " ".join(jobs["train"]), "a fold does not train on its test subject"


def test_a_corpus_that_was_moved_is_not_read_again(spoilt_flows):
    moved = "another place"
    (spoilt_flows.folder / CLONE).rename(spoilt_flows.folder / moved)
    spoilt_flows.configure(
        {**FLOWS, "corpora": {"public_flows": {**FLOWS["corpora"]["public_flows"], "root": moved}}}
    )
    assert spoilt_flows.planned() == {}


def test_the_large_networks_join_the_run_of_the_small_ones():
    """What two cores have trained is part of the run that a GPU completes, job for job."""
    small, large = (
        yaml.safe_load((PROJECT / f"config/{name}.yaml").read_text())
        for name in ("public_flows", "public_flows_gpu")
    )
    for config in (small, large):
        configured(config, "a file of ours")
    for key in ("run", "corpora", "seeds", "pack"):
        assert small[key] == large[key]
    for key in ("protocols", "audit"):
        assert small[key].keys() == large[key].keys()
        for protocol, rows in small[key].items():
            assert set(rows) < set(large[key][protocol])
    for row, settings in small["protocols"]["megc2019"].items():
        more = large["protocols"]["megc2019"][row]
        assert more | {"seeds": None} == settings | {"seeds": None}
        # Two cores may leave some of a row's seeds to the GPU.
        assert set(settings.get("seeds", small["seeds"])) <= set(more.get("seeds", large["seeds"]))
