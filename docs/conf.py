"""Build the book: ``make book`` writes it to build/book.

The source folder of Sphinx is the repository, so that links between lessons, guide and README need no translation.
"""

import inspect
import pkgutil
import re
import sys
from importlib import import_module
from pathlib import Path
from types import ModuleType

from docutils import nodes
from docutils.utils.math.latex2mathml import tex2mathml
from sphinx.errors import ExtensionError
from sphinx.pycode import ModuleAnalyzer

import musiclab

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT / "docs"))  # for notebook_pages

project = "musiclab"
root_doc = "docs/index"
version = release = musiclab.__version__
html_title = "musiclab"
html_theme = "furo"
html_copy_source = False
html_show_search_summary = False  # a page opened as a file can't read other pages
html_show_sphinx = html_show_copyright = False
html_static_path = ["static"]
html_css_files = ["book.css"]
html_js_files = [("views/host.js", {"defer": "defer"})]
html_math_renderer = "mathml"

extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "sphinx.ext.viewcode",
    "matplotlib.sphinxext.plot_directive",
    "notebook_pages",
    "recordings",
    "decks",
]
SOURCES = ("README.md", "CONTRIBUTING.md", "benchmarks", "docs", "musiclab", "notebooks")
include_patterns = [
    *("*.md", "benchmarks/recipes.md", "docs/**", "musiclab/**/README.md", "notebooks/*.md"),
    *("notebooks/[0-9]*.ipynb", "notebooks/solutions/[0-9]*.ipynb"),  # not what a learner adds
]
exclude_patterns = [path.name for path in ROOT.iterdir() if path.name not in SOURCES]
myst_enable_extensions = ["colon_fence", "deflist", "dollarmath"]
myst_heading_anchors = 3
napoleon_google_docstring = False
napoleon_use_param = napoleon_use_rtype = False  # types are phrases, not names to link
napoleon_custom_sections = [("Attributes", "params_style")]
highlight_language = "none"  # of blocks after a double colon; Python is marked as such
autodoc_typehints = "none"  # the docstrings give shapes and units as well
autodoc_member_order = "bysource"
plot_html_show_formats = plot_html_show_source_link = False
plot_formats = [("png", 120)]
plot_include_source = True
plot_pre_code = "import numpy as np\nimport pandas as pd\nfrom musiclab.features import *\nfrom musiclab.plots import *"

REFERENCE = Path(__file__).parent / "reference"


def public_names(room: ModuleType) -> list[str]:
    """List the classes, functions and constants of a room, in this order, without those it imports from others."""
    names = [name for name in dir(room) if not name.startswith("_") and name not in ("log", "TYPE_CHECKING")]
    values = {name: getattr(room, name) for name in names}
    ours = [
        name
        for name, value in values.items()
        if not isinstance(value, ModuleType)
        and (getattr(value, "__module__", None) or room.__name__).startswith(room.__name__)
        and getattr(value, "__module__", "") != "typing"
    ]
    return sorted(ours, key=lambda name: (not inspect.isclass(values[name]), not callable(values[name]), name.lower()))


def describe(room: ModuleType, name: str) -> str:
    """Return the entry of one name of a room, or raise an error if it is not documented."""
    value = getattr(room, name)
    if callable(value):
        if not inspect.getdoc(value):
            raise ValueError(f"{room.__name__}.{name} has no docstring")
        if inspect.isclass(value):
            return f".. autoclass:: {room.__name__}.{name}\n   :members:\n"
        return f".. autofunction:: {room.__name__}.{name}\n"
    modules = [module for path, module in sys.modules.items() if path.startswith(room.__name__)]
    for module in [room, *modules]:
        comment = ModuleAnalyzer.for_module(module.__name__).find_attr_docs().get(("", name))
        if comment:
            text = "\n".join(f"   {line}".rstrip() for line in comment)
            return f".. py:data:: {name}\n   :module: {room.__name__}\n\n{text}\n"
    raise ValueError(f"{room.__name__}.{name} is not documented; put a docstring below it, or begin its name with _")


def write_reference(_app=None) -> None:
    """Write a page for each room: its docstring, then everything it offers."""
    REFERENCE.mkdir(exist_ok=True)
    problems = []
    for name in musiclab._ROOMS:
        room = import_module(f"musiclab.{name}")
        entries, names = [], public_names(room)
        if not names:  # then its modules are what it offers
            modules = [f"{room.__name__}.{module.name}" for module in pkgutil.iter_modules(room.__path__)]
            entries = [f".. automodule:: {module}\n   :members:\n" for module in modules]
        for public in names:
            try:
                entries.append(describe(room, public))
            except ValueError as problem:
                problems.append(str(problem))
        title = f"musiclab.{name}"
        page = f"{title}\n{'=' * len(title)}\n\n.. automodule:: {title}\n\n.. currentmodule:: {title}\n\n"
        (REFERENCE / f"{name}.rst").write_text(page + "\n".join(entries))
    if problems:
        raise ExtensionError("\n".join(problems))


def draw_examples(_app, _what, name, function, _options, lines: list[str]) -> None:
    """Show the figure that the example of a plot function draws, below its code."""
    starts = [position for position, line in enumerate(lines) if line.startswith(">>>")]
    if name.startswith("musiclab.plots.") and starts and "ax" in inspect.signature(function).parameters:
        example = [f"   {line}" for line in lines[starts[0] :]]
        lines[starts[0] :] = [".. plot::", "   :format: doctest", "", *example, ""]


# What docutils doesn't know, in words that it knows
TEX = {r"\\big": "", r"\\dots": r"\\ldots", r"\\(begin|end){array}({c+})?": r"\\\1{matrix}"}


def draw_formula(translator, node) -> None:
    """Convert a formula to MathML, which browsers draw without a script."""
    formula = node.astext()
    for unknown, known in TEX.items():
        formula = re.sub(unknown + r"(?![a-z])", known, formula)
    is_block = isinstance(node, nodes.math_block)
    try:
        translator.body.append(tex2mathml(formula, as_block=is_block))
    except Exception as error:
        raise ExtensionError(f"{translator.builder.current_docname}: {formula}: {error}") from error
    raise nodes.SkipNode


def link_folder(_app, _page, content: list[str]) -> None:
    """Let links to the folder of the solutions lead to their page."""
    content[0] = re.sub(r"\]\((?:notebooks/)?solutions\)", "](/docs/solutions.md)", content[0])


def write_entrance(app, error) -> None:
    """Write the index.html that a server shows first."""
    target = app.builder.get_target_uri(root_doc)
    head = f'<meta charset="utf-8"><title>musiclab</title><meta http-equiv="refresh" content="0; url={target}">'
    page = f'<!doctype html><html lang="en"><head>{head}</head><body><a href="{target}">musiclab</a></body></html>'
    Path(app.outdir, "index.html").write_text(page, encoding="utf-8")


def setup(app) -> None:
    """Connect the functions above to Sphinx."""
    app.add_html_math_renderer("mathml", (draw_formula, None), (draw_formula, None))
    app.connect("source-read", link_folder)
    app.connect("build-finished", write_entrance)
    app.connect("builder-inited", write_reference)
    app.connect("autodoc-process-docstring", draw_examples)
