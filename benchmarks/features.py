"""How fast sound files become features, beside the loop that people copy: ``python -m benchmarks features``.

Both read the same 20 wav files of 30 s at 22,050 Hz. The peer is ``librosa.load`` and librosa's own calls in one
process, with as many threads as its libraries take; ours is what ``prepare`` does: ``load_audio`` and
``features.compute`` in one worker a core.
"""

import statistics
import tempfile
import time
from pathlib import Path

import librosa
import numpy as np
import torch
from joblib import Parallel, cpu_count, delayed

from musiclab import studio
from musiclab.audio import load_audio, save_audio
from musiclab.features import MelConfig, SequenceConfig, SummaryConfig, compute

CLIPS, SECONDS, RATE = 20, 30.0, 22050
GOALS = {
    "log-mel, 128 bands": 4,
    "summary, 26 numbers": 10,
    "sequence, 33 numbers a frame": 7,
}
CONFIGS = {
    "log-mel, 128 bands": {"logmel": MelConfig(n_fft=2048, power=2.0, scaling="decibel")},
    "summary, 26 numbers": {"summary": SummaryConfig()},
    "sequence, 33 numbers a frame": {"sequence": SequenceConfig()},
}


def log_mel_loop(path: Path) -> np.ndarray:
    """A log-mel as every introduction has it, with librosa's settings; only the 80 dB floor is left out."""
    y, sr = librosa.load(path)
    mel = librosa.feature.melspectrogram(y=y, sr=sr, n_mels=128)
    return librosa.power_to_db(mel, top_db=None)


def summary_loop(path: Path) -> np.ndarray:
    """The 26 numbers of the genre tutorial: one call a feature, each with a transform of its own."""
    y, sr = librosa.load(path)
    rows = [
        librosa.feature.chroma_stft(y=y, sr=sr).mean(axis=0, keepdims=True),
        librosa.feature.rms(y=y),
        librosa.feature.spectral_centroid(y=y, sr=sr),
        librosa.feature.spectral_bandwidth(y=y, sr=sr),
        librosa.feature.spectral_rolloff(y=y, sr=sr),
        librosa.feature.zero_crossing_rate(y),
        librosa.feature.mfcc(y=y, sr=sr),
    ]
    return np.concatenate(rows).mean(axis=1, keepdims=True)


def sequence_loop(path: Path) -> np.ndarray:
    """The 33 numbers a frame of the LSTM."""
    y, sr = librosa.load(path)
    rows = [
        librosa.feature.mfcc(y=y, sr=sr, hop_length=512, n_mfcc=13),
        librosa.feature.spectral_centroid(y=y, sr=sr, hop_length=512),
        librosa.feature.chroma_stft(y=y, sr=sr, hop_length=512),
        librosa.feature.spectral_contrast(y=y, sr=sr, hop_length=512),
    ]
    return np.concatenate(rows)


LOOPS = dict(zip(GOALS, (log_mel_loop, summary_loop, sequence_loop), strict=True))


def extract(path: Path, configs: dict) -> np.ndarray:
    """One clip by ours, on one core."""
    torch.set_num_threads(1)  # of this worker: there is one a core
    waveform, _ = load_audio(path, RATE)
    (values,) = compute(waveform, configs).values()
    return values


def seconds_of(work) -> float:
    """Seconds that a function takes, the second time: threads of what ran before may spin for 0.2 s at first."""
    work()
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def processor_time(work, paths: list[Path]) -> float:
    """Milliseconds of processor time, of all threads, that a clip takes: what others do meanwhile hardly shows."""
    for path in paths:  # as above
        work(path)
    started = time.process_time()
    for path in paths:
        work(path)
    return 1000 * (time.process_time() - started) / len(paths)


def run(rounds: int = 5, backends: tuple[str, ...] = ("threading",)) -> list[dict]:
    """Measure all, peer and ours in turns.

    Parameters
    ----------
    rounds
        Each figure is the median of so many.
    backends
        joblib's, for ours: ``"threading"``, ``"loky"`` (processes).

    Returns
    -------
    list of dict
        ``work``, ``peer`` and ``ours`` (clips a second), ``ratio``, ``goal``, ``unit``, ``bound`` (what bounds ours),
        and ``difference`` (largest one between the two, relative to the largest value of its row, or
        to 1 where that is less).
    """
    rows, threads = [], torch.get_num_threads()
    with tempfile.TemporaryDirectory() as folder:
        paths = [Path(folder) / f"{number:02}.wav" for number in range(CLIPS)]
        for number, path in enumerate(paths):
            genre = list(studio.GENRES)[number % len(studio.GENRES)]
            save_audio(path, studio.render(genre, number, seconds=SECONDS).waveform, RATE)
        for work, goal in GOALS.items():
            for backend in backends:
                with Parallel(n_jobs=cpu_count(), backend=backend, batch_size=5) as pool:
                    rows.append({"work": work, **_measure(paths, work, pool, rounds, threads), "goal": goal})
                    rows[-1]["work"] += f", {cpu_count()} {'threads' if backend == 'threading' else 'processes'}"
    torch.set_num_threads(threads)
    return rows


def _measure(paths: list[Path], work: str, pool: Parallel, rounds: int, threads: int) -> dict:
    loop, configs = LOOPS[work], CONFIGS[work]
    for path in paths[:2]:  # what is built once, compiled or started stays out of the figure
        reference, values = loop(path), extract(path, configs)
    pool(delayed(extract)(path, configs) for path in paths[:4])
    difference = np.abs(values - reference) / np.abs(reference).max(axis=1, keepdims=True).clip(1)
    torch.set_num_threads(threads)  # extract, above, has changed it in this thread
    peer, ours = [], []
    for _ in range(rounds):
        peer.append(len(paths) / seconds_of(lambda: [loop(path) for path in paths]))
        ours.append(len(paths) / seconds_of(lambda: pool(delayed(extract)(path, configs) for path in paths)))
    cores = cpu_count()
    theirs = processor_time(loop, paths)
    whole = processor_time(lambda path: extract(path, configs), paths)
    decoding = processor_time(lambda path: load_audio(path, RATE), paths)
    return {
        "peer": round(statistics.median(peer), 1),
        "ours": round(statistics.median(ours), 1),
        "ratio": round(statistics.median(ours) / statistics.median(peer), 2),
        "unit": "clips/s",
        "bound": f"the processor: {whole:.1f} ms a clip, {decoding:.1f} of them decoding, where the peer takes "
        f"{theirs:.0f}; {cores} idle cores: {1000 * cores / whole:.0f} clips/s, {cores * theirs / whole:.1f} times it",
        "difference": float(f"{difference.max():.1e}"),
    }


if __name__ == "__main__":
    from benchmarks.__main__ import table

    print(table(run(backends=("threading", "loky"))))
