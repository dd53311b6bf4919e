"""Random segments out of many clips: one file and one item at a time, against a batch a call from a store."""

import tempfile
from itertools import count
from pathlib import Path

import h5py
import numpy as np
import torch
from torch.utils.data import DataLoader, Dataset

from benchmarks._timing import rates
from musiclab.audio import save_audio
from musiclab.datasets import AudioFolder
from musiclab.store import Store, prepare
from musiclab.store.segments import Segments
from musiclab.umtn.mulaw import encode

CLIPS, SECONDS, SAMPLE_RATE = 128, 30, 22050
SAMPLES = 12_000  # of a segment: UMTN's seq_len
FRAMES, BANDS = 128, 128  # of a segment for the four-layer CNN
AUDIO_BATCH, LOGMEL_BATCH = 32, 64


def run(rounds: int = 5) -> list[dict]:
    """Rows for ``python -m benchmarks``."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        clips = write_clips(folder / "clips")
        sizes = {}
        for features in (("audio",), ("logmel",), ("audio", "logmel")):
            path = folder / f"{'-'.join(features)}.h5"
            prepare(AudioFolder(folder / "clips"), path, features=features, progress=False)
            sizes[" and ".join(features)] = path.stat().st_size
        with Store(folder / "audio-logmel.h5") as store:
            rows = [mu_law_row(store, folder / "wav", rounds), *logmel_rows(store, folder / "npy", rounds)]
    return rows + [size_row(kind, size, clips) for kind, size in sizes.items()]


def write_clips(folder: Path) -> int:
    """Noise, as wav files of two labels; what it sounds like does not matter here. Returns the samples in all."""
    rng = np.random.default_rng(0)
    for clip in range(CLIPS):
        waveform = rng.uniform(-1, 1, SECONDS * SAMPLE_RATE).astype(np.float32)
        save_audio(folder / ("even", "odd")[clip % 2] / f"{clip}.wav", waveform, SAMPLE_RATE)
    return CLIPS * SECONDS * SAMPLE_RATE


# 12,000 samples, mu-law encoded


def mu_law_row(store: Store, folder: Path, rounds: int) -> dict:
    """UMTN's way: a file a clip, which is opened for each segment, and the formula."""
    folder.mkdir()
    paths = [folder / f"{clip}.h5" for clip in range(len(store))]
    for clip, path in enumerate(paths):
        with h5py.File(path, "w") as file:
            file["wav"] = store.read("audio", clip)
    rng = np.random.default_rng(0)
    segments = Segments.of_store(store, "audio", length=SAMPLES)
    loader = loader_of(segments, AUDIO_BATCH)
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
        return sum(len(encoded(batch)) for batch, _ in epochs_of(loader, segments, epochs, 16))

    def look_up_alone():
        return sum(len(encode(piece)) for piece in raw)

    def copy_alone():
        return sum(len(piece.copy()) for piece in raw)

    found = rates(rounds, peer=peer, ours=ours, look_up=look_up_alone, copy=copy_alone)
    return {
        "work": f"random segments of {SAMPLES:,} samples out of HDF5, mu-law encoded",
        "peer": found["peer"],
        "ours": found["ours"],
        "ratio": found["ours"] / found["peer"],
        "goal": 15,
        "unit": "segments/s",
        "bound": f"the table: looking samples up, without choosing any, makes {found['look_up']:,.0f}/s, of which this "
        f"is {found['ours'] / found['look_up']:.0%}; a plain copy of the int16 samples makes {found['copy']:,.0f}/s",
    }


def encoded(batch: torch.Tensor) -> np.ndarray:
    """mu-law codes of waveforms in [-1, 1) that were int16: uint8, shape (batch, samples)."""
    return encode((batch * 32768).short().numpy())


# Log-mel pictures, shuffled


class NpyFiles(Dataset):
    """The usual way: a file a clip, which is loaded for each segment."""

    def __init__(self, paths, labels):
        self.paths, self.labels, self.rng = paths, labels, np.random.default_rng(0)

    def __len__(self):
        return len(self.paths)

    def __getitem__(self, item):
        picture = np.load(self.paths[item])
        start = self.rng.integers(picture.shape[1] - FRAMES + 1)
        return torch.from_numpy(picture[:, start : start + FRAMES]), self.labels[item]


def logmel_rows(store: Store, folder: Path, rounds: int) -> list[dict]:
    """Batches of the CNN's input, from memory and mapped from the file."""
    folder.mkdir()
    paths = [folder / f"{clip}.npy" for clip in range(len(store))]
    for clip, path in enumerate(paths):
        np.save(path, np.ascontiguousarray(store.read("logmel", clip), dtype=np.float32))
    files = DataLoader(NpyFiles(paths, store.labels), batch_size=LOGMEL_BATCH, shuffle=True)
    mapped = Segments.of_store(store, "logmel", length=FRAMES)
    memory = Segments(np.array(store.values("logmel")), store.offsets("logmel"), store.labels, length=FRAMES)
    epochs = count()
    pieces = memory.values.split(LOGMEL_BATCH * FRAMES)[:-1]  # each as many values as a batch

    def ours(segments):
        loader = loader_of(segments, LOGMEL_BATCH)
        return lambda: sum(len(batch) for batch, _ in epochs_of(loader, segments, epochs, 16))

    def convert_alone():
        return sum(len(piece.float()) for piece in pieces) / FRAMES

    found = rates(
        rounds,
        peer=lambda: sum(len(batch) for _ in range(4) for batch, _ in files),
        memory=ours(memory),
        mapped=ours(mapped),
        convert=convert_alone,
    )
    work = f"shuffled batches of {LOGMEL_BATCH} log-mel segments ({BANDS} x {FRAMES})"
    bounds = {
        "memory": "memory bandwidth: converting as many float16 values to float32, without choosing any,",
        "mapped": "the system's cache, and how fast the disk fills it at first; converting the values",
    }
    return [
        {
            "work": f"{work}, store in memory" if where == "memory" else f"{work}, store mapped from disk",
            "peer": found["peer"],
            "ours": found[where],
            "ratio": found[where] / found["peer"],
            "goal": 10 if where == "memory" else None,
            "unit": "segments/s",
            "bound": f"{bound} makes {found['convert']:,.0f}/s, of which this is {found[where] / found['convert']:.0%}",
        }
        for where, bound in bounds.items()
    ]


# Both


def loader_of(segments: Segments, batch_size: int) -> DataLoader:
    """A loader that asks for whole batches, as a training's does."""
    return DataLoader(segments, batch_size=batch_size, shuffle=True, collate_fn=as_given)


def epochs_of(loader: DataLoader, segments: Segments, epochs, how_many: int):
    """The batches of the next epochs, each of other segments in another order."""
    for _ in range(how_many):
        segments.set_epoch(next(epochs))
        yield from loader


def as_given(batch):
    """Segments gives whole batches."""
    return batch


def size_row(kind: str, size: int, samples: int) -> dict:
    """Bytes of a store against raw 16-bit audio."""
    raw = 2 * samples
    return {
        "work": f"bytes on disk of a store of {kind}, against raw 16-bit audio",
        "peer": raw / 1e6,
        "ours": size / 1e6,
        "ratio": raw / size,
        "goal": None,
        "unit": "MB",
        "bound": f"{size / raw - 1:+.1%}",
    }
