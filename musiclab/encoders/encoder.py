"""Encoders: networks, feature vectors and files behind one interface."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import nn

from musiclab import features, models
from musiclab.audio import resample
from musiclab.core.checks import check_known
from musiclab.core.covering import covering
from musiclab.core.errors import AudioError, RunError
from musiclab.core.extras import require
from musiclab.encoders import STUDIO_WEIGHTS, architecture, musicnn
from musiclab.features.settings import ENCODERS, SEGMENT_SECONDS, EmbeddingConfig, is_encoder_file

BATCH = 16
"""Segments per batch."""

MUSICNN_BATCH = 2
"""Segments per batch of MusiCNN on a CPU: its maps take 9 MB per segment, and 16 of them are half as fast as 2."""


class Encoder:
    """Compute embeddings of waveforms. :func:`musiclab.encoders.load` creates encoders.

    Attributes
    ----------
    name : str
        Name of the encoder.
    sample_rate : int, Hz
        Sample rate that the encoder works with. Waveforms with another one are resampled.
    dimensions : int
        Number of values of an embedding.
    """

    def __init__(self, name: str, sample_rate: int, compute: Callable, network: nn.Module | None = None):
        self.name, self.sample_rate = name, sample_rate
        self.network = network
        self._compute = compute
        self.dimensions = ENCODERS.get(name) or self.embed(np.zeros(sample_rate), sample_rate, "cpu").shape[1]

    def embed(self, waveform: np.ndarray, sample_rate: int, device: str = "auto") -> np.ndarray:
        """Compute one embedding for each 3 s of a waveform.

        Parameters
        ----------
        waveform : float array, shape (samples,)
            Sound in [-1, 1]. If it is shorter than 3 s, it is repeated. Otherwise, the last segment ends with the
            waveform and overlaps the one before.
        sample_rate : int, Hz
            Sample rate of the waveform.
        device : str, default "auto"
            Device to compute on: "auto" (a GPU if available), "cpu", "cuda" or "mps".

        Returns
        -------
        float32 array, shape (segments, dimensions)
            Embeddings.

        Raises
        ------
        AudioError
            The waveform is shorter than 0.1 s, or contains NaN or infinite values.
        RunError
            The encoder returned something other than one vector of finite numbers per segment.

        Examples
        --------
        >>> from musiclab import encoders
        >>> encoders.load("summary").embed(np.zeros(10 * 22050), 22050).shape  # 10 s
        (4, 128)
        """
        _check_waveform(waveform, sample_rate)
        segments = cut(resample(np.float32(waveform), sample_rate, self.sample_rate), self.sample_rate)
        if device == "auto":
            device = "cuda" if torch.cuda.is_available() else "cpu"
        if self.network is not None:
            self.network.to(device)
        size = MUSICNN_BATCH if device == "cpu" and self.name.startswith("musicnn") else BATCH
        with torch.inference_mode():
            batches = [self._embed_batch(batch.to(device)) for batch in torch.from_numpy(segments).split(size)]
        return torch.cat(batches).numpy()

    def _embed_batch(self, batch: torch.Tensor) -> torch.Tensor:
        values = self._compute(batch).float().cpu()
        if values.ndim != 2 or len(values) != len(batch) or not values.isfinite().all():
            raise RunError(
                f"encoder {self.name}: expected finite values of shape (segments, dimensions) for an input of shape "
                f"{tuple(batch.shape)}, found shape {tuple(values.shape)}"
            )
        return values


class _Joined(Encoder):
    """Several encoders, whose embeddings are put one after the other."""

    def __init__(self, name: str, encoders: list[Encoder]):
        self.name, self.sample_rate = name, max(encoder.sample_rate for encoder in encoders)
        self.encoders, self.dimensions = encoders, sum(encoder.dimensions for encoder in encoders)

    def embed(self, waveform: np.ndarray, sample_rate: int, device: str = "auto") -> np.ndarray:
        return np.hstack([encoder.embed(waveform, sample_rate, device) for encoder in self.encoders])


def load(name: str, sample_rate: int) -> Encoder:
    """Load an encoder (see :func:`musiclab.encoders.load`)."""
    if "+" in name:
        return _Joined(name, [load(part, sample_rate) for part in name.split("+")])
    if is_encoder_file(name):
        return _load_file(name, sample_rate)
    check_known(name, ENCODERS, "an encoder")
    if name == "summary":
        config = features.SummaryConfig(kind="full")
        return Encoder(name, config.sample_rate, lambda batch: features.summary(batch, config))
    network = load_network(name)
    config = network.feature_config
    return Encoder(name, config.sample_rate, lambda batch: network.embed(features.log_mel(batch, config)), network)


def load_network(name: str) -> models.Classifier:
    """Load the network of an encoder in evaluation mode, with its trained or its random weights.

    Raises
    ------
    RunError
        The encoder has no network, or its weights are missing or damaged.
    """
    model, sizes = architecture(name)
    path = STUDIO_WEIGHTS
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)  # of the encoders with random weights
        network = models.create(model, musicnn.TAGS if model == "musicnn" else 2, **sizes)
    if name == "musicnn-random":
        return network.eval()
    if name in musicnn.CHECKPOINTS:
        path = musicnn.weight_file(name)
        if not path.is_file():
            raise RunError(
                f"encoder {name}: its weights are missing. Fetch them once, over the network, with: "
                "musiclab encoders --fetch"
            )
    try:
        weights = load_file(path)
    except (SafetensorError, OSError, ValueError) as error:
        fix = " Fetch it again with: musiclab encoders --fetch --force" if model == "musicnn" else ""
        raise RunError(f"{path}: this is not a safetensors file ({error}).{fix}") from error
    if name == "random":
        network.standardise_by(weights["mean"], weights["deviation"])
        return network.eval()
    try:
        keys = network.load_state_dict({key: value.float() for key, value in weights.items()}, strict=False)
        problem = next((key for key in sorted(keys.missing_keys) if not key.startswith("output.")), "")
    except RuntimeError as error:  # another shape
        problem = str(error)
    if problem:
        raise RunError(f"{path}: the weights do not fit the network: {problem[:200]}")
    return network.eval()


def start_from(model: models.Classifier, name: str) -> None:
    """Copy the weights of an encoder into a model (see :func:`musiclab.encoders.start_from`)."""
    weights = {key: value for key, value in load_network(name).state_dict().items() if not key.startswith("output.")}
    own = model.state_dict()
    for key, value in weights.items():
        if key not in own or own[key].shape != value.shape:
            actual = "no such layer" if key not in own else " x ".join(map(str, own[key].shape))
            raise RunError(
                f"start={name}: {key} has the shape {' x '.join(map(str, value.shape))} in this encoder, but the model "
                f"has {actual}. Use the model and the sizes of the encoder."
            )
    model.load_state_dict(weights, strict=False)


def cut(waveform: np.ndarray, sample_rate: int) -> np.ndarray:
    """Cut a waveform into segments of 3 s, shape (segments, samples). A shorter waveform is repeated.

    Examples
    --------
    >>> cut(np.arange(5, dtype=np.float32), sample_rate=1)  # 3 s are 3 samples
    array([[0., 1., 2.],
           [2., 3., 4.]], dtype=float32)
    """
    length = round(SEGMENT_SECONDS * sample_rate)
    if len(waveform) < length:
        return np.resize(waveform, length)[None]
    starts = covering(len(waveform) - length, length, step=length)
    return np.stack([waveform[start : start + length] for start in starts])


def _load_file(name: str, sample_rate: int) -> Encoder:
    path = Path(name).expanduser()
    if not path.is_file():
        raise RunError(f"encoder {name}: no such file. The built-in encoders are {', '.join(ENCODERS)}.")
    if not name.lower().endswith(".onnx"):
        try:
            network = torch.jit.load(path, map_location="cpu").eval()
        except (RuntimeError, ValueError) as error:
            raise RunError(f"encoder {name}: this is not a TorchScript file ({str(error)[:200]})") from error
        return Encoder(name, sample_rate, _explained(name, network), network)
    require(f"encoder {name}", "export", "onnxruntime")
    import onnxruntime

    try:
        session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    except Exception as error:  # onnxruntime's errors have no common base class but this one
        raise RunError(f"encoder {name}: this is not an ONNX file ({str(error)[:200]})") from error
    entry = session.get_inputs()[0].name
    compute = lambda batch: torch.from_numpy(session.run(None, {entry: batch.cpu().numpy()})[0])  # noqa: E731
    return Encoder(name, sample_rate, _explained(name, compute))


def _explained(name: str, compute: Callable) -> Callable:
    """Wrap the function of a file, so that its errors say which file is wrong."""

    def call(batch: torch.Tensor) -> torch.Tensor:
        try:
            values = compute(batch)
        except Exception as error:  # of a foreign network
            raise RunError(
                f"encoder {name}: it failed on an input of shape {tuple(batch.shape)} ({str(error).strip()[-200:]})"
            ) from error
        return values if isinstance(values, torch.Tensor) else torch.as_tensor(values)

    return call


def _check_waveform(waveform: np.ndarray, sample_rate: int) -> None:
    least = EmbeddingConfig(sample_rate).least_samples
    if waveform.ndim != 1 or not np.isfinite(waveform).all():
        raise AudioError(f"waveform: expected finite samples of shape (samples,), found shape {waveform.shape}")
    if len(waveform) < least:
        raise AudioError(
            f"expected at least 0.1 s ({least} samples at {sample_rate} Hz) for an embedding, found {len(waveform)} "
            "samples; leave the clip out, or pad it with audio.fix_length"
        )
