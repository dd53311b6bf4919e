"""Compare how fast random segments are read: ``python -m benchmarks reading``.

The baselines open one file and cut one segment at a time. Ours cuts a whole batch from a store in one call.
"""

import tempfile
from itertools import count
from pathlib import Path

import h5py
import numpy as np
import torch
from torch.utils.data import DataLoader, Dataset

from benchmarks._timing import measure_rates
from musiclab.audio import save_audio
from musiclab.datasets import AudioFolder
from musiclab.store import Store, prepare
from musiclab.store.segments import Segments
from musiclab.umtn.mulaw import encode

CLIPS, SECONDS, SAMPLE_RATE = 128, 30, 22050
SAMPLES = 12_000  # per audio segment, as UMTN's seq_len
FRAMES, BANDS = 128, 128  # of a log-mel segment, as the four-layer CNN expects
AUDIO_BATCH, LOGMEL_BATCH = 32, 64


def run(rounds: int = 5) -> list[dict]:
    """Measure the reading speed and the size of stores with generated clips."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        samples = write_clips(folder / "clips")
        sizes = {}
        for features in (("audio",), ("logmel",), ("audio", "logmel")):
            path = folder / f"{'-'.join(features)}.h5"
            prepare(AudioFolder(folder / "clips"), path, features=features, progress=False)
            sizes[" and ".join(features)] = path.stat().st_size
        with Store(folder / "audio-logmel.h5") as store:
            rows = [measure_audio(store, folder / "wav", rounds), *measure_log_mel(store, folder / "npy", rounds)]
    return rows + [compare_size(features, size, samples) for features, size in sizes.items()]


def write_clips(folder: Path) -> int:
    """Write noise as wav files with two labels. Return the total number of samples."""
    rng = np.random.default_rng(0)
    for clip in range(CLIPS):
        waveform = rng.uniform(-1, 1, SECONDS * SAMPLE_RATE).astype(np.float32)
        save_audio(folder / ("even", "odd")[clip % 2] / f"{clip}.wav", waveform, SAMPLE_RATE)
    return CLIPS * SECONDS * SAMPLE_RATE


# Audio segments, mu-law encoded


def measure_audio(store: Store, folder: Path, rounds: int) -> dict:
    """Compare with UMTN's method, which opens a file for each segment and evaluates the mu-law formula."""
    folder.mkdir()
    paths = [folder / f"{clip}.h5" for clip in range(len(store))]
    for clip, path in enumerate(paths):
        with h5py.File(path, "w") as file:
            file["wav"] = store.read("audio", clip)
    rng = np.random.default_rng(0)
    segments = Segments.of_store(store, "audio", length=SAMPLES)
    loader = make_loader(segments, AUDIO_BATCH)
    epochs = count()
    raw = segments.values.numpy()[: CLIPS * SAMPLES * 16].reshape(-1, AUDIO_BATCH, SAMPLES)

    def peer():
        for _ in range(512):
            with h5py.File(paths[rng.integers(len(paths))], "r") as file:
                wav = file["wav"]
                start = rng.integers(len(wav) - SAMPLES + 1)
                waveform = wav[start : start + SAMPLES] / 32768
            codes = np.sign(waveform) * np.log(1 + 255 * np.abs(waveform)) / np.log(256)
            torch.from_numpy(((codes + 1) / 2 * 255).astype(np.uint8))
        return 512

    def ours():
        return sum(len(encode_batch(batch)) for batch, _ in iterate_epochs(loader, segments, epochs, 16))

    def look_up_only():
        return sum(len(encode(batch)) for batch in raw)

    def copy_only():
        return sum(len(batch.copy()) for batch in raw)

    rates = measure_rates(rounds, peer=peer, ours=ours, look_up=look_up_only, copy=copy_only)
    return {
        "work": f"random segments of {SAMPLES:,} samples from HDF5, mu-law encoded",
        "peer": rates["peer"],
        "ours": rates["ours"],
        "ratio": rates["ours"] / rates["peer"],
        "goal": 15,
        "unit": "segments/s",
        "bound": f"table look-up without cutting segments: {rates['look_up']:,.0f}/s; "
        f"ours: {rates['ours'] / rates['look_up']:.0%}; copying the int16 samples: {rates['copy']:,.0f}/s",
    }


