"""The quality of a corpus: its numbers against known ones, and outliers that were put there."""

import numpy as np
import pandas as pd
import pytest

from contracts.cache import write_cache
from contracts.files import write_csv
from preprocess.align import MATRIX_COLUMNS
from preprocess.quality import COLUMNS, FEWEST, MEASURES, RARE, measure, outliers, usual_range
from preprocess.quality_page import quality_figure, save


def corpus(clips=100, **columns):
    """A table of unremarkable clips."""
    rng = np.random.default_rng(4)
    table = pd.DataFrame({"clip_id": [f"smic/s01/s01_ne_{k:03d}" for k in range(clips)]})
    for name in COLUMNS[1:]:
        table[name] = rng.uniform(0.9, 1.1, clips) if name in MEASURES else ""
    usual = {"detector": "mtcnn", "candidates": "1", "border": 0.0, "apex_source": "annotated"}
    table = table.assign(**usual | columns)
    table["outlier"] = outliers(table)
    return table


@pytest.mark.parametrize("name", MEASURES)
def test_the_clip_that_departs_from_the_corpus_is_named_and_no_other(name):
    table = corpus()
    table.loc[7, name] = 5.0
    said = outliers(table)
    assert said[7].startswith(f"{MEASURES[name].title} 5")
    assert not any(said[:7] + said[8:])


@pytest.mark.parametrize("name", MEASURES)
def test_a_small_value_is_remarkable_unless_small_is_good(name):
    table = corpus()
    table.loc[7, name] = 0.1
    assert bool(outliers(table)[7]) == MEASURES[name].low


@pytest.mark.parametrize("name", [name for name, what in MEASURES.items() if what.sizes])
def test_outliers_of_a_size_do_not_depend_on_its_unit(name):
    values = np.random.default_rng(0).lognormal(size=50)
    one, other = usual_range(name, values), usual_range(name, 1000 * values)
    assert (other.low, other.median, other.high) == pytest.approx(
        (1000 * one.low, 1000 * one.median, 1000 * one.high)
    )


def test_a_clip_without_any_motion_is_an_outlier():
    table = corpus()
    table.loc[3, ["flow_mean", "flow_p99", "strain_mean"]] = 0.0
    assert outliers(table)[3].count("< ") == 3


def test_few_clips_and_equal_clips_have_no_outliers():
    few = np.array([1.0] * (FEWEST - 2) + [50.0])
    assert not np.isfinite([usual_range("rotation", few).low, usual_range("rotation", few).high]).any()
    assert usual_range("rotation", np.ones(50)).high == np.inf
    assert usual_range("rotation", np.array([0.0] * 50 + [9.0])).high < 9, "half of them equal, one far away"
    assert np.isnan(usual_range("residual", np.full(9, np.nan)).median)


def test_rare_kinds_are_named_and_common_ones_are_not():
    rare = int(100 * RARE)
    assert sum(map(bool, corpus(detector=["hog"] * rare + ["mtcnn"] * (100 - rare)).outlier)) == rare
    assert not any(corpus(detector=["hog"] * (rare + 1) + ["mtcnn"] * (99 - rare)).outlier)
    spotted = [f"spotted (region {k} flow)" for k in range(100)]
    assert not any(corpus(apex_source=spotted).outlier), "the region is a detail"


def test_several_faces_and_landmarks_outside_are_always_named():
    table = corpus(candidates="2", border=0.5)
    assert set(table.outlier) == {"faces seen: 2; landmarks outside of the frame: 50%"}


@pytest.fixture
def files(tmp_path):
    """Two subjects' files: one clip each, and one that was excluded from the second's flow."""
    ids = ["smic/s01/a", "smic/s02/b", "smic/s02/c"]
    clips = pd.DataFrame({"clip_id": ids, "onset": 10, "offset": 20, "range_source": "folder"})
    matrix = [0.0, -2.0, 7.0, 2.0, 0.0, 9.0]
    paths = {stage: [] for stage in ("faces", "align", "apex", "flow")}
    for subject, own in (("s01", ids[:1]), ("s02", ids[1:])):
        tables = {
            "faces": pd.DataFrame({"clip_id": own, "detector": "mtcnn", "candidates": 1}),
            "align": pd.DataFrame([[one, *matrix, 1.5] for one in own]),
            "apex": pd.DataFrame({"clip_id": own, "apex": 14, "apex_source": "midpoint"}),
        }
        tables["align"].columns = ["clip_id", *MATRIX_COLUMNS, "residual"]
        for stage, table in tables.items():
            paths[stage].append(tmp_path / f"{stage}-{subject}.csv")
            write_csv(table, paths[stage][-1])
        flow = np.zeros((1, 3, 10, 10))
        flow[:, 0, :, :5], flow[:, 1, :, :5], flow[:, 2] = 3.0, 4.0, 0.25
        paths["flow"].append(tmp_path / f"{subject}.h5")
        write_cache(paths["flow"][-1], own[:1], flow, {})
    return clips, paths


def test_a_row_has_what_the_stages_found(files):
    clips, paths = files
    table = measure(clips, **paths)
    assert list(table.columns) == COLUMNS
    assert list(table.clip_id) == ["smic/s01/a", "smic/s02/b"]
    row = table.iloc[0]
    assert (row.scale, row.rotation, row.residual) == (2.0, 90.0, 1.5)
    assert (row.flow_mean, row.flow_p99, row.strain_mean) == (2.5, 5.0, 0.25)
    assert (row.apex_position, row.apex_source, row.range_source) == (0.4, "midpoint", "folder")
    assert (row.decision, row.rule) == ("", "")
    assert np.isnan(row.border)


def test_a_subject_without_clips_is_no_hindrance(files):
    clips, paths = files
    write_cache(paths["flow"][1], [], np.empty((0, 3, 10, 10)), {})
    assert list(measure(clips, **paths).clip_id) == ["smic/s01/a"]


def test_the_page_names_outliers_by_clip_id(tmp_path):
    table = corpus()
    table.loc[7, "residual"] = 9.0
    table["outlier"] = outliers(table)
    figure = quality_figure("SMIC-HS", table)
    texts = [text.get_text() for ax in figure.axes for text in ax.texts]
    assert [text for text in texts if text.startswith("s01_ne_007")] == ["s01_ne_007  9"]
    for name in ("one.png", "two.png"):
        save(quality_figure("SMIC-HS", table), tmp_path / name)
    assert (tmp_path / "one.png").read_bytes() == (tmp_path / "two.png").read_bytes()


@pytest.mark.parametrize("clips", [1, 2, 9])
def test_the_page_of_a_small_or_uniform_corpus(clips, tmp_path):
    same = dict.fromkeys(MEASURES, 1.0) | {"residual": np.nan, "rotation": 0.0, "flow_mean": 0.0}
    save(quality_figure("SMIC-HS", corpus(clips, **same)), tmp_path / "page.png")
