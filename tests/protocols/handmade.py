"""Hand-made clip tables, lists and predictions."""

import numpy as np
import pandas as pd

from contracts.predictions import predictions_table
from protocols import get_protocol
from protocols.lists import make_lists

SUBJECTS = {
    "megc2019": {"smic": ["s01", "s02"], "casme2": ["sub01", "sub02"], "samm": ["006", "007"]},
    "dfme": {"dfme": ["sub0003", "sub0004", "sub0008", "sub0020", "sub0001", "sub0002"]},
}
EMOTIONS = {
    "smic": ["negative", "positive", "surprise"],
    "casme2": ["disgust", "happiness", "surprise", "repression", "others", "sadness", "fear"],
    "samm": ["anger", "contempt", "disgust", "fear", "sadness", "happiness", "surprise", "other"],
    "dfme": ["anger", "contempt", "disgust", "fear", "happiness", "sadness", "surprise"],
}


def clip_table(rows):
    """(clip_id, emotion) pairs -> the columns of a clip table that protocols read."""
    parts = [[*clip_id.split("/"), clip_id, emotion] for clip_id, emotion in rows]
    return pd.DataFrame(parts, columns=["corpus", "subject", "clip", "clip_id", "emotion"])


def one_clip_per_emotion(subjects):
    return clip_table(
        (f"{corpus}/{subject}/{subject}_{k:02d}", emotion)
        for corpus, members in subjects.items()
        for subject in members
        for k, emotion in enumerate(EMOTIONS[corpus])
    )


def small_lists(name):
    return make_lists(get_protocol(name), one_clip_per_emotion(SUBJECTS[name]), SUBJECTS[name])


def predicted(labels, classes, names=None):
    """A predictions table that is sure of `names`, by default of the truth."""
    names = list(labels.label if names is None else names)
    probabilities = np.array([[float(name == wanted) for name in classes] for wanted in names])
    return predictions_table(list(labels.clip_id), list(labels.fold), probabilities, list(classes), "recipe")
