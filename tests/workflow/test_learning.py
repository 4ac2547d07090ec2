"""The demo's clips through every room: MERba learns from them, and from shuffled labels it learns nothing.

The demo's own configuration with shorter clips, fast flow and two folds instead of twelve, to fit a test.
"""

import json

import numpy as np
import pandas as pd
import pytest
import yaml

from contracts.cache import write_cache
from contracts.provenance import ROOT
from merba import predict, train
from preprocess.align import crop, estimate
from preprocess.corpora import Source, get_corpus
from preprocess.corpora.synthetic import Options, write_sheet, write_subject
from preprocess.faces import find_face
from preprocess.flow import flow_and_strain, shrink
from preprocess.frames import list_frames, read_color, read_gray
from protocols import get_protocol
from protocols.lists import make_lists
from protocols.scores import score

pytestmark = pytest.mark.long
CONFIG = yaml.safe_load((ROOT / "config/config.yaml").read_text())
PROTOCOL = get_protocol("megc2019")
FOLDS = 2


@pytest.fixture(scope="module")
def demo(tmp_path_factory):
    """Caches of the demo's twelve 3DB subjects, and the protocol's labels."""
    base = tmp_path_factory.mktemp("learning")
    options = Options(**CONFIG["synthetic"], length=(8, 10))
    subjects = {corpus: CONFIG["corpora"][corpus]["subjects"] for corpus in PROTOCOL.corpora}
    tables, caches = [], {}
    for corpus, members in subjects.items():
        root = base / corpus
        for subject in members:
            write_subject(root, base / "truth.h5", corpus, subject, options)
        write_sheet(root, corpus, members, options)
        clips = get_corpus(corpus).index(Source(root), members).clips
        tables.append(clips)
        for subject, rows in clips.groupby("subject"):
            flows = {clip.clip_id: flow_of(root, clip) for clip in rows.itertuples()}
            caches[f"{corpus}/{subject}"] = base / "cache" / corpus / f"{subject}.h5"
            write_cache(caches[f"{corpus}/{subject}"], list(flows), np.stack(list(flows.values())), {})
    labels = make_lists(PROTOCOL, pd.concat(tables), subjects).labels
    return base, caches, labels


def flow_of(root, clip):
    frames = list_frames(root / clip.frames_dir)
    apex = clip.apex if clip.apex_source == "annotated" else list(frames)[len(frames) // 2]
    matrix, _ = estimate(find_face(read_color(frames[clip.onset])).landmarks)
    onset, apex = (crop(read_gray(frames[number]), matrix) for number in (clip.onset, apex))
    return shrink(flow_and_strain(onset, apex, "dis"), 28)


def uf1(demo, shuffled):
    """Combined UF1 of merba_tiny, every clip predicted by a fold that never saw its subject."""
    base, caches, labels = demo
    subject = labels.clip_id.str.rsplit("/", n=1).str[0]
    fold_of = {one: f"fold{k % FOLDS}" for k, one in enumerate(sorted(caches))}
    labels = labels.assign(fold=subject.map(fold_of))
    out = base / ("shuffled" if shuffled else "plain")
    (out / "lists").mkdir(parents=True)
    for fold in sorted(set(labels.fold)):
        labels[labels.fold != fold][["clip_id", "label"]].to_csv(out / f"lists/{fold}.csv", index=False)
        overrides = json.dumps(CONFIG["protocols"]["megc2019"]["merba_tiny"])
        train.main(
            [
                "--model",
                "merba_tiny",
                "--overrides",
                overrides,
                "--classes",
                *PROTOCOL.classes,
                "--fold",
                fold,
            ]
            + ["--list", str(out / f"lists/{fold}.csv"), "--seeds", "0", "--log", str(out / f"{fold}.csv")]
            + ["--caches", *(str(path) for one, path in caches.items() if fold_of[one] != fold)]
            + ["--checkpoints", str(out / f"{fold}.pt"), *(["--shuffle-labels"] if shuffled else [])]
        )
    labels[["clip_id", "fold"]].to_csv(out / "lists/test.csv", index=False)
    predict.main(
        ["--test", str(out / "lists/test.csv"), "--out", str(out / "predictions.csv")]
        + ["--checkpoints", *(str(path) for path in sorted(out.glob("*.pt")))]
        + ["--caches", *map(str, caches.values())]
    )
    predictions = pd.read_csv(out / "predictions.csv", dtype={"clip_id": str})
    scores = score(predictions, labels, PROTOCOL)
    return float(scores.query("part == 'combined' and metric == 'uf1'").value.iloc[0])


def test_merba_learns_the_demo_and_from_shuffled_labels_it_learns_nothing(demo):
    honest, shuffled = uf1(demo, shuffled=False), uf1(demo, shuffled=True)
    print(f"combined UF1: {honest:.3f}, with shuffled training labels {shuffled:.3f}")
    # Three balanced classes and 73 clips: guessing gives 1/3 with a standard deviation of .056.
    assert honest > 0.33 + 5 * 0.056
    assert shuffled < 0.33 + 3 * 0.056