def encode_batch(batch: torch.Tensor) -> np.ndarray:
    """Convert waveforms in [-1, 1) to int16 and mu-law encode them: uint8, shape (batch, samples)."""
    return encode((batch * 32768).short().numpy())


# Log-mel segments, shuffled


class NpyFiles(Dataset):
    """Load the .npy file of a clip for each segment, as tutorials do."""

    def __init__(self, paths, labels):
        self.paths, self.labels, self.rng = paths, labels, np.random.default_rng(0)

    def __len__(self):
        return len(self.paths)

    def __getitem__(self, clip):
        log_mel = np.load(self.paths[clip])
        start = self.rng.integers(log_mel.shape[1] - FRAMES + 1)
        return torch.from_numpy(log_mel[:, start : start + FRAMES]), self.labels[clip]


def measure_log_mel(store: Store, folder: Path, rounds: int) -> list[dict]:
    """Compare a store in memory and a memory-mapped store with .npy files."""
    folder.mkdir()
    paths = [folder / f"{clip}.npy" for clip in range(len(store))]
    for clip, path in enumerate(paths):
        np.save(path, np.ascontiguousarray(store.read("logmel", clip), dtype=np.float32))
    files = DataLoader(NpyFiles(paths, store.labels), batch_size=LOGMEL_BATCH, shuffle=True)
    mapped = Segments.of_store(store, "logmel", length=FRAMES)
    memory = Segments(np.array(store.values("logmel")), store.offsets("logmel"), store.labels, length=FRAMES)
    epochs = count()
    batches = memory.values.split(LOGMEL_BATCH * FRAMES)[:-1]  # without the last, which may be smaller

    def ours(segments):
        loader = make_loader(segments, LOGMEL_BATCH)
        return lambda: sum(len(batch) for batch, _ in iterate_epochs(loader, segments, epochs, 16))

    def convert_only():
        return sum(len(batch.float()) for batch in batches) / FRAMES

    rates = measure_rates(
        rounds,
        peer=lambda: sum(len(batch) for _ in range(4) for batch, _ in files),
        memory=ours(memory),
        mapped=ours(mapped),
        convert=convert_only,
    )
    work = f"shuffled batches of {LOGMEL_BATCH} log-mel segments ({BANDS} x {FRAMES})"
    bounds = {"memory": "memory bandwidth", "mapped": "page cache, and disk speed in the first epoch"}
    return [
        {
            "work": f"{work}, store in memory" if location == "memory" else f"{work}, store memory-mapped",
            "peer": rates["peer"],
            "ours": rates[location],
            "ratio": rates[location] / rates["peer"],
            "goal": 10 if location == "memory" else None,
            "unit": "segments/s",
            "bound": f"{bound}; converting float16 to float32 without cutting segments: {rates['convert']:,.0f}/s; "
            f"ours: {rates[location] / rates['convert']:.0%}",
        }
        for location, bound in bounds.items()
    ]


# Helpers


def make_loader(segments: Segments, batch_size: int) -> DataLoader:
    """Make a loader that requests whole batches, as in training."""
    return DataLoader(segments, batch_size=batch_size, shuffle=True, collate_fn=keep_batch)


def iterate_epochs(loader: DataLoader, segments: Segments, epochs, n_epochs: int):
    """Yield the batches of the next ``n_epochs`` epochs."""
    for _ in range(n_epochs):
        segments.set_epoch(next(epochs))
        yield from loader


def keep_batch(batch):
    return batch  # Segments already returns whole batches


def compare_size(features: str, size: int, samples: int) -> dict:
    """Compare the size of a store in bytes with that of raw 16-bit audio."""
    raw = 2 * samples
    return {
        "work": f"store of {features} on disk, vs. raw 16-bit audio",
        "peer": raw / 1e6,
        "ours": size / 1e6,
        "ratio": raw / size,
        "goal": None,
        "unit": "MB",
        "bound": f"{size / raw - 1:+.1%}",
    }
