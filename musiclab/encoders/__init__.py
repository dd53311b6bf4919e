"""Turn sound into embeddings, with networks that have already been trained.

An embedding is a vector that describes 3 s of sound, such that similar sounds have similar vectors. An encoder is the
network that computes it. A classifier on top of a good encoder needs few examples.

==================  ==========  ==============================================================================
name                dimensions  encoder
==================  ==========  ==============================================================================
``studio``          256         our network, trained on generated sound alone, comes with musiclab
``musicnn``         1506        MusiCNN, trained on the tags of the Million Song Dataset (Pons and Serra, 2019)
``musicnn-mtt``     1506        the same network, trained on the tags of MagnaTagATune
``summary``         128         no network: the mean and the standard deviation of 64 features
``random``          256         the network of ``studio`` with random weights, as a control
``musicnn-random``  1506        the network of ``musicnn`` with random weights, as a control
==================  ==========  ==============================================================================

The weights of MusiCNN come from a Python package, which :func:`fetch` downloads once. A path to a TorchScript (``.pt``)
or ONNX (``.onnx``) file is an encoder, too. It receives waveforms, shape (segments, samples), and returns one vector
for each. ``a+b`` joins the vectors of two encoders.

Examples
--------
>>> import numpy as np
>>> from musiclab import encoders
>>> encoder = encoders.load("summary")
>>> encoder.embed(np.random.default_rng(0).normal(0, 0.1, 5 * 16000), sample_rate=16000).shape  # 5 s of noise
(2, 128)
"""

import json
import zlib
from collections.abc import Mapping
from functools import lru_cache, reduce
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from musiclab import features
from musiclab.core.checks import check_known
from musiclab.core.errors import RunError
from musiclab.features import EmbeddingConfig
from musiclab.features.settings import ENCODERS as _ENCODERS
from musiclab.features.settings import is_encoder_file as _is_file

if TYPE_CHECKING:  # torch is imported with the first encoder
    from musiclab.encoders.encoder import Encoder

NAMES = tuple(_ENCODERS)
"""Names of the built-in encoders."""

STUDIO_WEIGHTS = Path(str(files("musiclab.encoders"))) / "pretrained" / "studio.safetensors"
"""Weights of ``studio``. The file of the same name that ends in ``.json`` has the sizes of its network."""


@lru_cache(maxsize=8)
def load(name: str, sample_rate: int = 22050) -> "Encoder":
    """Load an encoder.

    Parameters
    ----------
    name : str
        Name of an encoder, path of a TorchScript or ONNX file, or several of them joined by ``+``.
    sample_rate : int, Hz, default 22050
        Sample rate that an encoder in a file expects. The built-in encoders have their own.

    Returns
    -------
    Encoder
        Encoder, whose method ``embed`` computes embeddings.

    Raises
    ------
    RunError
        The name is unknown, the weights have not been fetched, or the file is damaged or cannot be used.

    Examples
    --------
    >>> load("studio+summary").dimensions
    384
    """
    from musiclab.encoders import encoder

    return encoder.load(name, sample_rate)


def load_for(config: EmbeddingConfig) -> "Encoder":
    """Load the encoder of embedding settings, and check that its weights have not changed.

    Parameters
    ----------
    config : musiclab.features.EmbeddingConfig
        Settings, for example of a store or a run.

    Returns
    -------
    Encoder
        As from :func:`load`.

    Raises
    ------
    RunError
        As in :func:`load`. Also if the weights are not those for which the settings were created.
    """
    encoder = load(config.encoder, config.sample_rate)
    if config.checksum and (actual := checksum_of(config.encoder)) != config.checksum:
        raise RunError(
            f"encoder {config.encoder}: the weights have changed, their checksum is {actual} instead of "
            f"{config.checksum}. Use the old weights, or prepare the data and train again."
        )
    return encoder


def checksum_of(encoder: str) -> str:
    """Return the CRC-32 of the weights that could change, those of ``studio`` and in files; "" without any.

    The weights of musicnn cannot change, because :func:`fetch` compares them with a checksum.
    """
    parts = encoder.split("+")
    paths = [Path(part).expanduser() for part in parts if _is_file(part)]
    paths += [STUDIO_WEIGHTS] * (not {"studio", "random"}.isdisjoint(parts))  # random shares its mean and deviation
    return f"{reduce(_add_checksum, paths, 0):08x}" if paths else ""


