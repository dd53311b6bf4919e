"""Measure translations against the truth, on pieces that nobody trained on.

python -m benchmarks.translation harmonic wavenet runs/no_confusion runs/no_augmentation

Each piece is rendered by Studio in every domain, so there is a true target for every translation. The table has one row
per method, with means over pieces and all pairs of different domains, and 95 % intervals over pieces.
"""

import argparse
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from musiclab import features, umtn
from musiclab.audio import load_audio
from musiclab.core.progress import progress

TEST_PIECES, TRAIN_PIECES = 6000, 7000  # numbers of the first pieces; networks are trained on pieces below 1000
MEASURES = ("distance", "chroma", "shuffled", "named")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("runs", nargs="+", help="run folders, or names of networks that come with musiclab")
    parser.add_argument("--pieces", type=int, default=30, help="number of test pieces")
    parser.add_argument("--seconds", type=float, default=8.0, help="duration of a piece")
    parser.add_argument("--csv", type=Path, help="table of all measurements to write")
    options = parser.parse_args()
    truth = render(TEST_PIECES, options.pieces, options.seconds)
    judge, accuracy, count = train_judge(render(TRAIN_PIECES, 40, options.seconds), truth)
    print(f"The judge names the domain of {100 * accuracy:.0f} % of {count} true test sounds.")
    training = render(TRAIN_PIECES + 500, 8, 8.0)
    mean_sounds = {name: np.concatenate(sounds) for name, sounds in training.items()}
    rows = baselines(truth, judge, mean_sounds)
    for run in options.runs:
        rows += translations(run, truth, judge, mean_sounds)
    table = pd.DataFrame(rows)
    if options.csv:
        table.to_csv(options.csv, index=False)
    print(summarise(table).to_string())


def render(first: int, pieces: int, seconds: float) -> dict[str, list[np.ndarray]]:
    """Render pieces in every domain, as waveforms at 16 kHz."""
    with tempfile.TemporaryDirectory() as folder:
        folders = umtn.studio_domains(folder, pieces, seconds, first=first)
        return {
            name: [
                load_audio(path, umtn.WAV_FREQ)[0] for path in sorted(top.rglob("*.wav"), key=lambda path: path.name)
            ]
            for name, top in folders.items()
        }


def train_judge(train, truth):
    """Train a classifier of domains on true sounds, and test it on other true sounds."""
    judge = make_pipeline(StandardScaler(), LogisticRegression(max_iter=2000))
    labels = [name for name, sounds in train.items() for _ in sounds]
    judge.fit([summarise_sound(sound) for sounds in train.values() for sound in sounds], labels)
    names = [(name, judge.predict([summarise_sound(sound)])[0]) for name, sounds in truth.items() for sound in sounds]
    return judge, np.mean([name == predicted for name, predicted in names]), len(names)


def summarise_sound(sound: np.ndarray) -> np.ndarray:
    return np.asarray(features.summary(sound, features.SummaryConfig(sample_rate=umtn.WAV_FREQ))).ravel()


def baselines(truth, judge, mean_sounds) -> list[dict]:
    """Measure three ways to answer without a network: the true target, a copy of the input, and its filtered copy."""
    rows = []
    for _, target, piece, sound in progress(list(cases(truth)), "baselines"):
        answers = {
            "truth": truth[target][piece],
            "copy of the input": sound,
            "input with the mean spectrum of the target": umtn.match_spectrum(sound, mean_sounds[target]),
        }
        rows += [measure(name, answer, truth, target, piece, judge) for name, answer in answers.items()]
    return rows


def translations(name: str, truth, judge, mean_sounds) -> list[dict]:
    """Measure the translations of a run, the same filtered, and what another decoder makes of the same latents."""
    run, rows, domains = umtn.load(name), [], list(truth)
    made = {}
    for source, target, piece, sound in progress(list(cases(truth)), name):
        made[source, target, piece] = umtn.translate(run, sound, target, umtn.WAV_FREQ)
        rows.append(measure(name, made[source, target, piece], truth, target, piece, judge))
        filtered = umtn.match_spectrum(made[source, target, piece], mean_sounds[target])
        rows.append(measure(f"{name}, with the mean spectrum of the target", filtered, truth, target, piece, judge))
    for source, target, piece, _ in cases(truth):
        other = next(
            domain for domain in domains[domains.index(target) + 1 :] + domains if domain not in (source, target)
        )
        rows.append(measure(f"{name}, wrong decoder", made[source, other, piece], truth, target, piece, judge))
    return rows


def cases(truth):
    """Yield source, target, number of the piece and sound of the source, for all pairs of different domains."""
    for source, sounds in truth.items():
        for target in truth:
            if source != target:
                for piece, sound in enumerate(sounds):
                    yield source, target, piece, sound


def measure(method: str, sound: np.ndarray, truth, target: str, piece: int, judge) -> dict:
    goal, shuffled = truth[target][piece], truth[target][(piece + 1) % len(truth[target])]
    return {
        "method": method,
        "target": target,
        "piece": piece,
        "distance": umtn.spectral_distance(sound, goal),
        "chroma": umtn.chroma_correlation(sound, goal),
        "shuffled": umtn.chroma_correlation(sound, shuffled),
        "named": float(judge.predict([summarise_sound(sound)])[0] == target),
    }


def summarise(table: pd.DataFrame) -> pd.DataFrame:
    """Average over pairs, then over pieces, with 95 % intervals from a bootstrap over pieces."""
    pieces = table.groupby(["method", "piece"], sort=False)[list(MEASURES)].mean()
    rows = {}
    for method in table["method"].unique():
        values = pieces.loc[method].to_numpy()
        draws = np.random.default_rng(0).integers(0, len(values), (2000, len(values)))
        low, high = np.quantile(values[draws].mean(axis=1), [0.025, 0.975], axis=0)
        cells = zip(values.mean(axis=0), low, high, strict=True)
        rows[method] = [f"{mean:.3f} ({a:.3f} to {b:.3f})" for mean, a, b in cells]
    columns = ["spectral distance (dB)", "chroma correlation", "with another piece", "share named as target"]
    return pd.DataFrame.from_dict(rows, orient="index", columns=columns)


if __name__ == "__main__":
    main()
