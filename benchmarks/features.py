"""Compare how fast sound files become features: ``python -m benchmarks features``.

All methods read the same 20 wav files (30 s at 22,050 Hz) and use the same settings:

- *librosa in a loop*: the code people usually copy, ``librosa.load`` and one librosa call per feature, file by file.
- *in parallel processes*: the same code, or torchaudio's transforms, in one process per core.
- *ours*: what ``prepare`` does, with one thread per core.

No method based on Fourier transforms of these frames can be faster than the bound: decoding plus one real FFT per
frame with torch, on all cores without any loss.
"""

import tempfile
from functools import cache
from pathlib import Path

import librosa
import numpy as np
import soundfile
import torch
from joblib import Parallel, cpu_count, delayed

from benchmarks._timing import measure_rates
from musiclab import studio
from musiclab.audio import load_audio, save_audio
from musiclab.features import MelConfig, SequenceConfig, SummaryConfig
from musiclab.features.torchaudio import load_torchaudio
from musiclab.store.extraction import extract, in_order, spread_over, try_extract

CLIPS, SECONDS, RATE = 20, 30.0, 22050
REPEATS = 5  # passes over the clips in one round of ours, so that a round takes about as long as a baseline's


def log_mel_loop(path: Path) -> np.ndarray:
    """Compute a log-mel spectrogram the way introductions do, but without librosa's 80 dB floor."""
    y, sr = librosa.load(path)
    mel = librosa.feature.melspectrogram(y=y, sr=sr, n_mels=128)
    return librosa.power_to_db(mel, top_db=None)


def summary_loop(path: Path) -> np.ndarray:
    """Compute the 26 features of the genre tutorial. Each call computes its own Fourier transform."""
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
    """Compute the LSTM's 33 features per frame."""
    y, sr = librosa.load(path)
    rows = [
        librosa.feature.mfcc(y=y, sr=sr, hop_length=512, n_mfcc=13),
        librosa.feature.spectral_centroid(y=y, sr=sr, hop_length=512),
        librosa.feature.chroma_stft(y=y, sr=sr, hop_length=512),
        librosa.feature.spectral_contrast(y=y, sr=sr, hop_length=512),
    ]
    return np.concatenate(rows)


@cache
def build_mel_transform() -> torch.nn.Module:
    """Build torchaudio's log-mel transform with librosa's settings, once per process."""
    torch.set_num_threads(1)  # every core has its own process
    transforms = load_torchaudio().transforms
    settings = {"n_fft": 2048, "hop_length": 512, "n_mels": 128, "pad_mode": "constant", "norm": "slaney"}
    mel = transforms.MelSpectrogram(RATE, **settings, mel_scale="slaney")
    return torch.nn.Sequential(mel, transforms.AmplitudeToDB())


@torch.inference_mode()
def torchaudio_loop(path: Path) -> np.ndarray:
    """Compute the same log-mel spectrogram with torchaudio. soundfile decodes, as it did in torchaudio."""
    waveform, _ = soundfile.read(path, dtype="float32")
    return build_mel_transform()(torch.from_numpy(waveform)).numpy()


FEATURES = {  # our configs, the librosa function, and the ratio that we aim for over each baseline
    "log-mel, 128 bands": (
        {"logmel": MelConfig(n_fft=2048, power=2.0, scaling="decibel")},
        log_mel_loop,
        {"librosa in a loop": 6, "librosa in parallel processes": 4, "torchaudio in parallel processes": 2.5},
    ),
    "summary, 26 features": (
        {"summary": SummaryConfig()},
        summary_loop,
        {"librosa in a loop": 13, "librosa in parallel processes": 8},
    ),
    "sequence, 33 features per frame": (
        {"sequence": SequenceConfig()},
        sequence_loop,
        {"librosa in a loop": 9, "librosa in parallel processes": 6},
    ),
}


def run(rounds: int = 5) -> list[dict]:
    """Measure every feature against its baselines.

    ``difference`` in a row is the largest difference between our values and librosa's, relative to the largest
    absolute value of that feature in the clip (at least 1).
    """
    with tempfile.TemporaryDirectory() as folder, Parallel(cpu_count(), backend="loky", batch_size=5) as pool:
        paths = [Path(folder) / f"{clip:02}.wav" for clip in range(CLIPS)]
        for clip, path in enumerate(paths):
            genre = list(studio.GENRES)[clip % len(studio.GENRES)]
            save_audio(path, studio.render(genre, clip, seconds=SECONDS).waveform, RATE)
        return [row for name in FEATURES for row in measure_feature(name, paths, pool, rounds)]


def measure_feature(name: str, paths: list[Path], pool: Parallel, rounds: int) -> list[dict]:
    """Measure one feature and return a row for each baseline."""
    configs, loop, goals = FEATURES[name]
    tasks = [(str(path), configs) for path in paths] * REPEATS

    def ours() -> int:
        with spread_over(None, None, configs):
            return sum(1 for _ in in_order(try_extract, tasks, cpu_count()))

    baselines = {
        "librosa in a loop": lambda: len([loop(path) for path in paths]),
        "librosa in parallel processes": lambda: len(pool(delayed(loop)(path) for path in paths)),
        "torchaudio in parallel processes": lambda: len(pool(delayed(torchaudio_loop)(path) for path in paths)),
    }
    rates = measure_rates(rounds, **{baseline: baselines[baseline] for baseline in goals}, ours=ours)
    (values,) = (extract(paths[0], configs)[feature] for feature in configs)
    reference = loop(paths[0])
    difference = np.abs(values - reference) / np.abs(reference).max(axis=1, keepdims=True).clip(1)
    limit = measure_limit(paths[0], exact=any(config.exact for config in configs.values()), rounds=rounds)
    bound = f"decoding and one Fourier transform per frame: {limit:,.0f} clips/s; ours: {rates['ours'] / limit:.0%}"
    return [
        {
            "work": f"{name}, vs. {baseline}",
            "peer": rates[baseline],
            "ours": rates["ours"],
            "ratio": rates["ours"] / rates[baseline],
            "goal": goal,
            "unit": "clips/s",
            "bound": bound if baseline == "librosa in a loop" else "",
            "difference": float(f"{difference.max():.1e}"),
        }
        for baseline, goal in goals.items()
    ]


def measure_limit(path: Path, exact: bool, rounds: int) -> float:
    """Measure the clips per second that all cores could decode and Fourier transform, in float64 if ``exact``."""
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

    rates = measure_rates(rounds, decode=decode, transform=transform)
    torch.set_num_threads(threads)
    return cpu_count() / (1 / rates["decode"] + 1 / rates["transform"])


if __name__ == "__main__":
    from benchmarks.__main__ import format_table

    print(format_table(run()))
