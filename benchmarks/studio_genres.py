"""Train the genre classifier that comes with musiclab on generated music alone, and test it on a table of real songs.

::

    python -m benchmarks.studio_genres gtzan-features.csv --out build/genres

The table is that of ``benchmarks.studio_transfer``. It has 50 of the 128 numbers of a full summary. The network sees 47
of them, without the three that depend on the volume: the weights of the others are 0. It is trained on generated music.
Then the input is standardised by the mean and the standard deviation of the real songs instead, without their labels.
The labels are only for the test.
"""

import argparse
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import numpy as np
import pandas as pd
import torch

from benchmarks.studio_transfer import render_track, score
from musiclab import features, models, studio
from musiclab.features import SummaryConfig
from musiclab.runs import Run, RunSettings

SUMMARY = SummaryConfig(kind="full")
SCALARS = {"rms": "rms", "centroid": "spectral_centroid", "bandwidth": "spectral_bandwidth", "rolloff": "rolloff"}
SCALARS |= {"zero_crossing_rate": "zero_crossing_rate"} | {f"mfcc_{i}": f"mfcc{i + 1}" for i in range(20)}
EPOCHS, NOISE = 150, 0.5  # the noise is in standard deviations of a feature
VOLUME = ("mfcc_0_mean", "rms_mean", "rms_deviation")
SEEDS_FROM = 10_000  # the default data sets have seeds below 1,000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("table", type=Path, help="table of real tracks")
    parser.add_argument("--out", type=Path, required=True, help="run folder to write")
    parser.add_argument("--artists", type=int, default=100, help="number of artists per genre, each with one track")
    parser.add_argument("--seconds", type=float, default=30.0, help="duration of a track")
    parser.add_argument("--networks", type=int, default=5, help="number of networks trained, to show the spread")
    parser.add_argument("--workers", type=int, default=2, help="number of processes")
    arguments = parser.parse_args()
    real = pd.read_csv(arguments.table)
    cache = arguments.out.with_suffix(".npz")
    if not cache.exists():
        cache.parent.mkdir(parents=True, exist_ok=True)
        np.savez(cache, values=measure_studio(arguments.artists, arguments.seconds, arguments.workers))
    generated = np.load(cache)["values"]
    labels = np.repeat(np.arange(len(studio.GENRES)), arguments.artists)
    fitted = [fit(generated, labels, seed) for seed in range(arguments.networks)]
    for seed, model in enumerate(fitted):
        print(f"network {seed}: {describe(model, real)}")
        adapt(model, real)
        print(f"  standardised: {describe(model, real)}")
    data = {"name": f"studio {studio.VERSION}", "generated": True, "licence": "CC0 1.0"}
    settings = RunSettings("mlp", fitted[0].sizes, list(studio.GENRES), "summary", SUMMARY.to_dict(), data)
    Run(settings, fitted[0]).save(arguments.out)


def measure_studio(artists: int, seconds: float, workers: int) -> np.ndarray:
    """Render one track by each artist and compute the full summaries, shape (genres * artists, 128)."""
    jobs = [(genre, artists, SEEDS_FROM + index, seconds) for genre in studio.GENRES for index in range(artists)]
    with ProcessPoolExecutor(workers) as executor:
        return np.array(list(executor.map(_measure_track, jobs, chunksize=4)))


def _measure_track(job: tuple[str, int, int, float]) -> np.ndarray:
    return features.summary(render_track(job), SUMMARY)


def fit(values: np.ndarray, labels: np.ndarray, seed: int) -> torch.nn.Module:
    """Train an MLP on summaries, shape (n, 128), with noise on the features, because real songs lie beyond them."""
    torch.manual_seed(seed)
    model = models.create("mlp", len(studio.GENRES), inputs=values.shape[1], hidden=[128, 128, 64], dropout=0.3)
    model.standardise_by(values.mean(axis=0).tolist(), (values.std(axis=0) + 1e-9).tolist())
    first = model.layers[1]
    visible = torch.from_numpy(is_visible()).float()
    x, y = torch.from_numpy(values).float()[..., None], torch.from_numpy(labels)
    noise = NOISE * torch.from_numpy(values.std(axis=0))[:, None]
    optimizer = torch.optim.AdamW(model.parameters(), lr=2e-3, weight_decay=0.05)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, EPOCHS)
    for _ in range(EPOCHS):
        for batch in torch.randperm(len(x)).split(64):
            with torch.no_grad():
                first.weight *= visible
            noisy = x[batch] + noise * torch.randn(len(batch), values.shape[1], 1)
            loss = torch.nn.functional.cross_entropy(model(noisy), y[batch], label_smoothing=0.1)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        schedule.step()
    with torch.no_grad():
        first.weight *= visible
    return model.eval()


def adapt(model: torch.nn.Module, real: pd.DataFrame) -> None:
    """Standardise the input of a model by real songs, without their labels."""
    values, unknown = from_table(real), ~is_visible()
    mean, deviation = values.mean(axis=0), values.std(axis=0)
    mean[unknown], deviation[unknown] = 0, 1
    model.standardise_by(mean.tolist(), deviation.tolist())


def is_visible() -> np.ndarray:
    """Return a boolean array of shape (128,): True for each value of a summary that the network sees."""
    kinds = [name.rpartition("_") for name in SUMMARY.names]
    return np.array([kind[0] in SCALARS for kind in kinds]) & ~np.isin(SUMMARY.names, VOLUME)


def from_table(table: pd.DataFrame) -> np.ndarray:
    """Arrange the columns of the table like a full summary, shape (n, 128). Values that it lacks are 0."""
    columns = []
    for name in SUMMARY.names:
        feature, _, statistic = name.rpartition("_")
        if feature in SCALARS and statistic == "mean":
            columns.append(table[f"{SCALARS[feature]}_mean"])
        elif feature in SCALARS:
            columns.append(np.sqrt(table[f"{SCALARS[feature]}_var"]))
        else:
            columns.append(np.zeros(len(table)))
    return np.column_stack(columns).astype(np.float32)


def describe(model: torch.nn.Module, real: pd.DataFrame) -> str:
    """Test a model on the table: accuracy with its interval, mean confidence, and recalls in percent."""
    with torch.inference_mode():
        probabilities = model(torch.from_numpy(from_table(real))[..., None]).softmax(dim=1).numpy()
    predicted = np.array(list(studio.GENRES))[probabilities.argmax(axis=1)]
    return f"{score(predicted, real['label'])}, mean confidence {100 * probabilities.max(axis=1).mean():.0f} %"


if __name__ == "__main__":
    main()
