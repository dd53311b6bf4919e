"""Measure how well a classifier that was trained on Studio alone recognises the genres of real songs.

::

    python -m benchmarks.studio_transfer gtzan-features.csv

The table contains features of real tracks: mean and variance over 30 s of chroma, RMS, centroid, bandwidth, roll-off,
zero-crossing rate and 20 MFCC, and the tempo, computed by librosa with its default settings, and the column ``label``.
Such a table of GTZAN is widely copied. Its columns for the harmonic and percussive part are not used, so 53 remain.
"""

import argparse
import warnings
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from pathlib import Path

import librosa
import numpy as np
import pandas as pd
from sklearn.base import ClassifierMixin
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import QuantileTransformer, StandardScaler
from sklearn.svm import SVC

from musiclab import studio
from musiclab.metrics import group_interval

MODELS = {
    "SVM": SVC(C=3, gamma=0.5 / 53),
    "logistic regression": LogisticRegression(C=0.02, max_iter=3000),
    "LDA": LinearDiscriminantAnalysis(solver="lsqr", shrinkage=0.4),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("table", type=Path, help="table of real tracks")
    parser.add_argument("--tracks", type=int, default=40, help="number of generated tracks per genre")
    parser.add_argument("--artists", type=int, default=10, help="number of artists per genre")
    parser.add_argument("--seconds", type=float, default=30.0, help="duration of a track")
    parser.add_argument("--workers", type=int, default=2, help="number of processes")
    arguments = parser.parse_args()
    real = pd.read_csv(arguments.table)
    generated = measure_studio(arguments.tracks, arguments.artists, arguments.seconds, arguments.workers)
    names = [name for name in real.columns if name in generated.columns and name != "label"]
    print(f"{len(generated)} generated tracks, {len(real)} real tracks, {len(names)} features\n")
    print(evaluate(generated, real, names).to_string(index=False), "\n")
    print("Largest shifts, generated minus real tracks, in standard deviations of the real ones:")
    shifts = measure_shifts(generated, real, names)
    print(shifts.loc[shifts["all"].abs().nlargest(12).index].round(1).to_string())


def measure_studio(tracks: int, artists: int, seconds: float, workers: int) -> pd.DataFrame:
    """Render tracks of all genres and measure them. Seeds start at 500, so that they are not those of default sets."""
    jobs = [(genre, artists, 500 + track, seconds) for track in range(tracks) for genre in studio.GENRES]
    with ProcessPoolExecutor(workers) as executor:
        return pd.DataFrame(executor.map(_measure_track, jobs, chunksize=4))


def _measure_track(job: tuple[str, int, int, float]) -> dict:
    return {"label": job[0]} | measure(render_track(job))


def render_track(job: tuple[str, int, int, float]) -> np.ndarray:
    """Render a track from its genre, the number of artists of this genre, its seed and its duration in s."""
    genre, artists, seed, seconds = job
    return studio.render(replace(studio.GENRES[genre], artist_count=artists), seed, seconds=seconds).waveform


def measure(waveform: np.ndarray) -> dict[str, float]:
    """Compute the 53 features of a waveform at 22,050 Hz, shape (samples,), with librosa's default settings."""
    magnitude = np.abs(librosa.stft(waveform))
    mel = librosa.power_to_db(librosa.feature.melspectrogram(S=magnitude**2))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # librosa warns of empty frames
        series = {
            "chroma_stft": librosa.feature.chroma_stft(S=magnitude**2),
            "rms": librosa.feature.rms(y=waveform),
            "spectral_centroid": librosa.feature.spectral_centroid(S=magnitude),
            "spectral_bandwidth": librosa.feature.spectral_bandwidth(S=magnitude),
            "rolloff": librosa.feature.spectral_rolloff(S=magnitude),
            "zero_crossing_rate": librosa.feature.zero_crossing_rate(waveform),
        }
    series |= {f"mfcc{index + 1}": row for index, row in enumerate(librosa.feature.mfcc(S=mel, n_mfcc=20))}
    tempo = librosa.feature.tempo(onset_envelope=librosa.onset.onset_strength(S=mel))
    moments = {f"{name}_mean": float(np.mean(values)) for name, values in series.items()}
    moments |= {f"{name}_var": float(np.var(values)) for name, values in series.items()}
    return moments | {"tempo": float(tempo[0])}


def evaluate(generated: pd.DataFrame, real: pd.DataFrame, names: list[str]) -> pd.DataFrame:
    """Train on generated tracks, test on real ones: once as they are, once with each set standardised by itself."""
    train, test = take_logarithms(generated[names]), take_logarithms(real[names])
    scaler = StandardScaler().fit(train)
    scaled = scaler.transform(train)
    ways = {
        "as they are": (scaled, scaler.transform(test)),
        "each standardised": (scaled, StandardScaler().fit_transform(test)),
        "each quantile-normalised": (_quantiles(train), _quantiles(test)),
    }
    rows = []
    for way, (x, x_test) in ways.items():
        for name, model in MODELS.items():
            rows.append({"features": way, "model": name} | _test(model, x, generated["label"], x_test, real["label"]))
    return pd.DataFrame(rows)


def _quantiles(values: np.ndarray) -> np.ndarray:
    """Give every feature a normal distribution, as each domain can do without labels."""
    transform = QuantileTransformer(n_quantiles=min(200, len(values)), output_distribution="normal", random_state=0)
    return transform.fit_transform(values).clip(-3, 3)


def _test(model: ClassifierMixin, x: np.ndarray, labels: pd.Series, x_test: np.ndarray, true: pd.Series) -> dict:
    return score(model.fit(x, labels).predict(x_test), true)


def score(predicted: np.ndarray, true: pd.Series) -> dict:
    """Return the accuracy with its 95 % interval, the number of tracks, and the recalls in percent."""
    correct = predicted == true
    low, high = group_interval(correct.to_numpy(), np.arange(len(correct)))
    recalls = (100 * correct.groupby(true).mean()).round().astype(int)
    percent = f"{100 * correct.mean():.1f} % ({100 * low:.1f} to {100 * high:.1f})"
    return {"accuracy": percent, "n": len(correct), "lowest": int(recalls.min())} | recalls.to_dict()


def take_logarithms(features: pd.DataFrame) -> np.ndarray:
    """Replace features that can't be negative by their logarithms, because their distributions are skewed."""
    values = features.copy()
    for name in values.columns:
        if name.endswith("_var") or not name.startswith(("mfcc", "chroma")):
            values[name] = np.log(values[name].clip(lower=1e-7))
    return values.to_numpy(float)


def measure_shifts(generated: pd.DataFrame, real: pd.DataFrame, names: list[str]) -> pd.DataFrame:
    """Compute how far the mean of each feature (row) lies from that of the real tracks, for each genre and for all."""
    sets = {"all": (generated, real)}
    sets |= {genre: (generated[generated["label"] == genre], rows) for genre, rows in real.groupby("label")}
    columns = {}
    for name, (first, second) in sets.items():
        x, y = take_logarithms(first[names]), take_logarithms(second[names])
        columns[name] = (x.mean(axis=0) - y.mean(axis=0)) / y.std(axis=0)
    return pd.DataFrame(columns, index=names)


if __name__ == "__main__":
    main()
