"""The whole preprocessing chain against what the synthetic corpora planted: faces, apex and flow."""

from dataclasses import dataclass

import cv2
import numpy as np
import pytest

from preprocess.align import crop, estimate, map_points
from preprocess.apex import spot
from preprocess.corpora import Source, get_corpus
from preprocess.corpora.synthetic import Options, write_sheet, write_subject
from preprocess.corpora.synthetic.truth import read_truth
from preprocess.faces import find_face
from preprocess.flow import flow_and_strain
from preprocess.frames import list_frames, read_color, read_gray

pytestmark = pytest.mark.xdist_group("planted truth")

# Two pixels at an eye distance of 95 px, as in the 224-px crop; noise, flicker and drift as by default.
OPTIONS = Options(seed=7, amplitude=(2.0, 2.0), clips_per_class=1)
SUBJECTS = {
    "smic": ["s01", "s03", "s04", "s20"],
    "casme2": ["sub12"],
    "samm": ["011"],
    "dfme": ["sub0003"],
}


@dataclass
class Processed:
    """A clip on its way, with its truth."""

    clip: object
    frames: dict
    face: object
    matrix: np.ndarray
    truth: object


@pytest.fixture(scope="module")
def processed(tmp_path_factory):
    base = tmp_path_factory.mktemp("planted")
    found = []
    for corpus, subjects in SUBJECTS.items():
        root = base / corpus
        for subject in subjects:
            write_subject(root, base / f"{corpus}-{subject}.h5", corpus, subject, OPTIONS)
        write_sheet(root, corpus, subjects, OPTIONS)
        for clip in get_corpus(corpus).index(Source(root), subjects).clips.itertuples():
            frames = list_frames(root / clip.frames_dir)
            face = find_face(read_color(frames[clip.onset]))
            assert face is not None, f"no face found in {clip.clip_id}"
            matrix, _ = estimate(face.landmarks)
            found.append(
                Processed(
                    clip, frames, face, matrix, read_truth(base / f"{corpus}-{clip.subject}.h5", clip.clip_id)
                )
            )
    return found


def test_every_face_is_found_by_the_detector_of_record_and_its_landmarks_are_right(processed):
    assert {one.face.detector for one in processed} == {"mtcnn"}
    for one in processed:
        eye_distance = np.linalg.norm(one.truth.landmarks[45] - one.truth.landmarks[36])
        error = np.linalg.norm(one.face.landmarks - one.truth.landmarks, axis=1).mean()
        assert error < 0.1 * eye_distance, one.clip.clip_id


def planted_in_crop(one):
    """The true onset-to-apex displacement in crop pixels, and where the action units move the face."""
    linear = one.matrix[:, :2]
    x, y = one.truth.origin
    shift = np.array([[1, 0, -x], [0, 1, -y]], np.float64)
    to_patch = np.vstack([one.matrix, [0, 0, 1]]) @ np.linalg.inv(np.vstack([shift, [0, 0, 1]]))
    warp = lambda field: cv2.warpAffine(field, to_patch[:2], (224, 224), flags=cv2.INTER_LINEAR)  # noqa: E731
    total = warp(one.truth.flow) @ linear.T
    strength = np.linalg.norm(warp(one.truth.flow_action_units), axis=2)
    return total.transpose(2, 0, 1), strength > 0.25 * strength.max()


def test_tvl1_recovers_the_planted_field_at_two_pixels(processed):
    correlations, gains = [], []
    for one in processed:
        if one.clip.corpus == "smic":
            continue
        planted, moving = planted_in_crop(one)
        images = (
            crop(read_gray(one.frames[number]), one.matrix) for number in (one.clip.onset, one.truth.apex)
        )
        flow = flow_and_strain(*images)[:2]
        found, wanted = flow[:, moving].ravel(), planted[:, moving].ravel()
        correlations.append(np.corrcoef(found, wanted)[0, 1])
        gains.append(found @ wanted / (wanted @ wanted))
    print(f"correlation {min(correlations):.3f} to {max(correlations):.3f}, gain {np.median(gains):.2f}")
    assert min(correlations) >= 0.9
    assert 0.8 < np.median(gains) < 1.1


def test_the_spotter_finds_smic_apexes_within_two_frames_in_the_median(processed):
    errors, middles = [], []
    for one in processed:
        if one.clip.corpus != "smic":
            continue
        crops = np.stack([crop(read_gray(path), one.matrix) for path in one.frames.values()])
        numbers = list(one.frames)
        found = spot(crops, numbers, map_points(one.face.landmarks, one.matrix), one.clip.fps)
        errors.append(abs(numbers.index(found.frame) - numbers.index(one.truth.apex)))
        middles.append(abs(len(numbers) // 2 - numbers.index(one.truth.apex)))
    print(f"spotter {sorted(errors)}, midpoint {sorted(middles)}")
    assert np.median(errors) <= 2
    assert np.median(errors) < np.median(middles)
