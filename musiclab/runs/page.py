"""Write the page of an exported model: one HTML file that classifies sounds in a browser, without a network.

The page runs the same graph as the ONNX file. Its operators are in ``javascript/``, in plain JavaScript. The graph
becomes JSON, and its weights are compressed and written as text.
"""

import base64
import gzip
import re
from pathlib import Path
from typing import TYPE_CHECKING

from musiclab.core.errors import RunError, counted
from musiclab.runs.prediction import live_seconds

if TYPE_CHECKING:
    from musiclab.runs.run import Run

MOST_MULTIPLY_ADDS = 5e9
"""Largest number of multiply-adds per segment. A browser needs about a second for 1e9."""

_RUNTIME = ("tensors", "arithmetic", "layers", "stft", "graph", "resampling", "worker")
_TYPES = {"float32": "float", "float64": "double", "bool": "bool", "int32": "int", "int64": "int"}
_BYTES = {"float": "<f4", "double": "<f8", "int": "<f8", "bool": "u1"}  # in JavaScript, whole numbers are doubles


def check_size(run: "Run", path: Path) -> None:
    """Raise RunError if a browser would need too long for the model of a run."""
    multiply_adds = run.summary.multiply_adds
    if multiply_adds > MOST_MULTIPLY_ADDS:
        raise RunError(
            f"{path}: {run.settings.model} needs {multiply_adds:.1e} multiply-adds per segment, and a browser about "
            f"{multiply_adds / 1e9:.0f} s. Export it as {path.with_suffix('.onnx').name}, or train a smaller model "
            "(see --size)."
        )


def write_page(run: "Run", source: Path, path: Path) -> None:
    """Write the page of a run.

    Parameters
    ----------
    run : Run
        Trained model.
    source : Path
        ONNX file of the model.
    path : Path
        HTML file to write, which may be ``source``.
    """
    import onnx

    from musiclab import plots  # imported here, because importing matplotlib takes seconds
    from musiclab.plots import browser
    from musiclab.runs.report import render

    graph, weights = translate(onnx.load(source), run.settings.model)
    settings = run.settings
    config = settings.feature_settings
    model = {
        "graph": graph,
        "classes": settings.classes,
        "rate": config.sample_rate,
        "shortest": config.least_samples,
        "feature": settings.feature,
        "length": run.model.length,
        "hop": getattr(config, "hop_length", 1),
        "seconds": live_seconds(run.model, settings),
        "temperature": settings.calibrated.temperature,
        "colours": base64.b64encode(browser.colour_map(plots.LEVELS)).decode(),
    }
    widgets = browser.script("model", *browser.PLAYER, "microphone")
    text = render(
        "classifier.html",
        title=f"{run.name}: a classifier of {counted(len(settings.classes), 'class')}",
        run=run,
        result=run.result,
        style=browser.style("controls", "player", "clips"),
        model=model,
        weights=gzip.compress(weights, mtime=0),
        runtime=browser.script("fourier") + _read(*_RUNTIME),
        script=re.sub(r"^export default .+;\n", "", widgets, flags=re.MULTILINE) + _read("files", "classifier"),
    )
    path.write_text(text, encoding="utf-8")


def translate(file, model: str) -> tuple[dict, bytes]:
    """Translate an exported graph for ``javascript/graph.js``, up to the log-probabilities of the segments.

    Parameters
    ----------
    file : onnx.ModelProto
        Exported graph.
    model : str
        Name of the model, for the error message.

    Returns
    -------
    graph : dict
        Graph as JSON. Values are numbered, constants first. ``constants`` has the type, the shape and the offset in
        bytes of each. ``nodes`` has the operator, the inputs (-1: none), the outputs and the attributes of each.
        ``input`` and ``output`` are the waveform and the log-probabilities.
    weights : bytes
        Values of the constants.

    Raises
    ------
    RunError
        The graph needs an operator that pages don't have.
    """
    from onnx import helper, numpy_helper

    arrays = {tensor.name: numpy_helper.to_array(tensor) for tensor in file.graph.initializer}
    nodes, aliases = [], {}
    for node in file.graph.node:
        attributes = {attribute.name: helper.get_attribute_value(attribute) for attribute in node.attribute}
        inputs = [aliases.get(name, name) for name in node.input]
        if node.op_type == "Constant":
            arrays[node.output[0]] = numpy_helper.to_array(attributes["value"])
        elif node.op_type == "Identity":
            aliases[node.output[0]] = inputs[0]
        else:
            nodes.append((node.op_type, inputs, list(node.output), attributes))
    operators = set(re.findall(r"^operators\.(\w+) =", _read(*_RUNTIME), re.MULTILINE))
    if missing := sorted({operator for operator, *_ in nodes} - operators):
        raise RunError(
            f"{model}: a page can't run this model, because pages don't have the operators {', '.join(missing)}. "
            "Export it to a file that ends in .onnx."
        )
    average = max(index for index, (operator, *_) in enumerate(nodes) if operator == "ReduceMean")
    output = nodes[average][1][0]  # the page averages by itself, over parts of a long recording, too
    nodes = nodes[:average]
    used = {name for _, inputs, *_ in nodes for name in inputs}
    arrays = {name: array for name, array in arrays.items() if name in used}
    numbers = {"": -1} | {name: number for number, name in enumerate(arrays)}
    for name in [file.graph.input[0].name, *(name for _, _, outputs, _ in nodes for name in outputs)]:
        numbers.setdefault(name, len(numbers) - 1)
    constants, weights = [], bytearray()
    for array in arrays.values():
        kind = _TYPES[array.dtype.name]
        weights += bytes(-len(weights) % 8)  # each array starts at a multiple of 8 bytes
        constants.append([kind, list(array.shape), len(weights)])
        weights += array.astype(_BYTES[kind]).tobytes()
    graph = {
        "constants": constants,
        "nodes": [
            [operator, [numbers[name] for name in inputs], [numbers[name] for name in outputs], _as_json(attributes)]
            for operator, inputs, outputs, attributes in nodes
        ],
        "input": numbers[file.graph.input[0].name],
        "output": numbers[output],
    }
    return graph, bytes(weights)


def _as_json(attributes: dict) -> dict:
    """Convert attributes; a type becomes its name, and a tensor with one value its type and value."""
    from onnx import TensorProto, helper, numpy_helper

    converted = {}
    for name, value in attributes.items():
        if name == "to":
            value = _TYPES[helper.tensor_dtype_to_np_dtype(value).name]
        elif isinstance(value, bytes):
            value = value.decode()
        elif isinstance(value, TensorProto):
            array = numpy_helper.to_array(value)
            value = [_TYPES[array.dtype.name], array.item()]
        converted[name] = value
    return converted


def _read(*names: str) -> str:
    folder = Path(__file__).with_name("javascript")
    return "\n".join((folder / f"{name}.js").read_text(encoding="utf-8") for name in names)
