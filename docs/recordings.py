"""Record what widgets that need Python answer, so that they also answer on a page without it.

The reader of a page can choose among the actions that were recorded, such as a genre with one stem muted. For each of
them, a recording holds the traits that the action changes, in files of their own, and ``host.js`` sets them.
"""

import base64
import io
import json
from collections.abc import Iterator
from functools import cache
from itertools import product
from pathlib import Path

import ipywidgets
import numpy as np
import soundfile
from docutils import nodes
from notebook_pages import Page, state_of
from sphinx.errors import ExtensionError
from sphinx.util.docutils import SphinxDirective

import musiclab as ml
from musiclab import studio
from musiclab.metrics import Result
from musiclab.widgets import ClipBrowser, Player, StudioMixer

GENRES = ("classical", "disco", "jazz", "metal")  # of the mixer
SECONDS = 3.0  # duration of its tracks, and of what the player holds of a clip
CLIPS = 4  # per genre
ONLY = "This page has no answer for this choice, so nothing changes. In Jupyter, every choice works."
SAMPLES = ("classical", "hiphop", "metal")  # genres of the sounds that the classifier offers
SAMPLE_SECONDS = 8.0
NO_RESULT = "This page has no test result of the model. Ask whoever gave it to you how accurate it is."
RESULT = "On 900 real songs, about half of its predictions were correct. Lesson 00 says more about this test."
# makes the frame of the classifier as high as its content, gives it the theme of the book, and sends it the samples
FRAME = """<script>{
  const frame = document.currentScript.previousElementSibling;
  const send = (message) => frame.contentWindow.postMessage(message, "*");
  const sendTheme = () => send({ theme: document.body.dataset.theme });
  addEventListener("message", ({ source, data }) => {
    if (source !== frame.contentWindow) return;
    if (data.height) frame.style.height = `${data.height + 2}px`;
    if (data.plays) document.dispatchEvent(new CustomEvent("musiclab-plays", { detail: frame }));
  });
  document.addEventListener("musiclab-plays", ({ detail }) => { if (detail !== frame) send({ plays: true }); });
  const loaded = new Promise((resolve) => frame.addEventListener("load", resolve));
  loaded.then(sendTheme);
  new MutationObserver(sendTheme).observe(document.body, { attributeFilter: ["data-theme"] });
  for (const button of frame.parentElement.querySelectorAll("[data-sound]")) button.onclick = () => {
    const bytes = Uint8Array.from(atob(button.dataset.sound), (letter) => letter.charCodeAt(0)).buffer;
    frame.loading = "eager"; // it may still be out of sight
    loaded.then(() => send({ name: `${button.textContent}.mp3`, bytes }));
  };
}</script>"""


class Recording:
    """Answers of a widget made of several parts.

    Parameters
    ----------
    widget : ipywidgets.Widget
        Widget in the state in which the page shows it first.
    """

    def __init__(self, widget: ipywidgets.Widget):
        self.widget, self.parts = widget, list(leaves(widget))
        self.layout = self._lay_out(widget)
        self.first = self.states()
        self.answers = {}  # states of all parts after each action, by kind of action and key

    def _lay_out(self, widget) -> str:
        """Return boxes as HTML with a place for each part."""
        css = " ".join(widget._dom_classes)
        if isinstance(widget, ipywidgets.Box):
            return f'<div class="{css}">{"".join(map(self._lay_out, widget.children))}</div>'
        return f'<div class="{css}" data-part="{self.parts.index(widget)}"></div>'

    def states(self) -> list[dict]:
        """Return the current state of each part."""
        shown = set(leaves(self.widget))
        return [recorded(part, part in shown) for part in self.parts]

    def add(self, kind: str, part, action: dict) -> list[dict]:
        """Record the state after an action of the reader on a part, and return it.

        The action is the message that the part sends, or the settings that it changes. Actions of one kind undo each
        other, so whatever one of them changes is recorded for all of them.
        """
        key = json.dumps([self.parts.index(part), action], separators=(",", ":"))  # as host.js writes it
        states = self.answers.setdefault(kind, {})[key] = self.states()
        return states

    def write(self, page: Page, listens: dict) -> str:
        """Write all answers, and return the name of the file that leads to them.

        ``listens`` holds the parts that the reader acts on, each with the names of its settings.
        """
        files = {}
        for answers in self.answers.values():
            changing = [
                {name for name in first if any(states[index][name] != first[name] for states in answers.values())}
                for index, first in enumerate(self.first)
            ]
            for key, states in answers.items():
                files[key] = [
                    page.write_state({name: state[name] for name in sorted(names | {"is_shown"})}) if names else None
                    for state, names in zip(states, changing, strict=True)
                ]
        parts = [
            {
                "widget": None if isinstance(part, ipywidgets.HTML) else page.write_script(part),
                "state": page.write_state(state),
                "listens": listens.get(part),
            }
            for part, state in zip(self.parts, self.first, strict=True)
        ]
        return page.write_state({"layout": self.layout, "parts": parts, "answers": files, "only": ONLY})


