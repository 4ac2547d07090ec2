"""Hand-made clip tables, lists and predictions."""

from pathlib import Path

import numpy as np
import pandas as pd

from contracts.files import read_csv
from contracts.predictions import predictions_table
from protocols import get_protocol, list_protocols
from protocols.lists import make_lists


def few_subjects(protocol):
    """The first two subjects of every group of a protocol."""
    members = {}
    for namespaced in protocol.namespaced():
        members.setdefault(protocol.group(namespaced), []).append(namespaced.split("/"))
    few = [subject for group in members.values() for subject in group[:2]]
    return {name: [subject for corpus, subject in few if corpus == name] for name in protocol.corpora}


SUBJECTS = {name: few_subjects(get_protocol(name)) for name in list_protocols()}
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


def smic_clips():
    """All 164 clips of SMIC-HS: its ids are gapless, so the counts per subject are the whole list."""
    return clip_table(
        (f"{subject}/{subject.split('/')[1]}_{short}_{k:02d}", emotion)
        for subject, counts in get_protocol("smic_3class").subject_counts.items()
        for count, short, emotion in zip(counts, ("ne", "po", "sur"), EMOTIONS["smic"], strict=True)
        for k in range(1, count + 1)
    )


def megc2019_clips():
    """The 442 clips of MEGC2019, as the synthetic corpora know them; their emotion is the class."""
    path = Path(__file__).parents[2] / "preprocess" / "corpora" / "synthetic" / "megc2019.csv"
    table = read_csv(path, header=None, names=["corpus", "subject", "name", "label"])
    classes = get_protocol("megc2019").classes
    ids = table.corpus + "/" + table.subject + "/" + table["name"]
    return clip_table(zip(ids, [classes[int(number)] for number in table.label], strict=True))


def small_lists(name):
    return make_lists(get_protocol(name), one_clip_per_emotion(SUBJECTS[name]), SUBJECTS[name])


def predicted(labels, classes, names=None):
    """A predictions table that is sure of `names`, by default of the truth."""
    names = list(labels.label if names is None else names)
    probabilities = np.array([[float(name == wanted) for name in classes] for wanted in names])
    return predictions_table(list(labels.clip_id), list(labels.fold), probabilities, list(classes), "recipe")
