"""The report as HTML: one file, no script, readable in light, in the dark and on paper."""

import base64
import json
from html import escape

import musiclab
from musiclab.runs.report.figures import best_epoch
from musiclab.runs.report.mistakes import SECONDS, Mistake
from musiclab.runs.report.style import STYLE
from musiclab.runs.runfolder import RunFolder


def page(run: RunFolder, curves: bytes | None, confusion: bytes, mistakes: list[Mistake]) -> str:
    """The whole page.

    Parameters
    ----------
    run
        What is told.
    curves, confusion
        PNG files; ``None`` where there are no curves.
    mistakes
        To show, the surest first.
    """
    title = escape(run.title)
    sections = [
        _summary(run),
        _section("How it was made", _facts(run) + _command(run) + _settings(run)),
        _section("Learning curves", _curves(run, curves)),
        _section("Confusion matrix", _confusion(confusion)),
        _section("Classes", _classes(run)),
        _section("The surest mistakes", _mistakes(run, mistakes)),
    ]
    if run.metrics.get("folds"):
        sections.insert(1, _section("Folds", _folds(run)))
    return (
        "<!DOCTYPE html>\n"
        '<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta name="color-scheme" content="light dark">\n'
        f"<title>{title}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n"
        f"<header>\n<h1>{title}</h1>\n</header>\n<main>\n" + "\n".join(sections) + "\n</main>\n"
        f"<footer><p>Made by musiclab {escape(musiclab.__version__)}.</p></footer>\n</body>\n</html>\n"
    )


def _section(heading: str, content: str) -> str:
    return f"<section>\n<h2>{escape(heading)}</h2>\n{content}\n</section>"


def _summary(run: RunFolder) -> str:
    result = run.result
    low, high = (100 * edge for edge in result.ci95)
    usual = result.per_class["n"].max() / result.n
    note = "<p>The data are generated: this is no benchmark.</p>\n" if run.generated else ""
    return (
        '<section class="summary">\n'
        f"<p><strong>{100 * result.accuracy:.1f} %</strong> accuracy</p>\n"
        f"<p>95 % interval {low:.1f} to {high:.1f} %, n = {_clips(result.n)} in "
        f"{len(set(result.groups)):,} groups; {escape(str(run.metrics.get('split', 'unknown split')))}. "
        f"Always naming the most frequent class gives {100 * usual:.1f} %.</p>\n{note}</section>"
    )


def _folds(run: RunFolder) -> str:
    rows = [(fold["fold"], f"{100 * fold['accuracy']:.1f}", fold["n"]) for fold in run.metrics["folds"]]
    said = "Each fold was tested once, by a model trained on others."
    return f"<p>{said}</p>\n" + _table(("fold", "accuracy (%)", "n"), rows, "Accuracy on each fold")


def _facts(run: RunFolder) -> str:
    metrics, card = run.metrics, run.card
    data = metrics.get("data", {})
    epochs = {name: len(history) for name, history in run.histories.items()}
    facts = {
        "Model": f"{run.model}, {_settings_line(card.get('sizes', {}))}",
        "Parameters": _number(metrics.get("parameters")),
        "Multiply-adds for one segment": _number(metrics.get("multiply_adds")),
        "Input": f"{card.get('feature', 'unknown')}, {_settings_line(card.get('feature_config', {}))}",
        "Data": run.data,
        "Licence": data.get("licence"),
        "Citation": data.get("citation"),
        "Protocol": data.get("protocol"),
        "Split": metrics.get("split"),
        "Seed": metrics.get("seed"),
        "Epochs": ", ".join(map(str, sorted(set(epochs.values())))),
        "Time for training and testing": _duration(metrics.get("seconds")),
    }
    rows = [
        f"<dt>{escape(name)}</dt><dd>{escape(str(value))}</dd>"
        for name, value in facts.items()
        if value not in (None, "")
    ]
    return "<dl>\n" + "\n".join(rows) + "\n</dl>"


def _command(run: RunFolder) -> str:
    command = run.metrics.get("command")
    if not command:
        return "<p>The command that made it is not on record.</p>"
    return f"<p>The command that made it:</p>\n<pre><code>{escape(str(command))}</code></pre>"


def _settings(run: RunFolder) -> str:
    settings = json.dumps(run.card.get("training", {}), indent=2, ensure_ascii=False)
    return f"<details>\n<summary>All settings of the training</summary>\n<pre>{escape(settings)}</pre>\n</details>"


