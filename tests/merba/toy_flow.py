"""Planted flow: Gaussian movements at mouth, brow and nose in noise, whose class is known.

28 x 28, in pixels; eyes on row 9, mouth on row 20. Subjects differ in where their features lie and how
strongly they move; clips of one subject share that, as real ones do.
"""

import numpy as np

from contracts.cache import write_cache

CLASSES = ["negative", "positive", "surprise"]
SIZE = 28
# (row, column, downwards v, rightwards u) of each movement's centre and direction.
_MOVEMENTS = {
    "negative": [(7, 10, 1.0, 0.6), (7, 18, 1.0, -0.6)],  # brows down and together
    "positive": [(20, 9, -0.8, -0.9), (20, 19, -0.8, 0.9)],  # mouth corners up and outwards
    "surprise": [(6, 9, -1.1, 0.0), (6, 19, -1.1, 0.0), (23, 14, 0.8, 0.0)],  # brows up, jaw down
}


def planted(subjects: int = 12, clips: int = 6, noise: float = 0.25, seed: int = 0, corpus: str = "smic"):
    """Clip ids, labels (text) and flow (n, 3, 28, 28) float32."""
    random = np.random.default_rng(seed)
    rows, columns = np.mgrid[:SIZE, :SIZE]
    ids, labels, flows = [], [], []
    for s in range(subjects):
        shift, gain = random.normal(0, 1, 2), random.uniform(0.6, 1.4)
        for c in range(clips):
            label = CLASSES[c % 3]
            flow = random.normal(0, noise, (2, SIZE, SIZE))
            flow += random.normal(0, 0.3, 2)[:, None, None]  # head drift
            for row, column, down, right in _MOVEMENTS[label]:
                away = (rows - row - shift[0]) ** 2 + (columns - column - shift[1]) ** 2
                flow += gain * np.exp(-away / (2 * 2.5**2)) * np.array([right, down])[:, None, None]
            (u_y, u_x), (v_y, v_x) = np.gradient(flow[0]), np.gradient(flow[1])
            strain = np.sqrt(u_x**2 + v_y**2 + 0.5 * (u_y + v_x) ** 2)
            ids.append(f"{corpus}/s{s:02d}/c{c}")
            labels.append(label)
            flows.append(np.stack([*flow, strain]))
    return ids, labels, np.array(flows, dtype=np.float32)


def write_caches(folder, ids, flow, coding="physical", made_with=None) -> dict:
    """One cache a subject under `folder`; returns their paths by subject."""
    subjects = sorted({clip.split("/")[1] for clip in ids})
    paths = {}
    for subject in subjects:
        rows = [k for k, clip in enumerate(ids) if clip.split("/")[1] == subject]
        paths[subject] = folder / f"{subject}.h5"
        write_cache(
            paths[subject], [ids[k] for k in rows], flow[rows], made_with or {"planted": True}, coding
        )
    return paths
