"""Choose the device and the precision, and coordinate several processes with Hugging Face accelerate."""

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
    """Choose the device to compute on by its name.

    Parameters
    ----------
    name : str
        "auto" (a GPU if available), "cpu", "cuda" or "mps" (GPU of a Mac).

    Returns
    -------
    torch.device
        The device.

    Raises
    ------
    RunError
        This machine does not have the device.

    Examples
    --------
    >>> pick_device("cpu")
    device(type='cpu')
    """
    is_available = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available(), "cpu": True}
    available = [device for device in is_available if is_available[device]]
    if name == "auto":
        name = available[0]
    if name not in available:
        raise RunError(
            f"device {name!r} is not available on this machine, only {', '.join(available)}. Use --device auto."
        )
    return torch.device(name)


_FASTER_IN_BF16 = (torch.nn.modules.conv._ConvNd, torch.nn.RNNBase)


class Precision(NamedTuple):
    """Precision ("fp32", "bf16" or "fp16") and the reason for it."""

    name: str
    reason: str

    def __str__(self) -> str:
        return f"{self.name}, because {self.reason}"


def pick_precision(name: str, device: torch.device, model: torch.nn.Module | None = None) -> Precision:
    """Resolve ``"auto"`` to bf16 if both the hardware and the model are faster in it, otherwise to fp32.

    The choice depends only on the machine and the model. fp16 without CUDA raises RunError, and so does an LSTM in bf16
    on a CPU that lacks the instructions for it.
    """
    if name == "fp16" and device.type != "cuda":
        raise RunError(f"precision: fp16 needs CUDA, but the device is {device.type}. Use auto, fp32 or bf16.")
    if name == "bf16" and device.type == "cpu" and not torch.ops.mkldnn._is_mkldnn_bf16_supported():
        if model is not None and any(isinstance(layer, torch.nn.LSTM) for layer in model.modules()):
            raise RunError("precision: this CPU cannot compute an LSTM in bf16. Use auto or fp32.")
    if name != "auto":
        return Precision(name, "it was selected")
    if model is not None and not any(isinstance(layer, _FASTER_IN_BF16) for layer in model.modules()):
        return Precision("fp32", "only convolutions and recurrent layers are faster in bf16")
    return _pick_precision_for(device.type)


def _pick_precision_for(device_type: str) -> Precision:
    if device_type == "mps":
        return Precision("fp32", "bf16 is supported only on CUDA and CPUs")
    if device_type == "cuda":
        if torch.cuda.is_bf16_supported(including_emulation=False):
            return Precision("bf16", "this GPU is faster in it")
        return Precision("fp32", "this GPU does not support bf16")
    if torch.cpu._is_amx_tile_supported():
        return Precision("bf16", "this CPU multiplies matrices faster in it (AMX)")
    if not torch.cpu._is_avx512_bf16_supported():
        return Precision("fp32", "this CPU does not support bf16")
    if _is_amd():
        return Precision("bf16", "this CPU computes twice as many multiply-adds in it (AVX512-BF16 on AMD)")
    return Precision("fp32", "bf16 is not faster on this CPU (AVX512-BF16 without AMX)")


@cache
def _is_amd() -> bool:
    cpu_info = Path("/proc/cpuinfo")  # Linux, where platform.processor() is empty
    return "AuthenticAMD" in (cpu_info.read_text(encoding="utf-8") if cpu_info.exists() else platform.processor())


def autocast(device: torch.device, precision: str, model: torch.nn.Module) -> torch.autocast:
    """Return a context manager in which a model computes with the given precision. Use it outside of training.

    Parameters
    ----------
    device : torch.device
        Device of the model.
    precision : str
        "fp32", "bf16", "fp16" or "auto", as in :class:`TrainConfig`.
    model : torch.nn.Module
        Model, which "auto" needs to choose the precision.

    Returns
    -------
    torch.autocast
        Context manager for a ``with`` statement.

    Raises
    ------
    RunError
        The precision is "fp16", but the device is not a CUDA device.

    Examples
    --------
    >>> model = torch.nn.Linear(4, 2)
    >>> with autocast(torch.device("cpu"), "bf16", model):
    ...     model(torch.zeros(1, 4)).dtype
    torch.bfloat16
    """
    name = pick_precision(precision, device, model).name
    dtype = {"fp32": None, "bf16": torch.bfloat16, "fp16": torch.float16}[name]
    return torch.autocast(device.type, dtype=dtype, enabled=dtype is not None)


