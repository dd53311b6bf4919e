"""Export a model with its features to ONNX, which many programs run without musiclab, or to a page for browsers."""

import json
import logging
import warnings
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import nn

import musiclab
from musiclab.audio import load_audio
from musiclab.core.errors import AudioError, RunError, counted
from musiclab.core.extras import require
from musiclab.core.files import check_can_write, replacing
from musiclab.metrics import difference_interval
from musiclab.runs import page
from musiclab.runs.graph import Graph
from musiclab.runs.prediction import BLOCK, predict
from musiclab.runs.settings import RunSettings

if TYPE_CHECKING:
    from musiclab.runs.run import Run

OPSET = 17
"""Version of the ONNX operators, the first with STFT. Runtimes from 2022 on have it."""

TOLERANCE = 1e-4
"""Largest difference between the probabilities of the file and of the run."""

_REAL_CLIPS = 10  # test clips for the comparison


@dataclass(frozen=True)
class Export:
    """An exported model, returned by :meth:`musiclab.runs.Run.export`.

    Attributes
    ----------
    path : pathlib.Path
        The ONNX file or the page.
    size : int, bytes
        Size of the file.
    sample_rate : int, Hz
        Sample rate of the waveforms that the file takes as input.
    shortest : int, samples
        Length of the shortest waveform. The run refuses shorter ones, and so should you.
    difference : float
        Largest difference between the probabilities of the file and of the run. For int8, this is the float32 model
        that was quantised.
    clips : str
        Description of the clips that both were compared on.
    int8 : dict or None
        For int8: ``float_size`` in bytes, the largest ``difference`` of the probabilities, and, if the test clips of
        the run are still there, their number ``n``, ``float_accuracy``, ``accuracy``, and ``cost`` (float32 minus int8)
        with its 95 % interval ``ci95``.
    """

    path: Path
    size: int
    sample_rate: int
    shortest: int
    difference: float
    clips: str
    int8: dict | None = None

    def __str__(self) -> str:
        least = f"at {self.sample_rate:,} Hz, at least {counted(self.shortest, 'sample')}"
        lines = [
            f"{self.path}: {self.size / 1e6:.2f} MB, ONNX opset {OPSET}",
            f"  input     waveform, float32, shape (batch, samples), {least}",
            "  output    probabilities, float32, shape (batch, classes)",
        ]
        if is_page(self.path):
            lines = [
                f"{self.path}: {self.size / 1e6:.2f} MB, open it in a browser",
                f"  input     sound files and the microphone; the model receives sound {least}",
            ]
        lines.append(f"  checked   largest difference from the run {self.difference:.1e}, on {self.clips}")
        if self.int8:
            lines.append(f"  int8      {self.int8['float_size'] / 1e6:.2f} MB as float32; {_describe_cost(self.int8)}")
        return "\n".join(lines)

    def to_dict(self) -> dict:
        """Return the description as a dictionary that can be saved as JSON."""
        return vars(self) | {"path": str(self.path), "opset": OPSET}


def is_page(path: Path) -> bool:
    """Return True if a path ends like that of a page for browsers."""
    return path.suffix.lower() in (".html", ".htm")


def export_run(run: "Run", path: str | Path, int8: bool = False, overwrite: bool = False) -> Export:
    """Write a model to an ONNX file or a page (see :meth:`musiclab.runs.Run.export`)."""
    path = Path(path)
    _check(run, path, int8, overwrite)
    settings = replace(run.settings, training={**run.settings.training, "precision": "fp32"})
    graph = Graph(run.model.cpu(), settings).eval()  # the exporter restores this mode in all parts
    config = settings.feature_settings
    with replacing(path) as unfinished:
        _trace(graph, unfinished, config.sample_rate)
        _write_metadata(unfinished, settings, "float32")
        session = _open(unfinished)
        difference, clips = _compare(run, settings, session)
        if not difference <= TOLERANCE:  # also if it is NaN
            raise RunError(
                f"{path}: not written, because its probabilities differ from those of the run by up to "
                f"{difference:.2g} (allowed: {TOLERANCE:g}), on {clips}. Use run.predict or musiclab predict instead, "
                "and report this with the model.json of the run."
            )
        cost = _quantise(unfinished, run, settings, session) if int8 else None
        if is_page(path):
            page.write_page(run, unfinished, unfinished)
        file_size = unfinished.stat().st_size
    return Export(path, file_size, config.sample_rate, config.least_samples, difference, clips, cost)


