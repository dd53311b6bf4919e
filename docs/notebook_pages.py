"""Read notebooks as pages of the book, with their pictures and sounds in files and their players alive.

A still in a notebook holds the sound of its widget, so the widget is made again here while the book is built. Its state
goes to a script, which ``host.js`` loads when the reader comes near. Notebooks need no other data for this.
"""

import base64
import hashlib
import html
import io
import json
import os
import re
import struct
import zlib
from pathlib import Path

import nbformat
import soundfile
from docutils import nodes
from myst_parser.parsers.sphinx_ import MystParser
from sphinx.util.docutils import SphinxDirective

from musiclab import studio
from musiclab.plots import browser
from musiclab.widgets import FeatureExplorer, Lane, Player
from musiclab.widgets.still import sound_hash

REPOSITORY = os.environ.get("MUSICLAB_REPOSITORY", "")  # for example https://HOST/OWNER/NAME
VIEWS = "_static/views"  # folder of pictures, sounds, states and scripts
_DATA = r'src="data:{}/[^;]+;base64,([^"]+)"'
NOTES = {
    "ClipBrowser": "click a cell of the confusion matrix and choose one of its clips to hear and see it",
    "LiveClassifier": "record with the microphone or choose a sound file, and watch the predictions",
    "StudioMixer": "change genre, tempo, key, swing and stems, and watch the predictions",
}
"""Widget that needs Python -> what a reader can do with it in Jupyter."""

_INTERNAL = ("_model", "_view", "_esm", "_css", "_anywidget_id", "_dom_classes", "answered", "layout", "tabbable")


class NotebookParser(MystParser):
    """Parse a notebook as Markdown."""

    supported = ("notebook",)

    def parse(self, inputstring: str, document) -> None:
        """Convert a notebook (JSON) to Markdown and parse it."""
        environment = document.settings.env
        notebook = nbformat.reads(inputstring, as_version=4)
        page = Page(environment.docname, Path(environment.app.outdir))
        super().parse(page.markdown(notebook), document)
        environment.app.emit("notebook-read", notebook, page)


