"""The whole preprocessing chain against what the synthetic corpora planted: faces, apex, flow and drift.

A few clips of each corpus; `benchmarks.planted_truth` measures the same on two hundred.
"""

import itertools
from dataclasses import replace

import numpy as np
import pytest

import benchmarks.planted_truth as benchmark
from preprocess.corpora.synthetic import Options

pytestmark = pytest.mark.long

# Two pixels at an eye distance of 95 px, as in the 224-px crop; noise, flicker and drift as by default.
OPTIONS = Options(seed=7, amplitude=(2.0, 2.0), clips_per_class=1)
SUBJECTS = [
    *(("smic", subject) for subject in ("s01", "s04")),
    *(("casme2", "sub12"), ("samm", "011"), ("dfme", "sub0003")),
]
CLIPS = 3  # of each subject


@pytest.fixture(scope="module")
def processed(tmp_path_factory):
    found = []
    for corpus, subject in SUBJECTS:
        clips = benchmark.process(tmp_path_factory.mktemp(subject), corpus, subject, OPTIONS)
        found += itertools.islice(clips, CLIPS)
    return found


@pytest.fixture(scope="module", params=[0.0, OPTIONS.drift], ids=["still", "drift"])
def without_units(request, tmp_path_factory):
    """Whether the head drifts, and what becomes of a clip in which nothing else moves."""
    options = replace(OPTIONS, amplitude=(1e-6, 1e-6), drift=request.param)
    clips = benchmark.process(tmp_path_factory.mktemp("drift"), "casme2", "sub17", options)
    return bool(request.param), benchmark.drift_figures(next(clips))


def test_every_face_is_found_by_the_detector_of_record_and_its_landmarks_are_right(processed):
    assert {one.face.detector for one in processed} == {"mtcnn"}
    errors = [benchmark.landmark_error(one) for one in processed]
    assert np.median(errors) < 4
    assert max(errors) < 9.4, "a tenth of the eye distance"


def test_tvl1_recovers_the_planted_field_at_two_pixels(processed):
    errors = [benchmark.flow_errors(one) for one in processed if one.row.corpus != "smic"]
    assert min(one["correlation"] for one in errors) >= 0.9
    assert 0.85 < np.median([one["gain"] for one in errors]) < 1.1
    assert np.median([one["end_point_error"] for one in errors]) < 0.2


@pytest.mark.parametrize("peak", [1.0, 3.0])
def test_tvl1_recovers_weaker_and_stronger_motion(peak, tmp_path):
    options = replace(OPTIONS, amplitude=(peak, peak))
    error = benchmark.flow_errors(next(benchmark.process(tmp_path, "casme2", "sub17", options)))
    assert 0.8 < error["gain"] < 1.1
    assert error["end_point_error"] < 0.1 + 0.05 * peak


def test_the_spotter_finds_apexes_within_two_frames_in_the_median_in_every_corpus(processed):
    errors = [(one.row.corpus, benchmark.apex_errors(one)) for one in processed]
    spotted = [error["spotted"] for _, error in errors]
    assert np.median(spotted) <= 2
    assert np.percentile(spotted, 90) <= 6
    assert np.mean(spotted) < np.mean([error["midpoint"] for _, error in errors])
    for corpus in {corpus for corpus, _ in errors}:
        assert np.median([error["spotted"] for name, error in errors if name == corpus]) <= 2, corpus


def test_a_clip_without_motion_yields_almost_no_flow_beyond_the_heads_own(without_units):
    _, figures = without_units
    assert figures["per_clip"] == pytest.approx(figures["planted"], abs=0.1)


def test_aligning_every_frame_by_its_own_landmarks_would_add_motion(without_units):
    drifts, figures = without_units
    assert figures["jitter"] > 0.5
    assert figures["per_frame"] > (1.0 if drifts else 5.0) * figures["per_clip"]


def test_a_bound_that_is_missed_is_named():
    figures = dict.fromkeys(benchmark.BOUNDS, 1.0) | {"apex.spotted.p90": 6.5, "still.factor": 11}
    faults = " ".join(benchmark.missed(figures))
    assert "apex.spotted.p90 is 6.5, promised is at most 6" in faults
    assert "still.factor" not in faults


def test_the_benchmark_takes_whole_subjects_of_every_corpus_and_either_portrait():
    todo = benchmark.jobs(216, seed=1)
    assert {corpus for corpus, *_ in todo} == set(benchmark.CORPORA)
    assert len({job[:3] for job in todo}) == len(todo)
    assert sum(len(chosen) for *_, chosen in todo) >= 30
    for corpus in benchmark.CORPORA:
        numbers = {int("".join(filter(str.isdigit, job[1]))) % 2 for job in todo if job[0] == corpus}
        assert numbers == {0, 1}, corpus
