"""Models: a batch of what they hear -> logits, shape (batch, classes); made by name with :func:`create`.

==========  ================  =================================  =====================================================
name        class             input, an example                  from
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

:func:`summary` shows a model layer by layer; :class:`musiclab.models.base.Classifier` says what all of them share.
"""

import inspect

from torch import nn

from musiclab.core.errors import RunError, did_you_mean
from musiclab.models.base import Classifier
from musiclab.models.cnn import MelCNN, MelCRNN
from musiclab.models.describe import Summary, summary
from musiclab.models.lstm import SequenceLSTM
from musiclab.models.resnet import MelResNet
from musiclab.models.vector import SummaryMLP
from musiclab.models.waveform import M3, M5, M11, M18, M34Res, WaveformCNN

MODELS: dict[str, type[Classifier]] = {
    "m3": M3,
    "m5": M5,
    "m11": M11,
    "m18": M18,
    "m34res": M34Res,
    "mlp": SummaryMLP,
    "cnn": MelCNN,
    "crnn": MelCRNN,
    "lstm": SequenceLSTM,
    "resnet": MelResNet,
}
"""Classes of the models by name."""

__all__ = [
    "M3",
    "M5",
    "M11",
    "M18",
    "MODELS",
    "Classifier",
    "M34Res",
    "MelCNN",
    "MelCRNN",
    "MelResNet",
    "SequenceLSTM",
    "Summary",
    "SummaryMLP",
    "WaveformCNN",
    "count_parameters",
    "create",
    "find",
    "summary",
]


def find(name: str) -> type[Classifier]:
    """The class of a model: what it hears can be asked before it is made.

    Parameters
    ----------
    name
        A key of :data:`MODELS`.

    Raises
    ------
    RunError
        There is no such model.

    Examples
    --------
    >>> find("m5").feature, find("m5").feature_config.sample_rate
    ('audio', 8000)
    """
    if name not in MODELS:
        raise RunError(f"expected a model among {', '.join(MODELS)}, found {name!r}{did_you_mean(name, MODELS)}")
    return MODELS[name]


def create(name: str, classes: int, **sizes) -> Classifier:
    """Make a model by name.

    Parameters
    ----------
    name
        A key of :data:`MODELS`.
    classes
        Number of classes.
    **sizes
        Sizes that the model's constructor takes; left out, they are those of the system it comes from.

    Raises
    ------
    RunError
        There is no such model, it has no such size, or the size cannot be had.

    Examples
    --------
    >>> count_parameters(create("cnn", classes=10))
    3913930
    """
    kind = find(name)
    known = [size for size in inspect.signature(kind).parameters if size != "classes"]
    for size in sizes:
        if size not in known:
            raise RunError(
                f"model {name}: unexpected keyword argument {size!r}{did_you_mean(size, known)}; "
                f"its sizes are {', '.join(known)}"
            )
    try:
        return kind(classes, **sizes)
    except RunError as error:
        raise RunError(f"model {name}: {error}") from error
    except (RuntimeError, TypeError, MemoryError) as error:  # of a wrong kind, or larger than memory
        raise RunError(f"model {name}: expected sizes that can be had, found {sizes} ({error})") from error


def count_parameters(model: nn.Module) -> int:
    """Number of trainable numbers in a model."""
    return sum(parameter.numel() for parameter in model.parameters() if parameter.requires_grad)