def _curves(run: RunFolder, curves: bytes | None) -> str:
    if curves is None:
        return "<p>There are none: nothing was trained in epochs.</p>"
    if len(run.histories) > 1:
        said = f"Each fold is a faint line, their mean a strong one ({len(run.histories)} trainings)."
    else:
        (epochs,) = run.histories.values()
        best = best_epoch(epochs)
        said = (
            f"The model has the weights of epoch {best} of {len(epochs)}, the one of the lowest validation loss."
            if best
            else f"No part of the data validated: the model has the weights of the last epoch, {len(epochs)}."
        )
    alt = f"Learning curves: loss and accuracy, epoch by epoch. {said}"
    picture = f'<div class="wide curves">{_image(curves, alt)}</div>'
    return f"<figure>\n{picture}\n<figcaption>{escape(said)}</figcaption>\n</figure>"


def _confusion(confusion: bytes) -> str:
    alt = "Confusion matrix: true classes in rows, predicted ones in columns, clips as numbers."
    said = "A row is a true class, a column what the model said; the numbers are clips."
    return f'<figure class="confusion">\n{_image(confusion, alt)}\n<figcaption>{said}</figcaption>\n</figure>'


def _classes(run: RunFolder) -> str:
    said_at_all, there = run.result.confusion.sum(axis=0), run.result.confusion.sum(axis=1)
    rows = [
        (
            name,
            f"{100 * row['precision']:.1f}" if said_at_all[number] else "\N{EN DASH}",  # 0 of 0 times
            f"{100 * row['recall']:.1f}" if there[number] else "\N{EN DASH}",
            f"{100 * row['f1']:.1f}",
            int(row["n"]),
        )
        for number, (name, row) in enumerate(run.result.per_class.iterrows())
    ]
    said = (
        "<p>Precision: how often the name is right when the model says it. Recall: how many of the class it finds. "
        "F1: their harmonic mean. A dash: no such clip.</p>\n"
    )
    return said + _table(("class", "precision (%)", "recall (%)", "F1 (%)", "n"), rows, "Each class")


def _mistakes(run: RunFolder, mistakes: list[Mistake]) -> str:
    wrong = len(run.result.mistakes)
    if not wrong:
        return f"<p>None: all {_clips(run.result.n)} were named rightly.</p>"
    said = (
        f"{wrong} of {_clips(run.result.n)} were named wrongly; here are the {len(mistakes)} of them that the model "
        f"was surest of. Sounds are the first {SECONDS:g} s, or less."
        if wrong > 1
        else f"1 of {_clips(run.result.n)} was named wrongly. The sound is its first {SECONDS:g} s, or less."
    )
    items = "\n".join(f"<li>{_mistake(mistake)}</li>" for mistake in mistakes)
    return f'<p>{said}</p>\n<ol class="mistakes">\n{items}\n</ol>'


def _mistake(mistake: Mistake) -> str:
    heading = (
        f"<h3>{escape(mistake.label)} <span>taken for</span> {escape(mistake.predicted)}, "
        f"{100 * mistake.probability:.1f} %</h3>\n"
        f'<p class="path" title="{escape(mistake.path)}">{escape(mistake.name)}</p>\n'
    )
    if mistake.reason:
        return f"{heading}<p>There is no sound to show: {escape(mistake.reason)}</p>"
    sound = base64.b64encode(mistake.sound).decode()
    return (
        heading
        + _image(mistake.picture, f"Log-mel spectrogram of {mistake.name}")
        + f'\n<audio controls preload="none" aria-label="Sound of {escape(mistake.name)}" '
        f'src="data:audio/wav;base64,{sound}"></audio>'
    )


def _table(columns: tuple[str, ...], rows: list[tuple], name: str) -> str:
    head = "".join(f'<th scope="col">{escape(column)}</th>' for column in columns)
    body = "\n".join(
        f'<tr><th scope="row">{escape(str(first))}</th>' + "".join(f"<td>{escape(str(v))}</td>" for v in rest) + "</tr>"
        for first, *rest in rows
    )
    return (
        f'<div class="wide"><table aria-label="{escape(name)}">\n<thead><tr>{head}</tr></thead>\n'
        f"<tbody>\n{body}\n</tbody>\n</table></div>"
    )


def _image(png: bytes, alt: str) -> str:
    return f'<img alt="{escape(alt)}" src="data:image/png;base64,{base64.b64encode(png).decode()}">'


def _clips(count: int) -> str:
    return f"{count:,} clip" + ("s" if count != 1 else "")


def _number(value) -> str:
    return f"{value:,}" if isinstance(value, int) else "" if value is None else f"{value:,.0f}"


def _duration(seconds) -> str:
    if seconds is None:
        return ""
    return f"{seconds:.1f} s" if seconds < 120 else f"{seconds / 60:.1f} min"


def _settings_line(settings: dict) -> str:
    return ", ".join(f"{name} {value}" for name, value in settings.items() if value is not None)
