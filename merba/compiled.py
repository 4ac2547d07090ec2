"""A training step that torch compiles (`torch.compile`): fewer kernels, each doing more, for a large network.

Compiling takes a minute, once a process: several folds in one job (`pack`) share it. The values are those of
the step that is not compiled, up to rounding, and dropout draws the same numbers. A loss that depends on
which clips there are (the `dgcm` head's) stays outside of the program.

What the Mixer does along its tokens has kernels of its own, whose loops a compiler would unroll. To the
compiler it is one operation, which calls them; its gradient is another, which computes it once more first.
"""

from collections.abc import Callable

import torch
import torch._functorch.config
import torch._inductor.config
from torch import Tensor, library

from contracts.errors import InputError
from merba import mixing


def compiled_loss(model) -> Callable[..., tuple[Tensor, Tensor]]:
    """`model.loss`, compiled at its first call; further models of the same architecture share the result.

    Args:
        model: a `merba.classifier.Classifier`. The number of clips may differ from call to call.

    Raises:
        InputError: when called, torch cannot compile here.
    """
    # Not more cores than the job has; one process less is one less to wait for at the end.
    torch._inductor.config.compile_threads = torch.get_num_threads()
    # Later, in `backward`, nobody would look for what the compiler says.
    torch._functorch.config.force_non_lazy_backward_lowering = True
    run = torch.compile(model.loss, options={"fallback_random": True})

    def loss(x: Tensor, y: Tensor, progress: float, *rest, **named) -> tuple[Tensor, Tensor]:
        for tensor in (x, y):
            torch._dynamo.maybe_mark_dynamic(tensor, 0)
        # A float would be a constant to the compiler, and every epoch another program.
        progress = torch.full((), progress, device=x.device)
        try:
            return run(x, y, progress, *rest, **named)
        except torch._dynamo.exc.TorchDynamoException as error:
            said = next(filter(None, str(error).splitlines()), type(error).__name__)
            raise InputError(
                f"torch cannot compile a step of {type(model).__name__} here ({said})",
                clip="compiled",
                cure="set `compiled: false`, or give torch a compiler: of C++ for a CPU, Triton for CUDA",
            ) from error

    return loss


def mix(xz: Tensor, weights: mixing.Weights, orders: Tensor, inverses: Tensor) -> Tensor:
    """As `merba.mixing.mix`, in a step that is being compiled."""
    device = xz.device.type
    half = torch.get_autocast_dtype(device) if torch.is_autocast_enabled(device) else None
    return _mix(xz, list(weights), orders, inverses, half)


@library.custom_op("merba::mix", mutates_args=())
def _mix(
    xz: Tensor, weights: list[Tensor], orders: Tensor, inverses: Tensor, half: torch.dtype | None
) -> Tensor:
    return _run(xz, weights, orders, inverses, half).contiguous()


@library.custom_op("merba::mix_backward", mutates_args=())
def _mix_backward(
    gradient: Tensor,
    xz: Tensor,
    weights: list[Tensor],
    orders: Tensor,
    inverses: Tensor,
    half: torch.dtype | None,
) -> list[Tensor]:
    learned = [one.detach().requires_grad_() for one in (xz, *weights)]
    keys = torch._C.DispatchKey
    # Within an operation of the compiler's, autograd looks away.
    look = torch._C._SetExcludeDispatchKeyGuard
    with look(keys.AutogradFunctionality, False), look(keys.ADInplaceOrView, False), torch.enable_grad():
        y = _run(learned[0], learned[1:], orders, inverses, half)
        gradients = torch.autograd.grad(y, learned, gradient)
    # Some back-ends give parts of one tensor.
    return [one.clone(memory_format=torch.contiguous_format) for one in gradients]


def _run(xz: Tensor, weights: list[Tensor], orders: Tensor, inverses: Tensor, half) -> Tensor:
    # Compiled code runs outside of the autocast that it was compiled under.
    with torch.autocast(xz.device.type, half, enabled=half is not None):
        return mixing.mix(xz, mixing.Weights(*weights), orders, inverses)


@_mix.register_fake
def _(xz, weights, orders, inverses, half):
    return torch.empty_like(xz, memory_format=torch.contiguous_format)


@_mix_backward.register_fake
def _(gradient, xz, weights, orders, inverses, half):
    return [torch.empty_like(one, memory_format=torch.contiguous_format) for one in (xz, *weights)]


def _keep(ctx, inputs, output) -> None:
    xz, weights, orders, inverses, ctx.half = inputs
    ctx.save_for_backward(xz, orders, inverses, *weights)


def _gradients(ctx, gradient):
    xz, orders, inverses, *weights = ctx.saved_tensors
    of_xz, *of_weights = _mix_backward(gradient, xz, weights, orders, inverses, ctx.half)
    return of_xz, of_weights, None, None, None


_mix.register_autograd(_gradients, setup_context=_keep)
