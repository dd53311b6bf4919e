"""Write pages in HTML: the report of a run, and the page of a transfer, both with figures and sounds."""

import base64
import io
import json
import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import soundfile
from jinja2 import Environment, PackageLoader
from matplotlib.figure import Figure
from PIL import Image

import musiclab
from musiclab import metrics, plots
from musiclab.audio import fix_length, load_audio, resample, to_int16
from musiclab.core.errors import AudioError, RunError
from musiclab.core.files import replacing
from musiclab.features import MelConfig, log_mel

MISTAKES, SECONDS, HIGHEST_RATE = 8, 5.0, 22050  # mistakes, and s and Hz of their sound: the report is under 3 MB
CLASSES, SHORT = 10, 4.0  # classes with sounds in the page of a transfer, and s of each sound: it is under 9 MB
SHIFTS = 16  # features in the table of a transfer


def write(run) -> Path:
    """Write ``report.html`` and its figures into the run folder, and return the report's path.

    The report is a single file that contains all images and sounds, and no scripts.
    """
    if run.folder is None:
        raise RunError(f"{run.name}: the run was not saved. Save it first with run.save(FOLDER).")
    run.check_tested()
    figures = {
        "curves": draw_curves(run),
        "confusion": draw_confusion(run.result),
        "reliability": draw_reliability(run),
    }
    for name, png in figures.items():
        if png is None:  # without epochs, delete the figure of a previous run
            (run.folder / f"{name}.png").unlink(missing_ok=True)
            continue
        with replacing(run.folder / f"{name}.png") as unfinished:
            unfinished.write_bytes(png)
    return _write_page(
        run.folder / "report.html",
        "report.html",
        title=run.title,
        run=run,
        result=run.result,
        fold_rows=[(n, f"{100 * fold.result.accuracy:.1f}", fold.result.n) for n, fold in run.folds.items()],
        class_rows=list(_class_rows(run)),
        details=_list_details(run),
        training=json.dumps(run.settings.training, indent=2, ensure_ascii=False),
        mistakes=list(_most_confident_mistakes(run)),
        calibration_error=metrics.calibration_error(run.result.log_probabilities, run.result.labels),
        calibration=run.settings.calibrated,
        seconds=SECONDS,
        has_numbers=len(run.result.classes) <= plots.MOST_ROWS,
        **figures,
    )


def write_transfer(transfer, path: Path) -> Path:
    """Write the page of a :class:`musiclab.runs.Transfer`, a single file with all figures and sounds."""
    overall = transfer.overall
    drops = (transfer.per_class["home"] - transfer.per_class["away"]).sort_values(ascending=False, kind="stable")
    return _write_page(
        path,
        "transfer.html",
        title=f"Transfer: {transfer.title}",
        transfer=transfer,
        class_rows=list(_transfer_rows(transfer.per_class)),
        shift_rows=[
            (row.feature, f"{row.shift:+.2f}", f"{row.error:.2f}", f"{row.train:.5g}", f"{row.test:.5g}")
            for row in overall.head(SHIFTS).itertuples()
        ],
        confusion=draw_confusion(transfer.away),
        shifts=draw_shifts(transfer) if len(overall) else None,
        largest=", ".join(f"{row.feature} {row.shift:+.1f}" for row in overall.head(3).itertuples()),
        listening=[_listen(transfer, name) for name in drops.index[:CLASSES]],
        seconds=SHORT,
        has_numbers=len(transfer.away.classes) <= plots.MOST_ROWS,
    )


def _write_page(path: Path, template: str, **values) -> Path:
    with replacing(path) as unfinished:
        unfinished.write_text(render(template, **values), encoding="utf-8")
    return path


def render(template: str, **values) -> str:
    """Fill in one of the templates of pages, and return the text of the HTML file."""
    environment = Environment(loader=PackageLoader("musiclab.runs", ""), autoescape=True, trim_blocks=True)
    environment.filters["base64"] = lambda data: base64.b64encode(data).decode()
    return environment.get_template(template).render(version=musiclab.__version__, **values)


def draw_curves(run) -> bytes | None:
    """Plot the loss and accuracy of each epoch; return a PNG file, or None without epochs."""
    quantities = [name for name in ("loss", "accuracy") if f"train_{name}" in run.history]
    if not quantities:
        return None
    figure = Figure(figsize=(5 * len(quantities), 3.2), layout="constrained")
    for quantity, ax in zip(quantities, figure.subplots(1, len(quantities), squeeze=False)[0], strict=True):
        if run.folds:
            plots.fold_histories(run.history, quantity, ax)
        else:
            is_augmented = any(run.settings.training.get("augmentation", {}).values())
            plots.history(run.history, quantity, run.best_epoch, ax, is_augmented)
    return _as_png(figure)


def draw_confusion(result) -> bytes:
    """Plot the confusion matrix of a result, and return a PNG file."""
    figure = Figure(figsize=plots.confusion_size(result.classes), layout="constrained")
    plots.confusion(result.confusion, result.classes, figure.subplots())
    return _as_png(figure)


def draw_shifts(transfer) -> bytes:
    """Plot the largest shifts of a transfer, and return a PNG file."""
    figure = Figure(figsize=plots.shifts_size(transfer.shifts), layout="constrained")
    plots.shifts(transfer.shifts, ax=figure.subplots())
    return _as_png(figure)


def draw_reliability(run) -> bytes:
    """Plot how often predictions of each probability are correct, and return a PNG file."""
    figure = Figure(figsize=(4, 3.2), layout="constrained")
    plots.reliability(metrics.reliability(run.result.log_probabilities, run.result.labels), figure.subplots())
    return _as_png(figure)


