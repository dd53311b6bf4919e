"""Decode clips and compute their features: on one core, on all, or on a cluster."""

import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, nullcontext
from itertools import starmap
from pathlib import Path

import numpy as np
from joblib import Parallel, delayed, effective_n_jobs, parallel_config
from joblib.parallel import ThreadingBackend, get_active_backend

from musiclab import features
from musiclab.audio import load_audio, resample, to_int16
from musiclab.core.checks import check_known
from musiclab.core.errors import AudioError, StoreError, counted

DTYPES = {"audio": np.int16, "logmel": np.float16}
"""Types in a store; float32 for all others. float16 has 11 bits: within 0.001 of any log-mel value up to 4."""

PATIENCE = 10.0
"""How long a scheduler may take to answer, in seconds."""

AHEAD = 16
"""Clips for each worker that are handed out at once: their results may wait in memory."""


def extract(path: str | Path, configs: Mapping) -> dict:
    """Decode one clip and compute what a store holds of it.

    The file is decoded once, and resampled once for each sample rate that is asked for.

    Parameters
    ----------
    path
        A sound file.
    configs
        Settings by feature, as :func:`musiclab.features.config` makes them.

    Returns
    -------
    dict
        ``seconds`` (float), and each feature: ``audio`` int16, shape (samples,); ``logmel`` float16 and all others
        float32, shape (dimensions, frames).

    Raises
    ------
    AudioError
        The file cannot be decoded, is too short for one of the features, or gives values that are not finite.
    """
    native, native_rate = load_audio(path, None)
    clip: dict = {"seconds": len(native) / native_rate}
    for rate in sorted({config.sample_rate for config in configs.values()}):
        waveform = resample(native, native_rate, rate)
        if not len(waveform):
            samples = counted(len(native), "sample")
            raise AudioError(f"{path}: expected sound, found {samples}, none of them left at {rate:,} Hz; leave it out")
        at_rate = {name: config for name, config in configs.items() if config.sample_rate == rate}
        if at_rate.pop("audio", None):
            clip["audio"] = to_int16(waveform)
        try:
            computed = features.compute(waveform, at_rate) if at_rate else {}
        except (ValueError, RuntimeError, MemoryError) as error:
            raise AudioError(f"{path}: {error}") from error
        for name, values in computed.items():
            dtype = DTYPES.get(name, np.float32)
            clip[name] = _cast(values, dtype)
            if not np.abs(values).max() <= np.finfo(dtype).max:  # NaN is not, either
                raise AudioError(
                    f"{path}: expected a finite {name}, found values that are NaN or infinite; listen to the file, and "
                    "leave it out or export it again"
                )
    return clip


def _cast(values: np.ndarray, dtype: type) -> np.ndarray:
    if dtype != np.float16:
        return values.astype(dtype, copy=False)
    import torch  # converts to half precision 20 times as fast as numpy

    return torch.from_numpy(values).half().numpy()


def try_extract(path: str, configs: Mapping) -> dict | str:
    """Return what :func:`extract` does, or why it cannot; in a worker process, compute with one thread."""
    if set(configs) != {"audio"}:  # which needs no torch
        import torch

        if torch.get_num_threads() != 1:  # in this process, spread_over has seen to it
            torch.set_num_threads(1)
    try:
        return extract(path, configs)
    except AudioError as error:
        return str(error)


def in_order(function: Callable, tasks: Sequence[tuple], workers: int) -> Iterator:
    """Yield the results of ``function(*task)``, in order, by joblib: in threads unless its settings say otherwise.

    Decoding, resampling and Fourier transforms let other threads run, and threads are there at once, where processes
    take seconds to start and send everything through a pipe. Tasks are handed out some at a time, so that memory does
    not depend on how many there are.
    """
    together = AHEAD * effective_n_jobs(workers)
    with _start_workers(workers) as run:
        for first in range(0, len(tasks), together):
            yield from run(function, tasks[first : first + together])


@contextmanager
def _start_workers(workers: int) -> Iterator[Callable]:
    """Yield a function that runs tasks; at the end of the block, those that were begun have ended."""
    backend, _ = get_active_backend(prefer="threads")
    if not isinstance(backend, ThreadingBackend):
        form = "generator" if backend.supports_return_generator else "list"
        with warnings.catch_warnings(), Parallel(workers, return_as=form, pre_dispatch="all") as parallel:
            warnings.filterwarnings("ignore", module=r"joblib\.parallel")  # of tasks that are dropped at a stop
            yield lambda function, tasks: parallel(delayed(function)(*task) for task in tasks)
    elif effective_n_jobs(workers) == 1:
        yield starmap
    else:  # joblib's own threads outlive a stop, and one that is in C++ code when the program ends aborts it
        pool = ThreadPoolExecutor(effective_n_jobs(workers))
        try:
            yield lambda function, tasks: pool.map(function, *zip(*tasks, strict=True))
        finally:
            pool.shutdown(cancel_futures=True)


@contextmanager
def spread_over(backend: str | None, scheduler: str | None, configs: Mapping) -> Iterator[None]:
    """Let :func:`in_order` work by ``backend`` within the block, and torch in this process with one thread.

    Torch's results can differ in the last bit by the number of threads, and workers would fight for the cores.
    """
    if backend is not None:
        check_known(backend, ("threading", "loky", "dask"), "a backend", StoreError)
    if scheduler is not None and backend != "dask":
        raise StoreError(f"scheduler {scheduler}: expected the backend dask with it, found {backend}")
    with ExitStack() as stack:
        if set(configs) != {"audio"}:  # which needs no torch
            import torch

            stack.callback(torch.set_num_threads, torch.get_num_threads())
            torch.set_num_threads(1)
        if backend == "dask":
            client = stack.enter_context(_dask_client(scheduler))
            stack.enter_context(parallel_config("dask", client=client))
        elif backend is not None:
            stack.enter_context(parallel_config(backend))
        yield


def _dask_client(scheduler: str | None):
    """Connect to a scheduler, or take the client that is open, and leave it open."""
    try:
        from distributed import Client, get_client
    except ImportError as error:
        raise StoreError(
            f"backend dask: expected the package distributed, found none ({error}); "
            'install it with: pip install "musiclab[dask]"'
        ) from error
    try:
        if scheduler is None:
            return nullcontext(get_client())
        return Client(scheduler, timeout=PATIENCE, set_as_default=False)
    except (OSError, ValueError) as error:
        if scheduler is None:
            message = "backend dask: expected a scheduler, found none; give its address, such as tcp://host:8786, or "
            raise StoreError(message + "open a dask.distributed.Client first") from error
        raise StoreError(
            f"scheduler {scheduler}: expected a Dask scheduler to answer within {PATIENCE:g} s, found none ({error}); "
            "start one with: dask scheduler"
        ) from error
