"""The project: nothing listed twice, cheap to import, and a lower layer that never imports a higher one."""

import ast
import importlib.metadata
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement

import musiclab

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "musiclab"
SOURCES = sorted(PACKAGE.rglob("*.py"))


# What is needed


@pytest.fixture(scope="module")
def project():
    return tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


@pytest.fixture(scope="module")
def declared(project):
    """Requirements of pyproject.toml, those of the extras too, by name."""
    texts = [*project["dependencies"], *(text for extra in project["optional-dependencies"].values() for text in extra)]
    requirements = [Requirement(text) for text in texts]
    names = [requirement.name for requirement in requirements]
    assert len(set(names)) == len(names)
    return dict(zip(names, requirements, strict=True))


@pytest.fixture(scope="module")
def pins():
    """Lines of requirements.txt: requirement and comment, by name; the last line is left out."""
    lines = (ROOT / "requirements.txt").read_text(encoding="utf-8").splitlines()
    assert lines.pop() == "-e ."
    found = {}
    for line in lines:
        if not line.startswith("#"):
            pin, _, comment = line.partition("  # ")
            requirement = Requirement(pin)
            assert requirement.name not in found, f"{requirement.name} is listed twice"
            found[requirement.name] = (requirement, comment)
    return found


def test_every_range_is_bounded(declared):
    for name, requirement in declared.items():
        kinds = {part.operator for part in requirement.specifier}
        assert kinds == {">=", "<"}, name


def test_every_pin_is_one_version_within_the_range_and_says_what_it_is_for(declared, pins):
    assert set(pins) == set(declared)
    for name, (pin, comment) in pins.items():
        (part,) = pin.specifier
        assert part.operator == "==", name
        assert declared[name].specifier.contains(part.version), f"{pin} is not within {declared[name]}"
        assert comment, f"{name}: say what it is for"


def test_the_tests_pass_in_the_environment_that_is_pinned(pins):
    for name, (pin, _) in pins.items():
        assert pin.specifier.contains(importlib.metadata.version(name), prereleases=True), name


def test_the_conda_environment_lists_nothing_again(project):
    environment = yaml.safe_load((ROOT / "environment.yml").read_text(encoding="utf-8"))
    python, pip, rest = environment["dependencies"]
    assert python.startswith("python>=3.11")
    assert project["requires-python"] == ">=3.11"
    assert pip == "pip"
    assert rest == {"pip": ["-r requirements.txt"]}


def test_what_is_imported_is_declared(declared):
    distributions = importlib.metadata.packages_distributions()
    brought_by_jupyter = {"babel", "ipython", "jupyterlab", "nbclient", "nbformat"}
    known = {normal(name) for name in declared} | brought_by_jupyter
    for source in SOURCES:
        for name in imported_names(source):
            package = top(name)
            if package != "musiclab" and package not in sys.stdlib_module_names:
                owners = {normal(owner) for owner in distributions.get(package, [])}
                assert owners & known, f"{source.name} imports {package}, which pyproject.toml does not list"


def test_what_an_extra_brings_is_imported_only_when_it_is_asked_for(project):
    """At the top of a file, in rooms for notebooks only, and in three modules that others import in a function."""
    extras = project["optional-dependencies"]
    assert set(extras) == {"lessons", "dask", "export", "book", "test"}
    brought = {normal(Requirement(text).name) for texts in extras.values() for text in texts} | {"ipython", "nbformat"}
    owners = importlib.metadata.packages_distributions()
    importing = {
        source.relative_to(PACKAGE).as_posix()
        for source in SOURCES
        for name in imported_names(source, nested=False)
        if brought & {*map(normal, owners.get(top(name), []))}
    }
    others = {name for name in importing if name.partition("/")[0] not in ("plots", "widgets", "lessons")}
    assert others == {"features/references.py", "runs/report.py", "umtn/sampling.py"}


def test_what_is_no_python_is_installed_too():
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["setuptools"]
    installed = set()
    for package, patterns in settings["package-data"].items():
        folder = ROOT.joinpath(*package.split("."))
        installed |= {file for pattern in patterns for file in folder.glob(pattern)}
    files = {file for file in PACKAGE.rglob("*.*") if file.is_file() and "__pycache__" not in file.parts}
    assert installed == {file for file in files if file.suffix != ".py"}


def top(name):
    return name.partition(".")[0]


def normal(name):
    return re.sub(r"[-_.]+", "-", name).lower()


def test_the_version_is_said_once_and_the_command_is_there(project):
    assert project["version"] == musiclab.__version__ == importlib.metadata.version("musiclab")
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    assert citation["version"] == project["version"]
    assert citation["license"] == project["license"]
    assert {"cff-version", "message", "title", "authors"} <= citation.keys()  # what its schema requires
    (command,) = importlib.metadata.entry_points(group="console_scripts", name="musiclab")
    assert command.load().__module__ == "musiclab.cli"


# Imports