def _add_checksum(crc: int, path: Path) -> int:
    status = path.stat()
    return _checksum_file(path, (status.st_size, status.st_mtime_ns), crc)


@lru_cache
def _checksum_file(path: Path, _identity: tuple[int, int], crc: int) -> int:  # once per file, not once per clip
    return zlib.crc32(path.read_bytes(), crc)


def settings(encoder: str = "studio+summary", sample_rate: int = 22050) -> EmbeddingConfig:
    """Create the settings of embeddings. An encoder in a file is run once to find out how many values it returns.

    Parameters
    ----------
    encoder : str, default "studio+summary"
        As in :func:`load`.
    sample_rate : int, Hz, default 22050
        As in :func:`load`.

    Returns
    -------
    musiclab.features.EmbeddingConfig
        Settings for a store or a recipe.

    Raises
    ------
    RunError
        As in :func:`load`.

    Examples
    --------
    >>> settings("summary").dimensions
    (128,)
    """
    parts = encoder.split("+") if isinstance(encoder, str) else []
    sizes = tuple(load(part, sample_rate).dimensions if _is_file(part) else _ENCODERS.get(part) for part in parts)
    return EmbeddingConfig(sample_rate, encoder, sizes, checksum_of(encoder))


def architecture(name: str) -> tuple[str, dict]:
    """Return the name of the model that an encoder is made of, and its sizes, to start training from its weights.

    Parameters
    ----------
    name : str
        Name of an encoder with a network.

    Returns
    -------
    model : str
        Name of the model, one of :data:`musiclab.models.NAMES`.
    sizes : dict
        Arguments for :func:`musiclab.models.create`.

    Raises
    ------
    RunError
        The encoder is unknown or has no network.

    Examples
    --------
    >>> architecture("studio")[0], architecture("musicnn")[0]
    ('resnet', 'musicnn')
    """
    check_known(name, [known for known in NAMES if known != "summary"], "an encoder with a network")
    if name.startswith("musicnn"):
        return "musicnn", {}
    return "resnet", json.loads(STUDIO_WEIGHTS.with_suffix(".json").read_text(encoding="utf-8"))


def compute(waveform: np.ndarray, configs: Mapping[str, features.FrameConfig]) -> dict:
    """Compute features as :func:`musiclab.features.compute` does, and embeddings as well.

    Parameters
    ----------
    waveform : float array, shape (samples,)
        Sound in [-1, 1] at the sample rate of all ``configs``.
    configs : dict
        Settings of the features.

    Returns
    -------
    dict of float32 arrays, shape (dimensions, frames)
        The features under the names in ``configs``.

    Raises
    ------
    ValueError
        The waveform is too short for one of the features, or an encoder is not available.

    Examples
    --------
    >>> compute(np.zeros(66150), {"embedding": EmbeddingConfig(encoder="summary")})["embedding"].shape
    (128, 1)
    """
    embeddings = {name: config for name, config in configs.items() if isinstance(config, EmbeddingConfig)}
    others = {name: config for name, config in configs.items() if name not in embeddings}
    values = features.compute(waveform, others) if others else {}
    for name, config in embeddings.items():
        values[name] = load_for(config).embed(waveform, config.sample_rate, device="cpu").T
    return {name: values[name] for name in configs}


def start_from(model, name: str) -> None:
    """Copy the weights of an encoder into a model with the same layers, except for its output layer.

    Parameters
    ----------
    model : musiclab.models.Classifier
        Model that :func:`architecture` names, on the CPU.
    name : str
        Name of an encoder with a network.

    Raises
    ------
    RunError
        The encoder has no network, or its layers have other shapes than those of the model.

    Examples
    --------
    >>> from musiclab import models
    >>> name, sizes = architecture("studio")
    >>> start_from(models.create(name, classes=3, **sizes), "studio")
    """
    from musiclab.encoders import encoder

    encoder.start_from(model, name)


def fetch(force: bool = False) -> list[str]:
    """Download the Python package ``musicnn`` with pip, and convert its weights.

    Parameters
    ----------
    force : bool, default False
        Download the package again even if its weights are already there.

    Returns
    -------
    list of str
        Paths of the weight files in the cache folder.

    Raises
    ------
    RunError
        The package cannot be downloaded, or it is not the one that we tested.
    """
    from musiclab.encoders import musicnn

    return [str(path) for path in musicnn.fetch(force)]
