"""Each flow method can be configured, and TV-L1 in PyTorch makes the caches that OpenCV's makes."""

import copy
import json
import platform

import cv2
import numpy as np
import pytest
from small_project import PROJECT, SMALL

from contracts.cache import read_cache
from preprocess.flow import METHODS
from preprocess.tvl1 import TVL1

SAME_ARITHMETIC = platform.machine() in ("x86_64", "AMD64") and cv2.ipp.useIPP()


def test_the_configuration_knows_the_methods_that_there_are():
    schema = json.loads((PROJECT / "workflow/schemas/config.schema.json").read_text())
    assert set(schema["properties"]["flow"]["properties"]["method"]["enum"]) == set(METHODS)
    page = (PROJECT / "config/README.md").read_text()
    row = next(line for line in page.splitlines() if line.startswith("| `flow.method`"))
    assert all(f"`{name}`" in row for name in METHODS)


@pytest.mark.dag
def test_tvl1_in_pytorch_makes_the_cache_of_tvl1(spoilt):
    cache, made = "data/small/cache/28/casme2/sub12.h5", {}
    for method in ("tvl1", "tvl1_torch"):
        config = copy.deepcopy(SMALL)
        config["flow"]["method"], config["crop"]["size"] = method, 64
        spoilt.configure(config)
        status, output = spoilt.snakemake(cache)
        assert status == 0, output
        made[method] = read_cache(spoilt.folder / cache)
    record, found = made["tvl1"], made["tvl1_torch"]
    assert found.clip_ids == record.clip_ids
    assert (found.made_with["flow"], found.made_with["tvl1"]) == ("tvl1_torch", TVL1)
    assert found.made_with.keys() - record.made_with.keys() == {"torch"}
    np.testing.assert_allclose(found.flow, record.flow, rtol=0, atol=0 if SAME_ARITHMETIC else 0.1)