def make_accelerator(training: TrainConfig, model: torch.nn.Module):
    """Create the Accelerator for this process, or for all processes that ``accelerate launch`` started."""
    from accelerate import Accelerator
    from accelerate.state import AcceleratorState

    device = pick_device(training.device)
    precision = pick_precision(training.precision, device, model).name
    # otherwise accelerate would remember the settings of the previous model and reject another device or precision
    AcceleratorState._reset_state(reset_partial_state=not is_connected())
    if launched():
        _connect(device)
    return Accelerator(cpu=device.type == "cpu", mixed_precision={"fp32": "no"}.get(precision, precision))


def launched() -> bool:
    """Return True if ``accelerate launch`` started this process together with others."""
    return int(os.environ.get("WORLD_SIZE", "1")) > 1


def is_connected() -> bool:
    """Return True if this process is connected to the other launched processes."""
    return torch.distributed.is_available() and torch.distributed.is_initialized()


def share_buffers(model: torch.nn.Module) -> None:
    """Copy the main process's buffers, such as batch norm statistics, to all processes, which have seen other clips."""
    if is_connected():
        for buffer in model.buffers():
            torch.distributed.broadcast(buffer, src=0)


def is_main() -> bool:
    """Return True if this is the only process, or the one that prints and writes files."""
    return int(os.environ.get("RANK", "0")) == 0


def main_first(device: str = "auto") -> AbstractContextManager:
    """Return a context manager whose block runs in the main process first, so that others can read what it wrote."""
    return _connect(pick_device(device)).main_process_first() if launched() else nullcontext()


def _connect(device: torch.device):
    """Wait until all launched processes are connected, and return accelerate's PartialState."""
    from accelerate import PartialState

    # the main process may prepare a data set while the others wait, so the default timeout of ten minutes is too short
    return PartialState(cpu=device.type == "cpu", timeout=timedelta(days=1))


@contextmanager
def without_denormals() -> Iterator[None]:
    """Treat numbers closer to 0 than 1e-38 as 0 while the block runs, because CPUs are much slower with them.

    For example, the gradients of an LSTM that returns only its last time step become that small.
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
    """Make glibc keep freed memory until the block ends. Use it to train a model, not for single batches.

    By default, glibc returns each large tensor to the system, which fills it with zeros page by page before the next
    step. This took half the time of an m5 with batches of 128, and a third of the time of a cnn. In exchange, up to
    twice as much memory is used.
    """
    libc = ctypes.CDLL(None) if sys.platform == "linux" else None
    if not hasattr(libc, "malloc_trim"):  # another system or another C library
        yield
        return
    libc.mallopt(_M_MMAP_MAX, 0)
    libc.mallopt(_M_TRIM_THRESHOLD, -1)
    try:
        yield
    finally:  # restore glibc's defaults; it adapts the two thresholds, so use the upper end of their range
        libc.mallopt(_M_MMAP_MAX, 1 << 16)
        libc.mallopt(_M_MMAP_THRESHOLD, 32 << 20)
        libc.mallopt(_M_TRIM_THRESHOLD, 64 << 20)
        libc.malloc_trim(0)


@contextmanager
def determinism(enabled: bool) -> Iterator[None]:
    """Use deterministic algorithms on CUDA while the block runs."""
    if not enabled:
        yield
        return
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # required for deterministic cuBLAS
    was_enabled, benchmark = torch.are_deterministic_algorithms_enabled(), torch.backends.cudnn.benchmark
    torch.use_deterministic_algorithms(True)
    torch.backends.cudnn.benchmark = False
    try:
        yield
    finally:
        torch.use_deterministic_algorithms(was_enabled)
        torch.backends.cudnn.benchmark = benchmark
