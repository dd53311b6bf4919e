"""How fast sound files become features, beside other ways to do it: ``python -m benchmarks features``.

All read the same 20 wav files of 30 s at 22,050 Hz, at equal settings. The peers are the loop that people copy
(``librosa.load`` and librosa's own calls, one file after the other, with as many threads as its libraries take), the
same in one process a core, and torchaudio's transforms in one process a core. Ours is what ``prepare`` does, in one
thread a core. The floor is what nothing based on Fourier transforms of these frames can beat: decoding, and one real
transform by torch, on all cores without any loss.
"""

import tempfile
from functools import cache
from pathlib import Path

import librosa
import numpy as np
import soundfile
import torch
from joblib import Parallel, cpu_count, delayed

from benchmarks._timing import rates
from musiclab import studio
from musiclab.audio import load_audio, save_audio
from musiclab.features import MelConfig, SequenceConfig, SummaryConfig
from musiclab.features.torchaudio import load_torchaudio
from musiclab.store.extraction import extract, in_order, spread_over, try_extract

CLIPS, SECONDS, RATE = 20, 30.0, 22050
REPEATS = 5  # of all clips by ours, so that it takes about as long as the peers


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


@cache
def mel_transform() -> torch.nn.Module:
    """Torchaudio's log-mel at librosa's settings, made once in each process."""
    torch.set_num_threads(1)  # there is a process a core
    transforms = load_torchaudio().transforms
    settings = {"n_fft": 2048, "hop_length": 512, "n_mels": 128, "pad_mode": "constant", "norm": "slaney"}
    mel = transforms.MelSpectrogram(RATE, **settings, mel_scale="slaney")
    return torch.nn.Sequential(mel, transforms.AmplitudeToDB())


@torch.inference_mode()
def torchaudio_loop(path: Path) -> np.ndarray:
    """The same log-mel by torchaudio's transforms; soundfile decodes, which is what torchaudio did for wav files."""
    waveform, _ = soundfile.read(path, dtype="float32")
    return mel_transform()(torch.from_numpy(waveform)).numpy()


WORKS = {  # ours, and each peer with the ratio that is wanted
    "log-mel, 128 bands": (
        {"logmel": MelConfig(n_fft=2048, power=2.0, scaling="decibel")},
        log_mel_loop,
        {"librosa's loop": 6, "librosa in processes": 4, "torchaudio in processes": 2.5},
    ),
    "summary, 26 numbers": (
        {"summary": SummaryConfig()},
        summary_loop,
        {"librosa's loop": 13, "librosa in processes": 8},
    ),
    "sequence, 33 numbers a frame": (
        {"sequence": SequenceConfig()},
        sequence_loop,
        {"librosa's loop": 9, "librosa in processes": 6},
    ),
}


def run(rounds: int = 5) -> list[dict]:
    """Measure all, peers and ours in turns; ``difference`` is the largest between ours and librosa's values.

    It is relative to the largest value of its row, or to 1 where that is less.
    """
    with tempfile.TemporaryDirectory() as folder, Parallel(cpu_count(), backend="loky", batch_size=5) as pool:
        paths = [Path(folder) / f"{number:02}.wav" for number in range(CLIPS)]
        for number, path in enumerate(paths):
            genre = list(studio.GENRES)[number % len(studio.GENRES)]
            save_audio(path, studio.render(genre, number, seconds=SECONDS).waveform, RATE)
        return [row for name in WORKS for row in rows_of(name, paths, pool, rounds)]


def rows_of(name: str, paths: list[Path], pool: Parallel, rounds: int) -> list[dict]:
    """One feature: a row for each peer."""
    configs, loop, goals = WORKS[name]
    tasks = [(str(path), configs) for path in paths] * REPEATS

    def ours() -> int:
        with spread_over(None, None, configs):
            return sum(1 for _ in in_order(try_extract, tasks, cpu_count()))

    works = {
        "librosa's loop": lambda: len([loop(path) for path in paths]),
        "librosa in processes": lambda: len(pool(delayed(loop)(path) for path in paths)),
        "torchaudio in processes": lambda: len(pool(delayed(torchaudio_loop)(path) for path in paths)),
    }
    found = rates(rounds, **{peer: works[peer] for peer in goals}, ours=ours)
    (values,) = (extract(paths[0], configs)[feature] for feature in configs)
    reference = loop(paths[0])
    difference = np.abs(values - reference) / np.abs(reference).max(axis=1, keepdims=True).clip(1)
    floor = floor_rate(paths[0], exact=any(config.exact for config in configs.values()), rounds=rounds)
    bound = f"decoding and one Fourier transform: {floor:,.0f} clips/s, of which ours is {found['ours'] / floor:.0%}"
    return [
        {
            "work": f"{name}, beside {peer}",
            "peer": found[peer],
            "ours": found["ours"],
            "ratio": found["ours"] / found[peer],
            "goal": goal,
            "unit": "clips/s",
            "bound": bound if peer == "librosa's loop" else "",
            "difference": float(f"{difference.max():.1e}"),
        }
        for peer, goal in goals.items()
    ]


def floor_rate(path: Path, exact: bool, rounds: int) -> float:
    """Clips a second if every core only decoded, and transformed each frame once; ``exact`` in double precision."""
    waveform, _ = load_audio(path, RATE)
    frames = torch.from_numpy(waveform).to(torch.float64 if exact else torch.float32).unfold(-1, 2048, 512)
    blocks = frames.contiguous().split(128)
    threads = torch.get_num_threads()
    torch.set_num_threads(1)

    def decode() -> int:
        return len([load_audio(path, RATE) for _ in range(CLIPS)])

    def transform() -> int:
        for _ in range(CLIPS):
            for block in blocks:
                torch.fft.rfft(block)
        return CLIPS

    found = rates(rounds, decode=decode, transform=transform)
    torch.set_num_threads(threads)
    return cpu_count() / (1 / found["decode"] + 1 / found["transform"])


if __name__ == "__main__":
    from benchmarks.__main__ import table

    print(table(run()))
