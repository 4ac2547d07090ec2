"""Raw or cropped: by the names that releases go by, unless the configuration says which."""

from pathlib import Path

import pytest

from contracts.errors import InputError
from preprocess.corpora import Source
from preprocess.corpora.reading.pictures import kind_of

CLIP = "006/006_1_2"


def kind(root, below=CLIP, *frames, pictures=""):
    folder = Path(root) / below
    return kind_of(Source(root, pictures=pictures), [folder / one for one in frames or ("1.jpg",)], "a/b/c")


@pytest.mark.parametrize(
    "name",
    [
        "SMIC_all_cropped",
        "SMIC_ALL_CROPPED",
        "Cropped",
        "Cropped-updated",
        "Cropped_original",
        "CASME2-RAW-cropped",
        "CASME2_preprocessed_Li Xiaobai",
        "CASME2_preprocessed_small_Li Xiaobai",
        "SAMM_CROP",
        "SAMMcropped",
        "CroppedFaces",
        "crops224",
    ],
)
def test_a_cropped_release_is_told_by_its_name_as_the_root_or_below(name):
    assert kind(f"/data/{name}") == "cropped"
    assert kind("/data/SAMM", f"{name}/{CLIP}") == "cropped"
    assert kind(f"/{name}/SAMM") == "raw", "what lies above the root is no part of the release"


@pytest.mark.parametrize(
    "name",
    [
        *("uncropped", "Uncropped", "unCropped", "not_cropped", "NOT CROPPED", "non-cropped", "to_crop"),
        "SAMMuncropped",
        *("preprocessing", "preprocess", "preprocessed", "not_preprocessed", "cropping"),
        *("SMIC_all_raw", "CASME2_RAW_selected", "SAMM_clip", "train_data"),
    ],
)
def test_a_name_that_only_resembles_one_is_raw(name):
    assert kind(f"/data/{name}") == kind("/data/SAMM", f"{name}/{CLIP}") == "raw"


def test_registered_frames_are_cropped_and_frames_of_two_kinds_are_refused():
    assert kind("/data/CASME2", "a/b", "reg_img1.jpg", "reg_img2.jpg") == "cropped"
    for said in ("", "raw"):
        with pytest.raises(InputError, match="raw and cropped frames lie in one folder"):
            kind("/data/CASME2", "a/b", "reg_img1.jpg", "img2.jpg", pictures=said)


def test_what_the_configuration_says_counts_before_any_name():
    assert kind("/data/SAMM_CROP", "Cropped/006", "reg_1.jpg", pictures="raw") == "raw"
    assert kind("/data/SAMM_clip", pictures="cropped") == "cropped"


def test_a_link_goes_by_its_own_name_and_by_that_of_what_it_leads_to(tmp_path, monkeypatch):
    for name in ("SAMM_CROP", "recordings"):
        (tmp_path / name / CLIP).mkdir(parents=True)
    (tmp_path / "SAMM").symlink_to(tmp_path / "SAMM_CROP")
    (tmp_path / "crops").symlink_to(tmp_path / "recordings")
    (tmp_path / "recordings/below").symlink_to(tmp_path / "SAMM_CROP")
    assert kind(tmp_path / "SAMM") == kind(tmp_path / "crops") == "cropped"
    assert kind(tmp_path / "recordings") == "raw"
    assert kind(tmp_path / "recordings", f"below/{CLIP}") == "cropped"
    monkeypatch.chdir(tmp_path / "SAMM_CROP")
    assert kind(".") == "cropped"
