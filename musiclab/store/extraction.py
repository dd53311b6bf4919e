"""Decode clips and compute their features, on one core, on all cores or on a cluster."""

import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, nullcontext
from itertools import starmap
from pathlib import Path

import numpy as np
from joblib import Parallel, delayed, effective_n_jobs, parallel_config
from joblib.parallel import ThreadingBackend, get_active_backend

from musiclab import encoders
from musiclab.audio import load_audio, resample, to_int16
from musiclab.core.checks import check_known
from musiclab.core.errors import AudioError, StoreError, counted
from musiclab.core.extras import require

DTYPES = {"audio": np.int16, "logmel": np.float16}
"""Stored types. All other features are float32. The error of float16 is below 0.001 for log-mel values up to 4."""

PATIENCE = 10.0
"""Time limit for connecting to a scheduler, in seconds."""

AHEAD = 16
"""Number of clips per worker that are submitted at once. Their results may be held in memory."""


def extract(path: str | Path, configs: Mapping) -> dict:
    """Decode a clip and compute the features that a store keeps.

    The file is decoded once, and resampled once for each sample rate in ``configs``.

    Parameters
    ----------
    path : str or Path
        Path of an audio file.
    configs : dict
        Settings of each feature by name, from :func:`musiclab.features.config`.

    Returns
    -------
    dict
        Duration in seconds (``"seconds"``, a float) and the features by name. ``"audio"`` is an int16 array of shape
        (samples,). All other features are arrays of shape (dimensions, frames). ``"logmel"`` is float16 and the rest
        are float32.

    Raises
    ------
    AudioError
        If the file cannot be decoded, is too short for one of the features, or has features that are NaN or infinite.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> from musiclab.audio import save_audio
    >>> from musiclab import features
    >>> with TemporaryDirectory() as folder:
    ...     path = save_audio(f"{folder}/a.wav", np.zeros(22050), 22050)
    ...     clip = extract(path, {"audio": features.config("audio"), "logmel": features.config("logmel")})
    >>> clip["seconds"], clip["audio"].shape, clip["logmel"].shape
    (1.0, (22050,), (128, 44))
    """
    native, native_rate = load_audio(path, None)
    clip: dict = {"seconds": len(native) / native_rate}
    for rate in sorted({config.sample_rate for config in configs.values()}):
        waveform = resample(native, native_rate, rate)
        if not len(waveform):
            samples = counted(len(native), "sample")
            raise AudioError(f"{path}: nothing is left after resampling {samples} to {rate:,} Hz; leave the file out")
        at_rate = {name: config for name, config in configs.items() if config.sample_rate == rate}
        if at_rate.pop("audio", None):
            clip["audio"] = to_int16(waveform)
        try:
            computed = encoders.compute(waveform, at_rate) if at_rate else {}
        except (ValueError, RuntimeError, MemoryError) as error:
            raise AudioError(f"{path}: {error}") from error
        for name, values in computed.items():
            dtype = DTYPES.get(name, np.float32)
            if not np.abs(values).max() <= np.finfo(dtype).max:  # also catches NaN; half precision would be slow here
                raise AudioError(
                    f"{path}: {name} has NaN or infinite values; listen to the file, then export it again or leave it "
                    "out"
                )
            clip[name] = _cast(values, dtype)
    return clip


def _cast(values: np.ndarray, dtype: type) -> np.ndarray:
    if dtype != np.float16:
        return values.astype(dtype, copy=False)
    import torch  # 20 times faster than numpy at converting to half precision

    return torch.from_numpy(values).half().numpy()


def try_extract(path: str, configs: Mapping) -> dict | str:
    """Return the result of :func:`extract`, or its error message. Worker processes compute with one torch thread."""
    if set(configs) != {"audio"}:  # audio alone does not need torch
        import torch

        if torch.get_num_threads() != 1:  # true in worker processes only, see spread_over
            torch.set_num_threads(1)
    try:
        return extract(path, configs)
    except AudioError as error:
        return str(error)


def in_order(function: Callable, tasks: Sequence[tuple], workers: int) -> Iterator:
    """Yield the results of ``function(*task)`` in order, computed in parallel by joblib's current backend.

    The default backend is threads. They start immediately and share memory, and decoding, resampling and Fourier
    transforms release the GIL. Tasks are submitted in chunks, so memory use does not depend on their number.
    """
    chunk_size = AHEAD * effective_n_jobs(workers)
    with _start_workers(workers) as run:
        for first in range(0, len(tasks), chunk_size):
            yield from run(function, tasks[first : first + chunk_size])


@contextmanager
def _start_workers(workers: int) -> Iterator[Callable]:
    """Yield a function that runs tasks. All tasks that were started have finished when the block ends."""
    backend, _ = get_active_backend(prefer="threads")
    if not isinstance(backend, ThreadingBackend):
        return_as = "generator" if backend.supports_return_generator else "list"
        with warnings.catch_warnings(), Parallel(workers, return_as=return_as, pre_dispatch="all") as parallel:
            warnings.filterwarnings("ignore", module=r"joblib\.parallel")  # it warns about tasks cancelled by Ctrl-C
            yield lambda function, tasks: parallel(delayed(function)(*task) for task in tasks)
    elif effective_n_jobs(workers) == 1:
        yield starmap
    else:  # joblib's threads outlive Ctrl-C, and a thread still running C++ code at exit aborts the program
        pool = ThreadPoolExecutor(effective_n_jobs(workers))
        try:
            yield lambda function, tasks: pool.map(function, *zip(*tasks, strict=True))
        finally:
            pool.shutdown(cancel_futures=True)


@contextmanager
def spread_over(backend: str | None, scheduler: str | None, configs: Mapping) -> Iterator[None]:
    """Run :func:`in_order` with a joblib backend, and torch in this process with one thread.

    With more threads, workers would compete for the cores, and torch's results could differ in the last bit.
    """
    if backend is not None:
        check_known(backend, ("threading", "loky", "dask"), "a backend", StoreError)
    if scheduler is not None and backend != "dask":
        raise StoreError(f"scheduler {scheduler}: a scheduler needs the backend dask, found {backend}")
    with ExitStack() as stack:
        if set(configs) != {"audio"}:
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
    """Connect to a scheduler, or use the current client without closing it."""
    require("backend dask", "dask", "distributed")
    from distributed import Client, get_client

    try:
        if scheduler is None:
            return nullcontext(get_client())
        return Client(scheduler, timeout=PATIENCE, set_as_default=False)
    except (OSError, ValueError) as error:
        if scheduler is None:
            message = "backend dask: no scheduler; pass its address, such as tcp://host:8786, or "
            raise StoreError(message + "open a dask.distributed.Client first") from error
        raise StoreError(
            f"scheduler {scheduler}: no Dask scheduler answered within {PATIENCE:g} s ({error}); "
            "start one with: dask scheduler"
        ) from error