def excerpt(path: str | Path, mel: MelConfig, seconds: float = SECONDS) -> tuple[bytes, bytes]:
    """Return the start of a clip as a 16-bit WAV file, and its log-mel spectrogram as a PNG file."""
    waveform, _ = load_audio(path, mel.sample_rate, duration=seconds)
    rate = min(HIGHEST_RATE, mel.sample_rate)
    figure = Figure(figsize=(4.4, 2.2), layout="constrained")
    padded = fix_length(waveform, max(mel.n_fft, len(waveform)))
    ax = plots.log_mel(log_mel(padded, mel), mel, figure.subplots(), colorbar=False)
    ax.set_ylabel("frequency (Hz)")  # the default label is too long
    sound = io.BytesIO()
    soundfile.write(sound, to_int16(resample(waveform, mel.sample_rate, rate)), rate, format="WAV")
    return sound.getvalue(), _as_png(figure, dpi=110, colours=64)


def _most_confident_mistakes(run) -> Iterator[dict]:
    """Yield the most confident mistakes with sound and spectrogram, or with a ``problem`` if the file is unreadable."""
    settings = run.settings
    mel = settings.feature_settings if settings.feature == "logmel" else MelConfig()
    root = _common_folder(run.result.paths)
    for mistake in run.result.mistakes.head(MISTAKES).to_dict("records"):
        path = mistake["path"]
        mistake["name"] = os.path.relpath(path, root) if root else path
        yield mistake | _record(path, mel)


def _record(path: str, mel: MelConfig, seconds: float = SECONDS) -> dict:
    """Return sound and spectrogram of a file, or a ``problem`` if the file is unreadable."""
    try:
        return dict(zip(("sound", "spectrogram"), excerpt(path, mel, seconds), strict=True))
    except (AudioError, OSError, ValueError) as error:  # the file was moved, or the path is not a file name
        return {"problem": str(error)}


def _listen(transfer, name: str) -> dict:
    """Return a typical clip of a class from each set, and the most confident mistake."""
    typical = transfer.typical.set_index("class").loc[name]
    mistakes = transfer.away.mistakes
    clips = [
        {"title": f"training: typical {name}", "path": typical["train"]},
        {"title": f"test: typical {name}", "path": typical["test"]},
    ]
    for mistake in mistakes[mistakes["label"] == name].head(1).itertuples():
        title = f"test: {name} predicted as {mistake.predicted}, {100 * mistake.probability:.1f} %"
        clips.append({"title": title, "path": mistake.path})
    for clip in clips:
        clip["name"] = os.path.join(*Path(clip["path"]).parts[-3:])  # with class and artist in most data sets
        clip.update(_record(clip["path"], MelConfig(), SHORT))
    return {"class": name, "clips": clips}


def _transfer_rows(per_class) -> Iterator[tuple]:
    from musiclab.runs.transfer import format_share, format_shift

    dash = "\N{EN DASH}"
    for name, row in per_class.iterrows():
        home, away = (format_share(row, prefix, dash) for prefix in ("home", "away"))
        yield name, home, row["home_n"], away, row["away_n"], row["mistaken_for"] or dash, format_shift(row, dash)


def _class_rows(run) -> Iterator[tuple]:
    """Yield name, precision, recall, F1 (%) and n of each class, with a dash for undefined values."""
    predicted, true = run.result.confusion.sum(axis=0), run.result.confusion.sum(axis=1)
    for index, (name, row) in enumerate(run.result.per_class.iterrows()):
        precision = f"{100 * row['precision']:.1f}" if predicted[index] else "\N{EN DASH}"
        recall = f"{100 * row['recall']:.1f}" if true[index] else "\N{EN DASH}"
        yield name, precision, recall, f"{100 * row['f1']:.1f}", int(row["n"])


def _list_details(run) -> dict[str, str | None]:
    settings, data = run.settings, run.settings.data
    has_folds = run.folds and "epoch" in run.history
    epochs = run.history.groupby("fold")["epoch"].max() if has_folds else run.history.get("epoch", [])[-1:]
    minutes = run.seconds / 60
    return {
        "Model": f"{settings.model}, {_join_settings(settings.sizes)}",
        "Parameters": f"{run.summary.parameters:,}",
        "Multiply-adds for one segment": f"{run.summary.multiply_adds:,}",
        "Input": f"{settings.feature}, {_join_settings(settings.feature_config)}",
        "Data": data.get("name", "unnamed data"),
        "Licence": data.get("licence"),
        "Citation": data.get("citation"),
        "Protocol": data.get("protocol"),
        "Split": settings.split,
        "Clips": settings.clips_in_words,
        "Seed": str(settings.training.get("seed", "")),
        "Epochs": ", ".join(map(str, sorted(set(epochs)))),
        "Training ended": run.stopped,
        "Computed on": settings.computed,
        "Time for training and testing": f"{minutes:.1f} min" if minutes >= 2 else f"{run.seconds:.1f} s",
    }


def _join_settings(settings: dict) -> str:
    return ", ".join(f"{name} {value}" for name, value in settings.items() if value is not None)


def _as_png(figure: Figure, dpi: int = 130, colours: int = 256) -> bytes:
    """Convert a figure to a PNG file with a palette, which is a third of the size."""
    full, small = io.BytesIO(), io.BytesIO()
    figure.savefig(full, format="png", dpi=dpi, bbox_inches="tight", pad_inches=0.08)
    Image.open(full).convert("RGB").quantize(colours).save(small, format="png", optimize=True)
    return small.getvalue()


def _common_folder(paths: np.ndarray) -> str:
    try:
        return os.path.commonpath([os.path.dirname(path) for path in paths])
    except ValueError:  # paths on two drives, or absolute and relative paths
        return ""