class Page:
    """One page of the book, made from a notebook."""

    def __init__(self, name: str, folder: Path):
        self.name, self.folder = name, folder
        self.sounds = {}  # (waveform, sample rate) by the hash of its file in the notebook
        self.converted = {}  # outputs by the id of their cell
        self.top = "../" * name.count("/")  # from the page to the top of the book
        (folder / VIEWS).mkdir(parents=True, exist_ok=True)

    def markdown(self, notebook) -> str:
        """Convert a notebook to Markdown, with outputs as HTML."""
        title, _, rest = notebook.cells[0].source.partition("\n")
        parts = [title, fenced("{raw} html", self.links(notebook)), rest]
        for cell in notebook.cells[1:]:
            if cell.cell_type == "markdown":
                parts.append(re.sub(r"\A(?=# )", "#", cell.source))  # a page has one title
            elif cell.source.strip():
                parts.append(fenced("python", cell.source))
                parts += self.outputs(cell)
        text = "\n\n".join(parts)
        if not re.search(r"^## ", text, re.MULTILINE):
            text = re.sub(r"^###(?= )", "##", text, flags=re.MULTILINE)  # solutions have no sections above exercises
        return text

    def links(self, notebook) -> str:
        """Write a notebook without outputs for download, and return the links above its page."""
        path = self.folder / "_static" / f"{self.name}.ipynb"
        path.parent.mkdir(parents=True, exist_ok=True)
        nbformat.write(for_download(notebook), path)
        links = [f'<a download href="{self.top}_static/{self.name}.ipynb">Download this notebook</a>']
        links += [f'<a href="{address}">Open in {place}</a>' for place, address in services(self.name).items()]
        links.append(f'<a href="{self.top}docs/elsewhere.html">How to run it</a>')
        folder, _, lesson = self.name.rpartition("/")
        if folder == "notebooks":
            links.append(f'<a href="{self.top}slides/{lesson[:2]}.html">Slides</a>')
        return f'<p class="run">{" ".join(links)}</p>'

    def outputs(self, cell) -> list[str]:
        """Convert the outputs of a cell to Markdown, once."""
        if cell.id not in self.converted:
            self.converted[cell.id] = [self.output(output, cell) for output in cell.outputs]
        return self.converted[cell.id]

    def output(self, output, cell) -> str:
        """Convert one output of a cell."""
        data = output.get("data", {})
        if "text/markdown" in data:
            return data["text/markdown"]
        if "text/html" in data:
            content = self.rich(data["text/html"], cell.source)
        elif "image/png" in data:
            alt = html.escape(cell.metadata.get("alt", ""))
            content = f'<img class="figure" {self.picture(data["image/png"])} alt="{alt}">'
        else:
            text = output.get("text") or data.get("text/plain", "")
            has_columns = len(re.findall(r"\S {2,}\S", text)) > 3  # then breaking its lines would mix them up
            content = f"<pre{' class=columns' * has_columns}>{html.escape(text)}</pre>"
        return fenced("{raw} html", f'<div class="output">{content}</div>')

    def rich(self, content: str, code: str = "") -> str:
        """Move pictures and sounds of the HTML output of a cell to files, and make the widget of a still again."""
        content = re.sub(r"<style scoped>.*?</style>", "", content, flags=re.DOTALL)  # of tables; the book has its own
        content = re.sub(_DATA.format("image"), lambda match: self.picture(match[1]), content)
        recipe = re.search(r'data-musiclab="([^"]+)"', content)
        recipe = json.loads(html.unescape(recipe[1])) if recipe else {}
        encoded = re.search(_DATA.format("audio"), content)
        if encoded:
            wave = base64.b64decode(encoded[1])
            waveform, sample_rate = soundfile.read(io.BytesIO(wave), dtype="int16", always_2d=True)
            sound = io.BytesIO()
            soundfile.write(sound, waveform, sample_rate, format="OGG")
            audio = f'<audio controls preload="none" src="{self.write(sound.getvalue(), "ogg")}"></audio>'
            audio += (
                f"<p hidden>Sound: {len(waveform) / sample_rate:.1f} s, play it at {self.name}.html</p>"  # on paper
            )
            content = re.sub(r"<audio.*</audio>", audio, content, flags=re.DOTALL)
            self.sounds[sound_hash(wave)] = sound = waveform.T.squeeze(), sample_rate
        sound = self.sounds.get(recipe.get("sound"), sound if encoded else None)
        is_player = recipe.get("widget") == "Player" or (not recipe and ": waveform and log-mel spectrogram" in content)
        if sound and is_player:
            settings = recipe.get("settings", {})
            lanes = [Lane(**lane) for lane in settings.pop("lanes", [])]
            return self.view(Player(*sound, lanes=lanes, **settings), content)
        if sound and recipe.get("widget") == "FeatureExplorer":
            return self.view(FeatureExplorer(*sound, **recipe["settings"]), content)
        player = self.view(Player(*sound), audio) if encoded else ""
        name = recipe.get("widget") or next((name for name in NOTES if f"{name}(" in code and "<img" in content), "")
        if name in NOTES:
            heard = f" Here, you hear {round(sound[0].shape[-1] / sound[1], 1):g} s of its sound." if encoded else ""
            player = (
                f'<p class="in-jupyter">In Jupyter, this is a <code>{name}</code>: {NOTES[name]}. '
                f'<a href="{self.top}docs/try.html">Try one here</a>.{heard}</p>{player}'
            )
        return content.replace(audio, player) if encoded else content + player

    def view(self, widget, still: str) -> str:
        """Write the state and the script of a widget, and return HTML that shows it instead of its still."""
        state = state_of(widget)
        lanes = sum(lane["height"] for lane in state.get("_scene", {}).get("lanes", ()))
        style = f' style="--lanes: {lanes}px"' if lanes else ""
        names = f'data-widget="{self.write_script(widget)}" data-state="{self.write_state(state)}"'
        return f"<musiclab-view {names}{style}>{still}</musiclab-view>"

    def write_state(self, state: dict) -> str:
        """Write traits for ``host.js``, compressed, and return their name."""
        content = json.dumps(state, default=lambda data: {"base64": base64.b64encode(data).decode()})
        packed = base64.b64encode(zlib.compress(content.encode(), 9)).decode()
        return self.write_received(hashlib.sha256(content.encode()).hexdigest()[:16], packed)

    def write_script(self, widget) -> str:
        """Write script and style of a widget for ``host.js``, and return their name."""
        return self.write_received(type(widget).__name__, {"script": widget._esm, "style": widget._css})

    def write_received(self, name: str, value) -> str:
        """Write what ``host.js`` receives under a name."""
        content = f'musiclab.receive("{name}", {json.dumps(value)});\n'
        (self.folder / VIEWS / f"{name}.js").write_text(content, encoding="utf-8")
        return name

    def picture(self, encoded: str) -> str:
        """Write a picture, and return the attributes that load it late and leave room for it."""
        png = base64.b64decode(encoded)
        width, height = struct.unpack(">II", png[16:24])
        return f'loading="lazy" src="{self.write(png, "png")}" width="{width}" height="{height}"'

    def write(self, content: bytes, suffix: str) -> str:
        """Write a picture or a sound, and return its address on this page."""
        name = f"{VIEWS}/{hashlib.sha256(content).hexdigest()[:16]}.{suffix}"
        (self.folder / name).write_bytes(content)
        return self.top + name


