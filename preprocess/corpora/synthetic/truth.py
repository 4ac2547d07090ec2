"""The planted truth of one subject, in an HDF5 file that nothing but tests reads.

One group a clip, named by its clip id with `/` for the group levels:

* attributes `apex` (frame number) and `action_units`;
* `numbers` (n,), `envelope` (n,), `drift` (n, 3): per frame, on disk or lost from it, see `motion.Motion`;
* `landmarks` (68, 2): x, y in pixels of the onset frame;
* `flow` and `flow_action_units` (h, w, 2) float32: displacement from onset to apex in pixels, with and
  without the head's drift, on the patch whose upper left corner is the attribute `origin` (x, y).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import h5py
import numpy as np

from contracts.files import whole
from preprocess.corpora.synthetic.motion import Motion, true_flow
from preprocess.corpora.synthetic.plan import PlannedClip
from preprocess.corpora.synthetic.portraits import Person


@dataclass(frozen=True)
class Truth:
    """What was planted in one clip; shapes and units as in the file."""

    apex: int
    numbers: np.ndarray
    envelope: np.ndarray
    drift: np.ndarray
    landmarks: np.ndarray
    origin: tuple[int, int]
    flow: np.ndarray
    flow_action_units: np.ndarray


def write_truth(path: Path, performed: Sequence[tuple[PlannedClip, Person, Motion]]) -> None:
    """Write the truth of one subject's clips whole."""
    with whole(path) as partial, h5py.File(partial, "w") as file:
        for clip, person, motion in performed:
            group = file.create_group(clip.clip_id)
            group.attrs["apex"] = clip.apex
            group.attrs["action_units"] = clip.action_units
            group.attrs["origin"] = person.origin
            apex = clip.filmed.index(clip.apex)
            for name, values in {
                "numbers": np.array(clip.filmed),
                "envelope": motion.envelope,
                "drift": motion.drift,
                "landmarks": person.landmarks,
            }.items():
                group.create_dataset(name, data=values)
            for name, with_drift in {"flow": True, "flow_action_units": False}.items():
                flow = true_flow(motion, apex, drift=with_drift).astype(np.float32)
                group.create_dataset(name, data=flow, compression="gzip", compression_opts=1, shuffle=True)


def read_truth(path: Path, clip_id: str) -> Truth:
    """The truth of one clip."""
    with h5py.File(path, "r") as file:
        group = file[clip_id]
        return Truth(
            apex=int(group.attrs["apex"]),
            origin=tuple(int(value) for value in group.attrs["origin"]),
            **{
                name: group[name][:]
                for name in ("numbers", "envelope", "drift", "landmarks", "flow", "flow_action_units")
            },
        )