def leaves(widget) -> Iterator:
    """Iterate over the parts of a widget that are not boxes."""
    if isinstance(widget, ipywidgets.Box):
        for child in widget.children:
            yield from leaves(child)
    else:
        yield widget


def recorded(part, is_shown: bool) -> dict:
    """Return the traits of a part."""
    state = {"value": part.value} if isinstance(part, ipywidgets.HTML) else state_of(part)
    if isinstance(part, Player):
        state = shrunk(state)
    return {**state, "is_shown": is_shown}


def shrunk(state: dict) -> dict:
    """Return the state of a Player at a third of its size: MP3, half of the columns, and levels in steps of 1.6 dB."""
    scene = {**state["_scene"], "columnSeconds": 2 * state["_scene"]["columnSeconds"], "count": 1}
    levels = np.frombuffer(state["_levels"], np.uint8).reshape(scene["rows"], -1)[:, ::2] & 0xFC
    sound = to_mp3(bytes(state["_sound"]))
    scene["tracks"] = [{**track, "bytes": len(sound)} for track in scene["tracks"]]
    return state | {"_sound": sound, "_levels": levels.tobytes(), "_scene": scene, "_report": (1, 0.0)}


@cache
def to_mp3(file: bytes) -> bytes:
    """Convert a sound file to MP3."""
    mp3 = io.BytesIO()
    soundfile.write(mp3, *soundfile.read(io.BytesIO(file)), format="MP3", compression_level=0.5)
    return mp3.getvalue()


def mixer(page: Page) -> str:
    """Record a mixer with four genres and one stem muted, or one alone."""
    widget = StudioMixer(ml.load("genres"), GENRES[0], seconds=SECONDS)
    desk = widget.desk
    desk.choices = {"genre": list(GENRES), "mute": list(studio.STEMS)}
    recording = Recording(widget)
    alone = [[other for other in studio.STEMS if other != stem] for stem in studio.STEMS]
    for genre in GENRES:
        whole = None
        for mute in ([], *([stem] for stem in studio.STEMS), *alone):
            widget.probabilities = whole  # each change is compared with the whole track
            with desk.hold_trait_notifications():
                desk.genre, desk.mute = genre, mute
            whole = widget.probabilities if whole is None else whole
            desk.previous = {}  # where the reader comes from, only the reader knows
            recording.add("settings", desk, {"genre": genre, "mute": mute})
    return recording.write(page, {desk: ["genre", "mute"]})


def clips():
    """Return generated tracks that the genre model has not seen."""
    return ml.datasets.Studio(tracks_per_genre=CLIPS, seconds=SECONDS, seed=1)


