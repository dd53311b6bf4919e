"""Choice of device and precision, and coordination of several processes, with Hugging Face accelerate."""

import ctypes
import os
import platform
import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from datetime import timedelta
from functools import cache
from pathlib import Path
from typing import NamedTuple

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


_HEAVY = (torch.nn.modules.conv._ConvNd, torch.nn.RNNBase)  # layers that bf16 makes faster


class Precision(NamedTuple):
    """A precision ("fp32", "bf16" or "fp16"), and the reason for it."""

    name: str
    reason: str

    def __str__(self) -> str:
        return f"{self.name}, because {self.reason}"


def pick_precision(name: str, device: torch.device, model: torch.nn.Module | None = None) -> Precision:
    """Resolve ``"auto"``: bf16 if the hardware computes faster in it and the model gains by that, otherwise fp32.

    The same model on the same machine always gets the same. Raise RunError for fp16 without CUDA.
    """
    if name == "fp16" and device.type != "cuda":
        raise RunError(f"precision: expected auto, fp32 or bf16 on {device.type}, found fp16, which needs CUDA")
    if name != "auto":
        return Precision(name, "it was asked for")
    if model is not None and not any(isinstance(layer, _HEAVY) for layer in model.modules()):
        return Precision("fp32", "a model without convolutions and recurrent layers gains nothing by bf16")
    return _precision_of(device.type)


def _precision_of(device_type: str) -> Precision:
    if device_type == "mps":
        return Precision("fp32", "bf16 is for CUDA and CPUs")
    if device_type == "cuda":
        if torch.cuda.is_bf16_supported(including_emulation=False):
            return Precision("bf16", "this GPU computes faster in it")
        return Precision("fp32", "this GPU has no bf16")
    if torch.cpu._is_amx_tile_supported():
        return Precision("bf16", "this CPU multiplies whole matrices in it (AMX)")
    if not torch.cpu._is_avx512_bf16_supported():
        return Precision("fp32", "this CPU has no bf16")
    if _is_amd():
        return Precision("bf16", "this CPU does twice as many multiply-adds in it (AMD's AVX512-BF16)")
    return Precision("fp32", "this CPU does no more multiply-adds in bf16 (AVX512-BF16 without AMX)")


@cache
def _is_amd() -> bool:
    facts = Path("/proc/cpuinfo")  # on Linux, where platform does not know
    return "AuthenticAMD" in (facts.read_text(encoding="utf-8") if facts.exists() else platform.processor())


def autocast(device: torch.device, precision: str, model: torch.nn.Module) -> torch.autocast:
    """Return a context in which a model computes with ``precision``, outside of a training."""
    chosen = pick_precision(precision, device, model).name
    dtype = {"fp32": None, "bf16": torch.bfloat16, "fp16": torch.float16}[chosen]
    return torch.autocast(device.type, dtype=dtype, enabled=dtype is not None)


def make_accelerator(config: TrainConfig, model: torch.nn.Module):
    """Make the Accelerator of this process, or of all those that ``accelerate launch`` has started."""
    from accelerate import Accelerator
    from accelerate.state import AcceleratorState

    device = pick_device(config.device)
    precision = pick_precision(config.precision, device, model).name
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


_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD, _M_MMAP_MAX = -1, -3, -4  # glibc's malloc.h


@contextmanager
def keeping_memory() -> Iterator[None]:
    """Let glibc keep freed memory until the block ends; for a training, not for single batches.

    It would return each large tensor to the system, which fills it with zeros for the next step, page by page: half of
    the time of an m5 with batches of 128, and a third of a cnn's. Up to twice as much memory is held meanwhile.
    """
    libc = ctypes.CDLL(None) if sys.platform == "linux" else None
    if not hasattr(libc, "malloc_trim"):  # another system or another C library
        yield
        return
    libc.mallopt(_M_MMAP_MAX, 0)
    libc.mallopt(_M_TRIM_THRESHOLD, -1)
    try:
        yield
    finally:  # back to glibc's defaults, at the upper end of the two that it adapts
        libc.mallopt(_M_MMAP_MAX, 1 << 16)
        libc.mallopt(_M_MMAP_THRESHOLD, 32 << 20)
        libc.mallopt(_M_TRIM_THRESHOLD, 64 << 20)
        libc.malloc_trim(0)


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
