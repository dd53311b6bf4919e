"""One clip after the other: decode it, compute its features; on one core, on all, or on a cluster."""

import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from pathlib import Path

import numpy as np
from joblib import Parallel, delayed, effective_n_jobs, parallel_config
from joblib.parallel import get_active_backend

from musiclab import features
from musiclab.audio import load_audio, resample, to_int16
from musiclab.core.errors import AudioError, StoreError, did_you_mean

DTYPES = {"audio": np.int16, "logmel": np.float16}
"""Types in a store; float32 for all others. float16 has 11 bits: within 0.001 of any log-mel value up to 4."""

BACKENDS = ("threading", "loky", "dask")
"""Ways to spread the work, by joblib's names: threads, processes, and a Dask cluster."""

PATIENCE = 10.0
"""How long a scheduler may take to answer, in seconds."""

_AHEAD = 3  # tasks for each worker that may be under way or waiting to be taken


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
        The file cannot be decoded, or is too short for one of the features.
    """
    try:
        native, native_rate = load_audio(path, None)
    except OSError as error:
        raise AudioError(f"{path}: expected a sound file that can be read, found {error}") from error
    clip: dict = {"seconds": len(native) / native_rate}
    for rate in sorted({config.sample_rate for config in configs.values()}):
        waveform = resample(native, native_rate, rate)
        here = {name: config for name, config in configs.items() if config.sample_rate == rate and name != "audio"}
        if "audio" in configs and configs["audio"].sample_rate == rate:
            clip["audio"] = to_int16(waveform)
        try:
            computed = features.compute(waveform, here) if here else {}
        except ValueError as error:
            raise AudioError(f"{path}: {error}") from error
        for name, values in computed.items():
            clip[name] = values.astype(DTYPES.get(name, np.float32), copy=False)
    return clip


def extract_block(paths: Sequence[str], configs: Mapping) -> list[dict | str]:
    """What :func:`extract` gives for each of some files, or why it could not."""
    if set(configs) != {"audio"}:  # which needs no torch
        import torch

        if torch.get_num_threads() != 1:  # only in a worker process: in this one, spread_over has seen to it
            torch.set_num_threads(1)
    clips: list[dict | str] = []
    for path in paths:
        try:
            clips.append(extract(path, configs))
        except AudioError as error:
            clips.append(str(error))
    return clips


def in_order(function: Callable, tasks: Sequence[tuple], workers: int) -> Iterator:
    """Results of ``function(*task)``, in order, by joblib: threads unless ``joblib.parallel_config`` says otherwise.

    Decoding, resampling and Fourier transforms let other threads run, and threads are there at once, where processes
    take seconds to start and send everything through a pipe. What is finished never runs far ahead of what was taken:
    memory does not depend on the number of tasks.
    """
    backend, _ = get_active_backend(prefer="threads")
    kind = "generator" if backend.supports_return_generator else "list"
    limit = _AHEAD * effective_n_jobs(workers)
    settings = {"batch_size": 1, "pre_dispatch": "2*n_jobs", "return_as": kind}
    taken = 0

    def tasks_from(start):
        for number in range(start, len(tasks)):
            if number >= taken + limit:  # joblib itself starts tasks as others end, whether or not they are taken
                return
            yield delayed(function)(*tasks[number])

    with Parallel(n_jobs=workers, prefer="threads", **settings) as parallel:
        while taken < len(tasks):
            results = parallel(tasks_from(taken))
            with _ended(results):
                for result in results:
                    yield result
                    taken += 1
                    result = None  # or it would be held until the next one is there


@contextmanager
def _ended(results) -> Iterator[None]:
    """End joblib's tasks with the block; that some are dropped then is what was asked for, and no cause to warn."""
    try:
        yield
    finally:
        if hasattr(results, "close"):
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", UserWarning)
                results.close()


@contextmanager
def spread_over(backend: str | None, scheduler: str | None, configs: Mapping) -> Iterator[None]:
    """Within the block, :func:`in_order` works by ``backend``, and torch in this process by one thread.

    Torch's results can differ in the last bit by the number of threads, and workers would fight for the cores.

    Raises
    ------
    StoreError
        An unknown backend, ``dask`` without its packages, or no scheduler to be found.
    """
    if backend is not None and backend not in BACKENDS:
        raise StoreError(
            f"backend: expected one of {', '.join(BACKENDS)}, found {backend!r}{did_you_mean(backend, BACKENDS)}"
        )
    if scheduler is not None and backend != "dask":
        raise StoreError(f"scheduler {scheduler}: expected the backend dask with it, found {backend}")
    with _one_thread(configs), _dask(scheduler) if backend == "dask" else _plain(backend):
        yield


def _plain(backend: str | None):
    return nullcontext() if backend is None else parallel_config(backend=backend)


@contextmanager
def _dask(scheduler: str | None) -> Iterator[None]:
    try:
        from distributed import Client, get_client
    except ImportError as error:
        raise StoreError(
            f"backend dask: expected the package distributed, found none ({error}); "
            'install it with: pip install "musiclab[dask]"'
        ) from error
    if scheduler is None:
        try:
            get_client()
        except ValueError as error:
            raise StoreError(
                "backend dask: expected a scheduler, found none; give its address, such as tcp://host:8786, "
                "or open a dask.distributed.Client first"
            ) from error
        with parallel_config(backend="dask"):
            yield
        return
    try:
        client = Client(scheduler, timeout=PATIENCE, set_as_default=False)
    except (OSError, ValueError) as error:
        raise StoreError(
            f"scheduler {scheduler}: expected a Dask scheduler to answer within {PATIENCE:g} s, found none ({error}); "
            "start one with: dask scheduler"
        ) from error
    with client, parallel_config(backend="dask", client=client):
        yield


@contextmanager
def _one_thread(configs: Mapping) -> Iterator[None]:
    if set(configs) == {"audio"}:  # which needs no torch
        yield
        return
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)
