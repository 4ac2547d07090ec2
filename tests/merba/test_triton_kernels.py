"""The Triton kernels are accepted by the compiler of a GPU; what they compute is in test_mixing.py."""

import importlib.util
import inspect
import os

import pytest
import torch

from merba.scan.backends import triton as backend

pytestmark = [
    pytest.mark.skipif(importlib.util.find_spec("triton") is None, reason="Triton is not installed"),
    pytest.mark.skipif(os.environ.get("TRITON_INTERPRET") == "1", reason="nothing is compiled then"),
]
TYPES = {
    **dict.fromkeys(("sequences", "length", "half", "rank", "states"), "i32"),
    **dict.fromkeys(("T", "C", "N"), "constexpr"),
    **dict.fromkeys(("kernel", "dt_bias", "A_log", "D"), "*fp32"),
    **dict.fromkeys(("grad_kernel", "grad_A_log", "grad_D"), "*fp32"),
    "orders": "*i64",
}


@pytest.mark.parametrize(("dtype", "capability"), [("fp32", 80), ("bf16", 90)])
@pytest.mark.parametrize("name", ["convolve", "convolve_backward", "scan", "scan_backward"])
def test_every_kernel_compiles_to_machine_code(tmp_path, monkeypatch, name, dtype, capability):
    """In the tiles of MERba's second stage: windows of 49 tokens, 256 channels, 8 states."""
    import triton
    from triton.backends.compiler import GPUTarget
    from triton.compiler import ASTSource

    from merba.scan import triton_kernels

    monkeypatch.setenv("TRITON_CACHE_DIR", str(tmp_path))
    xz, A_log = torch.empty(1, 49, 256, device="meta"), torch.empty(128, 8, device="meta")
    tile = backend._tile(xz, [A_log] * 6 if name.startswith("scan") else None)
    options = {"num_warps": tile.pop("num_warps")}
    kernel = getattr(triton_kernels, name)
    signature = {one: TYPES.get(one, f"*{dtype}") for one in inspect.signature(kernel.fn).parameters}
    made = triton.compile(
        ASTSource(kernel, signature, tile), target=GPUTarget("cuda", capability, 32), options=options
    )
    assert f"sm_{capability}" in made.asm["ptx"]
    assert made.asm["cubin"]