def state_of(widget) -> dict:
    """Return the traits that a widget needs in the browser."""
    return {name: value for name, value in widget.get_state().items() if not name.startswith(_INTERNAL)}


def fenced(language: str, content: str) -> str:
    """Put text between lines of backticks, more than it contains itself."""
    ticks = "`" * max(3, *(len(run) + 1 for run in re.findall("`+", content)), 3)
    return f"{ticks}{language}\n{content}\n{ticks}"


def for_download(notebook):
    """Copy a notebook without outputs. If the address of the repository is known, its first cell installs musiclab."""
    copy = nbformat.from_dict(json.loads(json.dumps(notebook)))
    for cell in copy.cells:
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
    if REPOSITORY:
        copy.cells.insert(1, nbformat.v4.new_code_cell(install(), id="install"))
    return copy


def install() -> str:
    """Return the cell that installs musiclab where it is missing, by the ranges of its pyproject.toml."""
    return f'# not needed where musiclab is installed\n%pip install --quiet "musiclab[lessons] @ git+{REPOSITORY}"'


def services(page: str) -> dict[str, str]:
    """Return the addresses at which services on the web open a notebook, by the name of the service."""
    if not REPOSITORY:
        return {}
    quoted = REPOSITORY.replace(":", "%3A").replace("/", "%2F")
    found = {"Binder": f"https://mybinder.org/v2/git/{quoted}/HEAD?labpath={page}.ipynb"}
    host, _, path = REPOSITORY.partition("://")[2].partition("/")
    if host == "github.com":  # the only host whose repositories Colab opens
        found = {"Colab": f"https://colab.research.google.com/github/{path}/blob/main/{page}.ipynb", **found}
    return found


class Track(SphinxDirective):
    """Show a player with a generated track of a genre, its beats and its chords."""

    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        """Return the player as HTML."""
        track = studio.render(self.arguments[0], seed=1, seconds=8)
        lanes = [Lane.beats(track.record["beats"]), Lane.segments(track.record["chords"])]
        still = Player(track.waveform, track.sample_rate, lanes=lanes, preview=8).still()
        content = Page(self.env.docname, Path(self.env.app.outdir)).rich(still.html("Player"))
        return [nodes.raw("", f'<div class="output">{content}</div>', format="html")]


class InstallCell(SphinxDirective):
    """Show the cell that installs musiclab."""

    def run(self) -> list[nodes.Node]:
        """Return the cell as a block of Python."""
        return [nodes.literal_block(install(), install(), language="none")]


def adapt(_app, page: str, content: list[str]) -> None:
    """Name the repository or leave out what needs it, and let the terms of the glossary be linked and found."""
    if page == "README":  # which is a page among others here
        content[0] = content[0].replace("# musiclab", "# First steps", 1)
        content[0] = content[0].replace("the address of this page", "the address of musiclab's repository")
        content[0] = re.sub(
            r"^!\[The Player.+$", "```{track} reggae\n```", content[0], flags=re.MULTILINE
        )  # a live one
        if REPOSITORY:
            content[0] = re.sub(r"\s+Replace\s+`ADDRESS-OF-THIS-REPOSITORY`[^.]+\.", "", content[0])
            content[0] = content[0].replace("ADDRESS-OF-THIS-REPOSITORY", REPOSITORY)
    if page == "docs/elsewhere" and not REPOSITORY:
        content[0] = re.sub(r"^## In Colab or Binder\n.*?(?=^## )", "", content[0], flags=re.MULTILINE | re.DOTALL)
    if page == "notebooks/glossary":
        content[0] = re.sub(r"(^\*\*.+?\*\*: .+\n+)+", glossary, content[0], flags=re.MULTILINE)


def glossary(entries: re.Match) -> str:
    """Convert entries such as ``**class, label**: The classes are ...`` to Sphinx's directive."""
    terms = re.findall(r"^\*\*(.+?)\*\*: (.+)$", entries[0], re.MULTILINE)
    content = "\n\n".join("\n".join([*names.split(", "), f"  {definition}"]) for names, definition in terms)
    return fenced("{glossary}", content) + "\n\n"


def write_host(folder: Path) -> None:
    """Copy the script that brings views to life."""
    (folder / VIEWS).mkdir(parents=True, exist_ok=True)
    (folder / VIEWS / "host.js").write_text(browser.script("model", "host"), encoding="utf-8")


def setup(app) -> None:
    """Let Sphinx read notebooks."""
    app.add_source_suffix(".ipynb", "notebook")
    app.add_source_parser(NotebookParser)
    app.add_directive("track", Track)
    app.add_directive("install-cell", InstallCell)
    app.add_event("notebook-read")
    app.connect("builder-inited", lambda app: write_host(Path(app.outdir)))
    app.connect("source-read", adapt)