def _check(run: "Run", path: Path, int8: bool, overwrite: bool) -> None:
    run.check_single()
    if path.suffix.lower() != ".onnx" and not is_page(path):
        raise RunError(
            f"{path}: expected a file name that ends in .onnx or .html. Choose another one, such as model.onnx."
        )
    if is_page(path):
        if int8:
            raise RunError(f"{path}: int8 is only possible for files that end in .onnx. Leave it out.")
        page.check_size(run, path)
    check_can_write(path, "the model", "model.onnx")
    if path.exists() and not overwrite:
        raise RunError(
            f"{path}: this file exists. Choose another name, or replace it with --overwrite (overwrite=True in Python)."
        )
    require("export", "export", "onnx", "onnxruntime")


def _trace(graph: nn.Module, path: Path, sample_rate: int) -> None:
    with torch.no_grad(), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of the tracer about sizes that are constant, and a deprecation
        torch.onnx.export(
            graph,
            (_generate(round(7.3 * sample_rate), sample_rate)[None].repeat(2, 1),),
            str(path),
            dynamo=False,  # the other exporter needs onnxscript and has no LSTM with a variable batch
            opset_version=OPSET,
            input_names=["waveform"],
            output_names=["probabilities"],
            dynamic_axes={"waveform": {0: "batch", 1: "samples"}, "probabilities": {0: "batch"}},
        )


def _write_metadata(path: Path, settings: RunSettings, precision: str) -> None:
    import onnx

    config, data = settings.feature_settings, settings.data
    file = onnx.load(path)
    shape = file.graph.output[0].type.tensor_type.shape
    shape.dim[1].dim_value = len(settings.classes)  # the exporter leaves it open
    file.producer_name, file.producer_version = "musiclab", musiclab.__version__
    entries = {
        "classes": json.dumps(settings.classes, ensure_ascii=False),
        "sample_rate": str(config.sample_rate),
        "shortest": str(config.least_samples),
        "model": settings.model,
        "sizes": json.dumps(settings.sizes),
        "feature": settings.feature,
        "feature_settings": json.dumps(config.to_dict()),
        "data": data.get("name") or "",
        "licence": data.get("licence") or "",
        "musiclab": musiclab.__version__,
        "opset": str(OPSET),
        "precision": precision,
    }
    onnx.helper.set_model_props(file, entries)
    onnx.save(file, path)


def _open(path: Path):
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3  # errors
    return onnxruntime.InferenceSession(path.read_bytes(), options, providers=["CPUExecutionProvider"])


def _run(session, waveforms: np.ndarray) -> np.ndarray:
    return session.run(None, {"waveform": np.ascontiguousarray(waveforms, np.float32)})[0]


def _compare(run: "Run", settings: RunSettings, session) -> tuple[float, str]:
    """Return the largest difference between the probabilities of file and run, and a description of the clips."""
    rate, generated = settings.feature_settings.sample_rate, list(_generate_clips(run.model, settings))
    real = [clip for _, clip in _test_clips(run, settings, _REAL_CLIPS)]
    differences = []
    for waveform in [*real, *generated]:
        expected = predict(run.model, settings, waveform, rate, None, "cpu", False).probabilities
        differences.append(np.abs(_run(session, waveform[None]) - expected).max())
    batch = np.stack([generated[1], generated[1][::-1], -0.5 * generated[1]])
    alone = np.concatenate([_run(session, waveform[None]) for waveform in batch])
    differences.append(np.abs(_run(session, batch) - alone).max())
    lengths = ", ".join(f"{len(waveform) / rate:.1f}" for waveform in generated)
    clips = f"{len(real)} test clips and " if real else ""
    return float(np.max(differences)), f"{clips}{len(generated)} generated clips of {lengths} s"


def _generate_clips(model: nn.Module, settings: RunSettings) -> Iterator[np.ndarray]:
    config = settings.feature_settings
    segment = model.length * getattr(config, "hop_length", 1)
    lengths = {round(seconds * config.sample_rate) for seconds in (0.5, 3, 7.3)} | {round(1.7 * segment)}
    for samples in sorted({max(length, config.least_samples) for length in lengths}):
        yield _generate(samples, config.sample_rate).numpy()


