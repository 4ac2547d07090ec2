"""Optical flow from onset to apex, optical strain, and the step down to network size.

Flow of record: Dual TV-L1 (Zach, Pock & Bischof 2007; Sanchez, Meinhardt-Llopis & Facciolo, IPOL 2013) from
OpenCV's contrib modules with its defaults, as the field uses it; `tvl1_torch` is the same in PyTorch, for
many pairs on a GPU. DIS (Kroeger et al. 2016) and Farnebaeck (2003) are named alternatives for comparison.
"""

import functools
import importlib.metadata
from collections.abc import Callable

import cv2
import numpy as np

from contracts.errors import InputError
from preprocess.tvl1 import TVL1


def _tvl1():
    # New for each pair: after a picture too small for all scales, an object leaves them out for good.
    return cv2.optflow.DualTVL1OpticalFlow_create(
        tau=TVL1["tau"],
        lambda_=TVL1["lambda"],
        theta=TVL1["theta"],
        nscales=TVL1["scales"],
        warps=TVL1["warps"],
        epsilon=TVL1["epsilon"],
        innnerIterations=TVL1["inner_iterations"],
        outerIterations=TVL1["outer_iterations"],
        scaleStep=TVL1["scale_step"],
        gamma=TVL1["gamma"],
        medianFiltering=TVL1["median"],
        useInitialFlow=False,
    )


@functools.cache
def _dis():
    return cv2.DISOpticalFlow_create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)


def _farneback(first, second):
    return cv2.calcOpticalFlowFarneback(first, second, None, 0.5, 3, 15, 3, 5, 1.2, 0)


def _one_by_one(flow: Callable) -> Callable:
    """Of a pair (H, W) -> (H, W, 2) a method for stacks."""

    def method(first: np.ndarray, second: np.ndarray) -> np.ndarray:
        cv2.setNumThreads(1)  # parallelism is one process per core, above this level
        found = np.empty((*first.shape, 2), np.float32)
        for pair, place in zip(zip(first, second, strict=True), found, strict=True):
            place[:] = flow(*pair)
        return found.transpose(0, 3, 1, 2)

    return method


def _tvl1_torch(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    # Seconds and hundreds of megabytes to import, which no other method needs.
    from preprocess.tvl1_torch import tvl1

    return tvl1(first, second)


METHODS: dict[str, Callable[[np.ndarray, np.ndarray], np.ndarray]] = {
    "tvl1": _one_by_one(lambda first, second: _tvl1().calc(first, second, None)),
    "tvl1_torch": _tvl1_torch,
    "dis": _one_by_one(lambda first, second: _dis().calc(first, second, None)),
    "farneback": _one_by_one(_farneback),
}
"""Stacks of first and second pictures, (N, H, W) uint8 -> (N, 2, H, W) float32."""


def made_by(method: str) -> dict:
    """What a file keeps beside flow: the method, the parameters of TV-L1, and versions."""
    versions = {"opencv": cv2.__version__}
    if method == "tvl1_torch":
        versions["torch"] = importlib.metadata.version("torch")
    return {"flow": method, **({"tvl1": TVL1} if method.startswith("tvl1") else {}), **versions}


def optical_flow(first: np.ndarray, second: np.ndarray, method: str = "tvl1") -> np.ndarray:
    """Dense flow that carries `first` to `second`.

    Args:
        first, second: (..., H, W) uint8 grey images, a pair or any number of pairs.
        method: a key of `METHODS`.

    Returns:
        (..., 2, H, W) float32: u (to the right) and v (downwards), pixels per interval between two images.

    Raises:
        InputError: unknown method.
    """
    if method not in METHODS:
        raise InputError(
            f"unknown flow method {method!r}", clip="flow.method", cure=f"use one of {sorted(METHODS)}"
        )
    size = first.shape[-2:]
    flow = METHODS[method](first.reshape(-1, *size), second.reshape(-1, *size))
    return np.ascontiguousarray(flow).reshape(*first.shape[:-2], 2, *size)


def strain(flow: np.ndarray, *, forward: bool = False) -> np.ndarray:
    """Optical strain magnitude of a flow field (..., 2, H, W) -> (..., H, W) float32, dimensionless.

    The Frobenius norm of the infinitesimal strain tensor, sqrt(e_xx^2 + e_yy^2 + 2 e_xy^2) with
    e_xy = (du/dy + dv/dx) / 2 (Shreve et al. 2011): sqrt(ux^2 + vy^2 + (uy + vx)^2 / 2). Zero for any
    translation and any small rotation. Central differences inside, one-sided at the border; `forward` takes
    the step to the next pixel instead, which is exact on linear fields as well but lies half a pixel off.
    """
    difference = _forward_difference if forward else np.gradient
    u, v = np.moveaxis(flow, -3, 0)
    u_y, u_x = (difference(u, axis=axis) for axis in (-2, -1))
    v_y, v_x = (difference(v, axis=axis) for axis in (-2, -1))
    return np.sqrt(u_x**2 + v_y**2 + 0.5 * (u_y + v_x) ** 2).astype(np.float32)


def _forward_difference(field: np.ndarray, axis: int) -> np.ndarray:
    """Along one axis, in the field's shape; the last one repeats the one before."""
    found = np.diff(field, axis=axis)
    return np.concatenate([found, found.take([-1], axis=axis)], axis=axis)


def match_brightness(image: np.ndarray, reference: np.ndarray) -> np.ndarray:
    """Scale grey images (..., H, W) uint8 to the mean of `reference`, each to its own.

    Every method here assumes that a moving point keeps its brightness. Where the light flickers by 3 %, TV-L1
    explains the change by motion across every edge: on a synthetic clip its correlation with the planted
    motion falls from .99 to .74, and this step brings it back. It changes nothing under steady light.
    """
    wanted, is_now = (one.mean(axis=(-2, -1), keepdims=True) for one in (reference, image))
    return np.clip(np.rint(image * (wanted / np.maximum(is_now, 1.0))), 0, 255).astype(np.uint8)


def flow_and_strain(
    onset: np.ndarray, apex: np.ndarray, method: str = "tvl1", *, matched: bool = True
) -> np.ndarray:
    """(..., 3, H, W) float32: u, v in pixels of the crop, and optical strain, from onset to apex.

    Args:
        onset, apex: (..., H, W) uint8 aligned crops.
        method: a key of `METHODS`.
        matched: whether the apex is first brought to the onset's brightness.
    """
    flow = optical_flow(onset, match_brightness(apex, onset) if matched else apex, method)
    return np.concatenate([flow, strain(flow)[..., None, :, :]], axis=-3)


def shrink(flow: np.ndarray, size: int) -> np.ndarray:
    """Average (3, H, H) down to (3, size, size); values keep the units of the full crop.

    Area averaging, so that each small cell holds the mean motion of the pixels under it. The numbers stay
    pixels of the full crop: 1.0 means one crop pixel whatever `size` is.

    Raises:
        ValueError: asked to enlarge.
    """
    if size > flow.shape[-1]:
        raise ValueError(f"cannot shrink {flow.shape[-1]} px to {size} px")
    if size == flow.shape[-1]:
        return flow
    return np.stack([cv2.resize(channel, (size, size), interpolation=cv2.INTER_AREA) for channel in flow])