def matrix(page: Page) -> str:
    """Record a confusion matrix with all clips of its cells."""
    dataset, run = clips(), ml.load("genres")
    files = run.predict(dataset.index["path"].tolist()).files
    classes = run.settings.classes
    probabilities = files[[f"p({name})" for name in classes]].to_numpy()
    labels = dataset.index["label"].map(classes.index).to_numpy()
    paths, groups = dataset.index["path"].to_numpy(), dataset.index["group"].to_numpy()
    widget = ClipBrowser(Result(classes, labels, np.log(probabilities), groups=groups, paths=paths))
    recording = Recording(widget)
    cells, table = recording.parts[1], widget.chooser.table

    def name_cell(states: list[dict], cell: list[int]) -> None:
        """Let the messages of the table name the cell, because a row is another clip in every cell."""
        state = states[recording.parts.index(table)]
        state["content"] = state["content"].replace("{&quot;choose", f"{{&quot;cell&quot;: {cell}, &quot;choose")

    name_cell(recording.first, [classes.index(name) for name in widget.chooser.cell])
    for row, column in product(range(len(classes)), repeat=2):
        cell = [row, column]
        widget.chooser.open_cell(classes[row], classes[column])
        name_cell(recording.add("choice", cells, {"open": cell}), cell)
        for clip in range(len(widget.clips)):
            widget.choose(clip)
            name_cell(recording.add("choice", table, {"cell": cell, "choose": clip}), cell)
    return recording.write(page, {cells: [], table: []})


def clip_map(page: Page) -> str:
    """Record a map of clips with both projections and all meanings of the colours."""
    widget = ClipBrowser(clips(), ml.load("genres"))
    widget.choose(0)
    recording = Recording(widget)
    scatter = recording.parts[0]
    for method, colour in product(("pca", "tsne"), ("label", "group", "predicted")):
        scatter.method, scatter.colour = method, colour
        recording.add("look", scatter, {"method": method, "colour": colour})
    scatter.method, scatter.colour = "pca", "label"
    for clip in range(len(widget.clips)):
        widget.choose(clip)
        recording.add("choice", scatter, {"choose": clip})
    return recording.write(page, {scatter: ["method", "colour"]})


class RecordedView(SphinxDirective):
    """Show a recorded widget: ``mixer``, ``matrix`` or ``map``."""

    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        """Return the view as HTML."""
        record = {"mixer": mixer, "matrix": matrix, "map": clip_map}[self.arguments[0]]
        state = record(Page(self.env.docname, Path(self.env.app.outdir)))
        view = f'<musiclab-view data-recorded="{self.arguments[0]}" data-state="{state}">'
        view += "<p>A view to try in a browser with scripts.</p></musiclab-view>"
        return [nodes.raw("", f'<div class="output">{view}</div>', format="html")]


class Classifier(SphinxDirective):
    """Show the page with the genre model, which classifies sounds in the browser."""

    def run(self) -> list[nodes.Node]:
        """Return samples to classify, the page in a frame, and a link to it."""
        page = Page(self.env.docname, Path(self.env.app.outdir))
        exported = page.folder / "_static" / "genres.html"
        ml.load("genres").export(exported, overwrite=True)
        text = exported.read_text(encoding="utf-8")
        if NO_RESULT not in text:
            raise ExtensionError(f"the exported page no longer says {NO_RESULT!r}")
        exported.write_text(text.replace(NO_RESULT, RESULT), encoding="utf-8")
        address = f"{page.top}_static/genres.html"
        tracks = ml.datasets.Studio(tracks_per_genre=1, seconds=SAMPLE_SECONDS, seed=1).index.set_index("label")["path"]
        sounds = {genre: base64.b64encode(to_mp3(Path(tracks[genre]).read_bytes())).decode() for genre in SAMPLES}
        buttons = "".join(f'<button data-sound="{sound}">{genre}</button>' for genre, sound in sounds.items())
        samples = f'<p class="run">No recording at hand? Classify a generated track: {buttons}</p>'
        frame = f'<iframe src="{address}" title="Classify a sound" loading="lazy" allow="microphone"></iframe>{FRAME}'
        link = f'<p><a href="{address}">Open it in a page of its own</a></p>'
        return [nodes.raw("", f'<div class="output">{samples}{frame}{link}</div>', format="html")]


def setup(app) -> None:
    """Add the directives."""
    app.add_directive("recorded", RecordedView)
    app.add_directive("classifier", Classifier)
