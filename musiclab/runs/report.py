"""Write the page of a run: its result, its curves, and its worst mistakes to look at and listen to."""

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
from musiclab import plots
from musiclab.audio import fix_length, load_audio, resample, to_int16
from musiclab.core.errors import AudioError, RunError
from musiclab.core.files import replacing
from musiclab.features import MelConfig, log_mel

MISTAKES, SECONDS, HIGHEST_RATE = 8, 5.0, 22050  # number of mistakes, s and Hz of each: the page stays below 3 MB


def write(run) -> Path:
    """Write ``report.html``, ``curves.png`` and ``confusion.png`` into the folder of a run; return the page's path.

    Pictures and sounds are inside the page, which has no script.
    """
    if run.folder is None:
        raise RunError(f"{run.name}: expected a run that is kept in a folder; save it with run.save(FOLDER)")
    run.check_tested()
    pictures = {"curves": draw_curves(run), "confusion": draw_confusion(run)}
    for name, picture in pictures.items():
        if picture is None:  # no epochs; the picture of an older run must not stay
            (run.folder / f"{name}.png").unlink(missing_ok=True)
            continue
        with replacing(run.folder / f"{name}.png") as unfinished:
            unfinished.write_bytes(picture)
    environment = Environment(loader=PackageLoader("musiclab.runs", ""), autoescape=True, trim_blocks=True)
    environment.filters["base64"] = lambda data: base64.b64encode(data).decode()
    text = environment.get_template("report.html").render(
        run=run,
        result=run.result,
        groups=len(set(run.result.groups)),
        per_class=run.result.per_class,
        fold_rows=[(fold, f"{100 * each.result.accuracy:.1f}", each.result.n) for fold, each in run.folds.items()],
        class_rows=list(_class_rows(run)),
        facts=_facts(run),
        training=json.dumps(run.settings.training, indent=2, ensure_ascii=False),
        mistakes=list(_worst_mistakes(run)),
        seconds=SECONDS,
        has_numbers=len(run.result.classes) <= plots.MOST_ROWS,
        version=musiclab.__version__,
        **pictures,
    )
    with replacing(run.folder / "report.html") as unfinished:
        unfinished.write_text(text, encoding="utf-8")
    return run.folder / "report.html"


def draw_curves(run) -> bytes | None:
    """Draw loss and accuracy of each epoch, as a PNG file; return None if there were no epochs."""
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


def draw_confusion(run) -> bytes:
    """Draw the confusion matrix, as a PNG file."""
    figure = Figure(figsize=plots.confusion_size(run.result.classes), layout="constrained")
    plots.confusion(run.result.confusion, run.result.classes, figure.subplots())
    return _as_png(figure)


def excerpt(path: str | Path, mel: MelConfig) -> tuple[bytes, bytes]:
    """Return the beginning of a clip as a 16-bit WAV file, and its log-mel spectrogram as a PNG file."""
    waveform, _ = load_audio(path, mel.sample_rate, duration=SECONDS)
    rate = min(HIGHEST_RATE, mel.sample_rate)
    figure = Figure(figsize=(4.4, 2.2), layout="constrained")
    padded = fix_length(waveform, max(mel.n_fft, len(waveform)))
    ax = plots.log_mel(log_mel(padded, mel), mel, figure.subplots(), colorbar=False)
    ax.set_ylabel("frequency (Hz)")  # a longer label does not fit
    sound = io.BytesIO()
    soundfile.write(sound, to_int16(resample(waveform, mel.sample_rate, rate)), rate, format="WAV")
    return sound.getvalue(), _as_png(figure, dpi=110, colours=64)


def _worst_mistakes(run) -> Iterator[dict]:
    """Yield the most confident mistakes, each with its sound and its picture, or the reason why there is none."""
    settings = run.settings
    mel = settings.feature_settings if settings.feature == "logmel" else MelConfig()
    root = _common_folder(run.result.paths)
    for mistake in run.result.mistakes.head(MISTAKES).to_dict("records"):
        path = mistake["path"]
        mistake["name"] = os.path.relpath(path, root) if root else path
        try:
            mistake["sound"], mistake["picture"] = excerpt(path, mel)
        except (AudioError, OSError, ValueError) as error:  # the file was moved, or is no file's name
            mistake["problem"] = str(error)
        yield mistake


def _class_rows(run) -> Iterator[tuple]:
    """Yield name, precision, recall, F1 (%) and n of each class; a dash if there is no such clip."""
    predicted, true = run.result.confusion.sum(axis=0), run.result.confusion.sum(axis=1)
    for index, (name, row) in enumerate(run.result.per_class.iterrows()):
        precision = f"{100 * row['precision']:.1f}" if predicted[index] else "\N{EN DASH}"
        recall = f"{100 * row['recall']:.1f}" if true[index] else "\N{EN DASH}"
        yield name, precision, recall, f"{100 * row['f1']:.1f}", int(row["n"])


def _facts(run) -> dict[str, str | None]:
    settings, data = run.settings, run.settings.data
    epochs = run.history.groupby("fold")["epoch"].max() if run.folds else run.history.get("epoch", [])[-1:]
    minutes = run.seconds / 60
    return {
        "Model": f"{settings.model}, {_in_words(settings.sizes)}",
        "Parameters": f"{run.summary.parameters:,}",
        "Multiply-adds for one segment": f"{run.summary.multiply_adds:,}",
        "Input": f"{settings.feature}, {_in_words(settings.feature_config)}",
        "Data": data.get("name", "unnamed data"),
        "Licence": data.get("licence"),
        "Citation": data.get("citation"),
        "Protocol": data.get("protocol"),
        "Split": settings.split,
        "Clips": settings.clips_in_words,
        "Seed": str(settings.training.get("seed", "")),
        "Epochs": ", ".join(map(str, sorted(set(epochs)))),
        "Computed on": settings.computed,
        "Time for training and testing": f"{minutes:.1f} min" if minutes >= 2 else f"{run.seconds:.1f} s",
    }


def _in_words(settings: dict) -> str:
    return ", ".join(f"{name} {value}" for name, value in settings.items() if value is not None)


def _as_png(figure: Figure, dpi: int = 130, colours: int = 256) -> bytes:
    """Convert a figure to a PNG file with a palette, which takes a third of the space."""
    drawn, packed = io.BytesIO(), io.BytesIO()
    figure.savefig(drawn, format="png", dpi=dpi, bbox_inches="tight", pad_inches=0.08)
    Image.open(drawn).convert("RGB").quantize(colours).save(packed, format="png", optimize=True)
    return packed.getvalue()


def _common_folder(paths: np.ndarray) -> str:
    try:
        return os.path.commonpath([os.path.dirname(path) for path in paths])
    except ValueError:  # on two drives, or absolute and relative
        return ""