def modules_after(statement):
    done = subprocess.run(
        [sys.executable, "-c", f"import sys; {statement}; print(*sys.modules)"],
        capture_output=True, text=True, check=True, timeout=120,
    )  # fmt: skip
    return set(done.stdout.split())


@pytest.mark.parametrize(
    ("statement", "forbidden"),
    [
        ("import musiclab", {"numpy", "torch", "librosa", "pandas", "matplotlib", "scipy", "h5py", "typer"}),
        ("import musiclab.cli", {"numpy", "torch", "librosa", "pandas", "matplotlib", "scipy", "h5py"}),
        ("import musiclab.features", {"torch", "torchaudio", "librosa", "pandas", "matplotlib"}),
        ("import musiclab.datasets", {"torch", "torchaudio", "librosa", "matplotlib", "scipy", "sklearn", "requests"}),
        (
            "import musiclab.runs",
            {"librosa", "torchaudio", "matplotlib", "soundfile", "dask", "distributed"},
        ),
    ],
)
def test_what_is_not_used_is_not_loaded(statement, forbidden):
    assert not modules_after(statement) & forbidden


def seconds_to(statement):
    """The least of five: what the machine takes when nothing else is in the way."""
    code = f"import time; began = time.perf_counter(); {statement}; print(time.perf_counter() - began)"
    return min(float(subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout)
               for _ in range(5))  # fmt: skip


def test_the_package_alone_is_there_at_once():
    assert seconds_to("import musiclab") < seconds_to("import numpy") / 2


def test_submodules_load_when_they_are_named():
    loaded = modules_after("import musiclab; assert 'audio' in dir(musiclab); musiclab.audio")
    assert "musiclab.audio" in loaded
    assert "musiclab.training" not in loaded
    with pytest.raises(AttributeError, match="module 'musiclab' has no attribute 'autotune'"):
        musiclab.autotune  # noqa: B018


def test_every_module_can_be_reached_from_the_package():
    modules = {source.stem for source in PACKAGE.glob("*.py") if not source.stem.startswith("_")}
    assert modules <= set(musiclab._ROOMS) <= {unit(source) for source in SOURCES}
    assert musiclab._ROOMS[0] in dir(musiclab)


# Layers


def unit(source):
    """The module or subpackage of musiclab that a file belongs to: ``datasets/esc.py`` -> ``datasets``."""
    return source.relative_to(PACKAGE).parts[0].removesuffix(".py")


def imported_names(source, nested=True):
    """Full names of all that a file imports, at its top or, if ``nested``, in a function."""
    tree = ast.parse(source.read_text(encoding="utf-8"))
    for node in ast.walk(tree) if nested else tree.body:
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            here = ["musiclab", *source.relative_to(PACKAGE).parent.parts]
            parent = here[: len(here) - node.level + 1] if node.level else []
            module = ".".join([*parent, *([node.module] if node.module else [])])
            yield from (f"{module}.{alias.name}" for alias in node.names)


@pytest.fixture(scope="module")
def imports():
    """What each module or subpackage of musiclab imports of the others."""
    units = {unit(source) for source in SOURCES}
    graph = {name: set() for name in units}
    for source in SOURCES:
        for name in imported_names(source):
            first, *rest = name.split(".")
            if first == "musiclab" and rest and rest[0] in units:
                graph[unit(source)].add(rest[0])
        graph[unit(source)].discard(unit(source))
    return graph


def reached_from(graph, start):
    found, waiting = set(), [start]
    while waiting:
        for name in graph[waiting.pop()] - found:
            found.add(name)
            waiting.append(name)
    return found


def test_no_module_imports_itself_by_way_of_others(imports):
    assert [name for name in imports if name in reached_from(imports, name)] == []


def test_a_lower_layer_never_imports_a_higher_one(imports):
    """The order is the one of the table in the docstring of the package, from the first line to the last."""
    table = re.findall(r"^([a-z][a-z_, ]*?)  +\S", musiclab.__doc__, re.MULTILINE)
    layers = {name: number for number, line in enumerate(table) for name in line.split(", ")}
    assert layers["audio"] < layers["models"] < layers["datasets"] < layers["store"] < layers["training"]
    assert layers["training"] < layers["runs"] < layers["cli"]
    assert list(layers) == list(musiclab._ROOMS)
    for name, layer in layers.items():
        higher = {other for other in reached_from(imports, name) if layers.get(other, 0) > layer}
        assert not higher, f"{name} imports {', '.join(higher)}, directly or by way of others"


def test_only_one_module_imports_torchaudio():
    importing = {unit(source) for source in SOURCES if "torchaudio" in set(imported_names(source))}
    assert importing == {"features"}


# Text


def test_no_file_names_a_place_of_one_machine():
    texts = [*SOURCES, *(ROOT / "tests").glob("*.py"), *ROOT.glob("*.*"), ROOT / "Makefile"]
    for path in texts:
        if path.is_file() and not path.name.endswith(".h5"):
            found = re.findall(r"(?:/(?:home|root|Users)/|C:\\Users)\w+", path.read_text(encoding="utf-8"))
            assert found == [], path
