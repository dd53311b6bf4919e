"""Choice of device and precision, and coordination of several processes, with Hugging Face accelerate."""

import os
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from datetime import timedelta

import torch

from musiclab.core.errors import RunError
from musiclab.training.config import TrainConfig


def pick_device(name: str) -> torch.device:
    """Return the device that ``name`` (as in :class:`TrainConfig`) means; raise RunError if this machine has none."""
    is_available = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available(), "cpu": True}
    available = [device for device in is_available if is_available[device]]
    if name == "auto":
        name = available[0]
    if name not in available:
        raise RunError(f"expected a device that is here ({', '.join(available)}), found {name!r}; use --device auto")
    return torch.device(name)


def pick_precision(name: str, device: torch.device) -> str:
    """Resolve ``"auto"`` (bf16 where the hardware has it, otherwise fp32); raise RunError for fp16 without CUDA."""
    if name == "fp16" and device.type != "cuda":
        raise RunError(f"precision: expected auto, fp32 or bf16 on {device.type}, found fp16, which needs CUDA")
    if name != "auto":
        return name
    has_bf16 = {
        "cuda": lambda: torch.cuda.is_bf16_supported(including_emulation=False),
        "cpu": lambda: torch.cpu._is_avx512_bf16_supported(),
        "mps": lambda: False,
    }[device.type]
    return "bf16" if has_bf16() else "fp32"


def autocast(device: torch.device, precision: str) -> torch.autocast:
    """Return a context in which a model computes with ``precision``, outside of a training."""
    dtype = {"fp32": None, "bf16": torch.bfloat16, "fp16": torch.float16}[pick_precision(precision, device)]
    return torch.autocast(device.type, dtype=dtype, enabled=dtype is not None)


def make_accelerator(config: TrainConfig):
    """Make the Accelerator of this process, or of all those that ``accelerate launch`` has started."""
    from accelerate import Accelerator
    from accelerate.state import AcceleratorState

    device = pick_device(config.device)
    precision = pick_precision(config.precision, device)
    # accelerate keeps what the last training of this process used, and would refuse another device or precision
    AcceleratorState._reset_state(reset_partial_state=not together())
    if launched():
        _meet(device)
    return Accelerator(cpu=device.type == "cpu", mixed_precision={"fp32": "no"}.get(precision, precision))


def launched() -> bool:
    """Return True if this process is one of several that ``accelerate launch`` has started."""
    return int(os.environ.get("WORLD_SIZE", "1")) > 1


def together() -> bool:
    """Return True once the launched processes have met."""
    return torch.distributed.is_available() and torch.distributed.is_initialized()


def share_buffers(model: torch.nn.Module) -> None:
    """Copy the main process's buffers, such as batch norm statistics, to all: each has seen other clips."""
    if together():
        for buffer in model.buffers():
            torch.distributed.broadcast(buffer, src=0)


def is_main() -> bool:
    """Return True if this process is the one that prints and writes files; a single process always is."""
    return int(os.environ.get("RANK", "0")) == 0


def main_first(device: str = "auto") -> AbstractContextManager:
    """Return a context whose block runs in the main process first, so that the others find what it wrote."""
    return _meet(pick_device(device)).main_process_first() if launched() else nullcontext()


def _meet(device: torch.device):
    """Wait until all launched processes have met, and return accelerate's PartialState."""
    from accelerate import PartialState

    # others wait for the main process, which may prepare a data set: the default of ten minutes would be too short
    return PartialState(cpu=device.type == "cpu", timeout=timedelta(days=1))


@contextmanager
def without_denormals() -> Iterator[None]:
    """Take numbers closer to 0 than 1e-38 for 0 while the block runs: on CPUs, arithmetic on them is much slower.

    The gradients of an LSTM whose last step alone is read get as small as that.
    """
    was_set = (torch.full((1,), 1e-39) * 0.5).item() == 0
    torch.set_flush_denormal(True)
    try:
        yield
    finally:
        torch.set_flush_denormal(was_set)


@contextmanager
def determinism(wanted: bool) -> Iterator[None]:
    """Use algorithms that give the same numbers in every run on CUDA while the block runs."""
    if not wanted:
        yield
        return
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # cuBLAS is deterministic only with this
    before, benchmark = torch.are_deterministic_algorithms_enabled(), torch.backends.cudnn.benchmark
    torch.use_deterministic_algorithms(True)
    torch.backends.cudnn.benchmark = False
    try:
        yield
    finally:
        torch.use_deterministic_algorithms(before)
        torch.backends.cudnn.benchmark = benchmark
