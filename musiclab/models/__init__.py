"""Models, made by name with :func:`create`: from a batch of a feature to logits, shape (batch, classes).

==========  ================  =================================  =====================================================
name        class             input, for example                 from
==========  ================  =================================  =====================================================
``m3``      M3                waveform, 32,000 at 8 kHz          Dai et al. 2016, "Very Deep CNNs for Raw Waveforms"
``m5``      M5                "                                  ", and PyTorch's audio classifier tutorial
``m11``     M11               "                                  "
``m18``     M18               "                                  "
``m34res``  M34Res            "                                  "
``mlp``     SummaryMLP        summary, 26 x 1                    "Music Genre Classification with Python"
``cnn``     MelCNN            log-mel, 128 x 128                 four-layer CNN (Dohppak)
``crnn``    MelCRNN           log-mel, 128 x 128                 the same with a bidirectional GRU
``lstm``    SequenceLSTM      sequence, 33 x 128                 LSTM on GTZAN (ruohoruotsi)
``resnet``  MelResNet         log-mel, 128 x 216: a whole clip   the strong baseline
==========  ================  =================================  =====================================================

:func:`summary` describes a model layer by layer; :class:`Classifier` documents what all models share.
"""

import inspect
from importlib import import_module
from typing import TYPE_CHECKING

from musiclab.core.checks import check_known
from musiclab.core.errors import RunError, shortened

if TYPE_CHECKING:  # torch loads with the first model, so that a mistyped name is refused at once
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
}
"""Names of the models, and where their classes are. ``MODELS`` has the classes themselves by name."""

MOST_PARAMETERS = 2**28
"""Most parameters of a model: 1 GB, and four times as much while it is trained."""

_MODULES = {class_name: module for module, class_name in (home.split(".") for home in NAMES.values())}
_MODULES |= {"WaveformCNN": "waveform", "Classifier": "base", "Summary": "describe", "summary": "describe"}


def __getattr__(name: str):
    if name == "MODELS":
        return {model: find(model) for model in NAMES}
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)


def check_name(name: str) -> None:
    """Raise RunError unless ``name`` is one of :data:`NAMES`; it doesn't load torch."""
    check_known(name, NAMES, "a model")


def find(name: str) -> "type[Classifier]":
    """Return the class of the model ``name``, or raise RunError if :data:`NAMES` does not have it."""
    check_name(name)
    return __getattr__(NAMES[name].partition(".")[2])


def create(name: str, classes: int, **sizes) -> "Classifier":
    """Make a model by name.

    Parameters
    ----------
    name, classes
        One of :data:`NAMES`, and the number of classes.
    **sizes
        Arguments of the model's constructor; by default those of the system it comes from.

    Raises
    ------
    RunError
        The name, a size or the value of a size is impossible, or the model would be too large.

    Examples
    --------
    >>> count_parameters(create("cnn", classes=10))
    3913930
    """
    plan(name, classes, **sizes)
    return find(name)(classes, **sizes)


def plan(name: str, classes: int, **sizes) -> "Classifier":
    """Make the same model as :func:`create` on the device ``meta``: the shapes of its weights, but no weights.

    It takes no memory, however large the sizes are; parameters and errors are those of :func:`create`.
    """
    import torch

    model_class = find(name)
    known = [size for size in inspect.signature(model_class).parameters if size != "classes"]
    try:
        for size in sizes:
            check_known(size, known, "a size")
        with torch.device("meta"):
            model = model_class(classes, **sizes)
        if (count := count_parameters(model)) > MOST_PARAMETERS:
            raise RunError(
                f"expected sizes for at most {MOST_PARAMETERS:,} parameters, found {sizes}, {count:,} of them"
            )
    except RunError as error:
        raise RunError(f"model {name}: {error}") from error
    except (RuntimeError, TypeError, OverflowError) as error:  # of a wrong type, or larger than any memory
        raise RunError(f"model {name}: expected sizes that can be had, found {shortened(sizes)} ({error})") from error
    return model


def count_parameters(model: "nn.Module") -> int:
    """Count the trainable parameters of a model."""
    return sum(parameter.numel() for parameter in model.parameters() if parameter.requires_grad)
