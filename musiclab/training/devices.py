"""Where to compute, and how exactly: Hugging Face accelerate does it, we only decide what "auto" means."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

import torch

from musiclab.core.errors import RunError
from musiclab.training.config import TrainConfig


def pick_device(name: str) -> torch.device:
    """The device that ``"auto"``, ``"cpu"``, ``"cuda"`` or ``"mps"`` means here.

    Raises
    ------
    RunError
        It is not there.
    """
    there = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available(), "cpu": True}
    if name == "auto":
        name = next(candidate for candidate, is_there in there.items() if is_there)
    if not there.get(name, False):
        raise RunError(
            f"expected a device that is here ({', '.join(d for d, is_there in there.items() if is_there)}), "
            f"found {name!r}; use --device auto"
        )
    return torch.device(name)


def pick_precision(name: str, device: torch.device) -> str:
    """What ``"auto"`` means on a device: bf16 where the hardware has it, otherwise fp32; nothing is measured.

    Raises
    ------
    RunError
        fp16 was asked for where there is no CUDA.
    """
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
    """A context in which a model computes with the precision that was asked for; for use without training."""
    kind = {"fp32": None, "bf16": torch.bfloat16, "fp16": torch.float16}[pick_precision(precision, device)]
    return torch.autocast(device.type, dtype=kind, enabled=kind is not None)


def make_accelerator(config: TrainConfig):
    """The Accelerator of a training: one process here, or all those that ``accelerate launch`` has started.

    Raises
    ------
    RunError
        The device is not there, or the precision does not go with it.
    """
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
    """Whether this process is one of several that ``accelerate launch`` has started."""
    return int(os.environ.get("WORLD_SIZE", "1")) > 1


def together() -> bool:
    """Whether the processes that were launched have found each other already."""
    return torch.distributed.is_available() and torch.distributed.is_initialized()


def share_buffers(model: torch.nn.Module) -> None:
    """Give all processes the main one's buffers, such as the statistics of a batch norm: each has seen other clips."""
    if together():
        for buffer in model.buffers():
            torch.distributed.broadcast(buffer, src=0)


def is_main() -> bool:
    """Whether this process is the one that prints and writes files; a process alone always is."""
    return int(os.environ.get("RANK", "0")) == 0


@contextmanager
def main_first(device: str = "auto") -> Iterator[None]:
    """Run a block in the main process and only then in the others: what it wrote is there for them."""
    if not launched():
        yield
        return
    with _meet(pick_device(device)).main_process_first():
        yield


def _meet(device: torch.device):
    """Wait until all processes that were launched are there; gives accelerate's state of them."""
    from accelerate import PartialState

    # as long as that others wait for the main one, which may prepare a data set; ten minutes are the default
    return PartialState(cpu=device.type == "cpu", timeout=timedelta(days=1))


@contextmanager
def determinism(wanted: bool) -> Iterator[None]:
    """Algorithms that give the same numbers in every run on CUDA, for as long as the block runs."""
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
