"""Models, created by name with :func:`create`. They compute logits, shape (batch, classes), from a batch of features.

===========  ================  =================================  =====================================================
name         class             input, for example                 from
===========  ================  =================================  =====================================================
``m3``       M3                waveform, 32,000 at 8 kHz          Dai et al. 2016, "Very Deep CNNs for Raw Waveforms"
``m5``       M5                "                                  ", also PyTorch's audio classification tutorial
``m11``      M11               "                                  "
``m18``      M18               "                                  "
``m34res``   M34Res            "                                  "
``mlp``      SummaryMLP        summary, 26 x 1                    "Music Genre Classification with Python"
``cnn``      MelCNN            log-mel, 128 x 128                 four-layer CNN (Dohppak)
``crnn``     MelCRNN           log-mel, 128 x 128                 four-layer CNN with a bidirectional GRU
``lstm``     SequenceLSTM      sequence, 33 x 128                 LSTM on GTZAN (ruohoruotsi)
``resnet``   MelResNet         log-mel, 128 x 216 (5 s)           our strong baseline
``musicnn``  MusiCNN           log-mel, 96 x 187 at 16 kHz        Pons and Serra 2019, "musicnn"
``probe``    Probe             embedding, 384 x 1 (3 s)           logistic regression on an encoder's embeddings
===========  ================  =================================  =====================================================

:func:`summary` lists the layers of a model. :class:`Classifier` documents what all models have in common.

Examples
--------
>>> import torch
>>> from musiclab import models
>>> network = models.create("cnn", classes=10, width=16)
>>> network(torch.zeros(2, *network.input_shape)).shape  # logits of two segments
torch.Size([2, 10])
>>> models.count_parameters(network) > 100_000
True
"""

import inspect
from importlib import import_module
from typing import TYPE_CHECKING

from musiclab.core.checks import check_known
from musiclab.core.errors import RunError, shortened

if TYPE_CHECKING:  # torch is imported with the first model, so that a mistyped model name is reported quickly
    from torch import nn

    from musiclab.models.base import Classifier

NAMES = {
    "m3": "waveform.M3",
    "m5": "waveform.M5",
    "m11": "waveform.M11",
    "m18": "waveform.M18",
    "m34res": "waveform.M34Res",
    "mlp": "vector.SummaryMLP",
    "cnn": "cnn.MelCNN",
    "crnn": "cnn.MelCRNN",
    "lstm": "lstm.SequenceLSTM",
    "resnet": "resnet.MelResNet",
    "musicnn": "musicnn.MusiCNN",
    "probe": "probe.Probe",
}
"""Module and class of each model by name. ``MODELS`` contains the classes."""

MOST_PARAMETERS = 2**28
"""Largest number of parameters of a model: 1 GB, and four times as much during training."""

_MODULES = {class_name: module for module, class_name in (path.split(".") for path in NAMES.values())}
_MODULES |= {"WaveformCNN": "waveform", "Classifier": "base", "Summary": "describe", "summary": "describe"}


def __getattr__(name: str):
    if name == "MODELS":
        return {model: find(model) for model in NAMES}
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)


def check_name(name: str) -> None:
    """Check that a model with this name exists, without importing torch.

    Parameters
    ----------
    name : str
        Name of a model.

    Raises
    ------
    RunError
        The name is not one of :data:`NAMES`.
    """
    check_known(name, NAMES, "a model")


def find(name: str) -> "type[Classifier]":
    """Return the class of a model by its name.

    Parameters
    ----------
    name : str
        Name of the model, one of :data:`NAMES`.

    Returns
    -------
    type
        Subclass of :class:`Classifier`.

    Raises
    ------
    RunError
        The name is unknown.

    Examples
    --------
    >>> find("cnn").__name__
    'MelCNN'
    """
    check_name(name)
    return __getattr__(NAMES[name].partition(".")[2])


def create(name: str, classes: int, **sizes) -> "Classifier":
    """Create a model by name. Its weights are random.

    Parameters
    ----------
    name : str
        Name of the model, one of :data:`NAMES`.
    classes : int
        Number of classes.
    **sizes
        Arguments of the model's constructor, such as ``width=16``. By default, the model has the sizes of the published
        system.

    Returns
    -------
    Classifier
        The untrained model, on the CPU.

    Raises
    ------
    RunError
        The name or a size is unknown, a value is invalid, or the model would be too large.

    Examples
    --------
    >>> count_parameters(create("cnn", classes=10))
    3913930
    """
    plan(name, classes, **sizes)
    return find(name)(classes, **sizes)


def plan(name: str, classes: int, **sizes) -> "Classifier":
    """Create a model on the device ``meta``, where tensors have shapes but no values.

    This takes no memory, however large the model is. Use it to check sizes or to count parameters.

    Parameters
    ----------
    name : str
        As in :func:`create`.
    classes : int
        As in :func:`create`.
    **sizes
        As in :func:`create`.

    Returns
    -------
    Classifier
        The model without values.

    Raises
    ------
    RunError
        The name or a size is unknown, a value is invalid, or the model would be too large.

    Examples
    --------
    >>> next(plan("cnn", classes=10).parameters()).device
    device(type='meta')
    """
    import torch

    model_class = find(name)
    size_names = [size for size in inspect.signature(model_class).parameters if size != "classes"]
    try:
        for size in sizes:
            check_known(size, size_names, "a size")
        with torch.device("meta"):
            model = model_class(classes, **sizes)
        if (count := count_parameters(model)) > MOST_PARAMETERS:
            raise RunError(f"expected at most {MOST_PARAMETERS:,} parameters, found {count:,} with {sizes}")
    except RunError as error:
        raise RunError(f"model {name}: {error}") from error
    except (RuntimeError, TypeError, OverflowError) as error:  # a wrong type, or larger than any memory
        raise RunError(f"model {name}: invalid sizes {shortened(sizes)} ({error})") from error
    return model


def count_parameters(model: "nn.Module") -> int:
    """Count the trainable parameters of a model.

    Parameters
    ----------
    model : torch.nn.Module
        Any PyTorch model.

    Returns
    -------
    int
        Number of single weights and biases.

    Examples
    --------
    >>> from torch import nn
    >>> count_parameters(nn.Linear(10, 2))  # 10 x 2 weights and 2 biases
    22
    """
    return sum(parameter.numel() for parameter in model.parameters() if parameter.requires_grad)