def _generate(samples: int, sample_rate: int) -> torch.Tensor:
    """Generate a clip that no feature is constant for: gliding tones, beats and noise, shape (samples,)."""
    rng, time = np.random.default_rng(0), np.arange(samples) / sample_rate
    tones = sum(np.sin(2 * np.pi * (pitch + 20 * time) * time) for pitch in (222.0, 447.0, 1330.0))
    waveform = 0.15 * tones * (0.2 + (time % 0.4 < 0.25)) + 0.02 * rng.standard_normal(samples)
    return torch.from_numpy(waveform.clip(-1, 1).astype(np.float32))


def _test_clips(run: "Run", settings: RunSettings, most: int | None = None) -> Iterator[tuple[int, np.ndarray]]:
    """Yield the row in the result and the waveform of evenly spaced test clips whose files are still there."""
    paths = [] if run.result is None else run.result.paths
    rows = [row for row, path in enumerate(paths) if Path(path).is_file()]
    for row in rows if most is None else rows[:: -(-len(rows) // most) or 1]:
        try:
            waveform, _ = load_audio(paths[row], settings.feature_settings.sample_rate)
        except AudioError:
            continue
        if len(waveform) >= settings.feature_settings.least_samples:
            yield row, waveform[: round(BLOCK * settings.feature_settings.sample_rate)]


def _quantise(path: Path, run: "Run", settings: RunSettings, exact) -> dict:
    """Replace the weights of the network in ``path`` by 8-bit integers, and measure what that costs."""
    import onnx
    from onnxruntime.quantization import QuantType, quantize_dynamic

    float_size = path.stat().st_size
    names = [node.name for node in onnx.load(path).graph.node]
    front = [name for name in names if not _is_in_network(name)]
    with TemporaryDirectory() as folder:  # the quantiser leaves files of its own next to its output
        source = Path(folder, "float.onnx")
        source.write_bytes(path.read_bytes())
        logging.disable(logging.WARNING)  # the root logger would explain optional steps
        try:
            quantize_dynamic(source, Path(folder, "int8.onnx"), weight_type=QuantType.QUInt8, nodes_to_exclude=front)
        finally:
            logging.disable(logging.NOTSET)
        path.write_bytes(Path(folder, "int8.onnx").read_bytes())
    _write_metadata(path, settings, "int8")
    rounded = _open(path)
    differences = [
        np.abs(_run(rounded, waveform[None]) - _run(exact, waveform[None])).max()
        for waveform in _generate_clips(run.model, settings)
    ]
    cost: dict = {"float_size": float_size}
    rows, correct = [], []
    for row, waveform in _test_clips(run, settings):
        both = [_run(session, waveform[None])[0] for session in (exact, rounded)]
        differences.append(np.abs(both[1] - both[0]).max())
        rows.append(row)
        correct.append([probabilities.argmax() == run.result.labels[row] for probabilities in both])
    cost["difference"] = float(np.max(differences))
    if rows:
        before, after = np.transpose(correct)
        ci95 = difference_interval(before, after, run.result.groups[rows])
        cost |= {"n": len(rows), "float_accuracy": float(before.mean()), "accuracy": float(after.mean())}
        cost |= {"cost": float(before.mean() - after.mean()), "ci95": ci95}
    return cost


def _is_in_network(name: str) -> bool:
    """Return True for a node of the model or of an encoder's layers, such as "/front/parts.0/stem/Conv"."""
    return name.startswith("/model/") or (
        name.startswith("/front/parts.") and name.count("/") > 3 and "/resampling/" not in name
    )


def _describe_cost(int8: dict) -> str:
    difference = f"probabilities change by up to {int8['difference']:.2g}"
    if "n" not in int8:
        return f"{difference}; the cost in accuracy is unknown, because the test clips of the run are not there"
    low, high = (100 * end for end in int8["ci95"])
    return (
        f"{difference}; accuracy {100 * int8['float_accuracy']:.1f} % as float32, {100 * int8['accuracy']:.1f} % as "
        f"int8: a cost of {100 * int8['cost']:.1f} points (95 % interval {low:.1f} to {high:.1f}, n = {int8['n']})"
    )
