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

from torch import nn

from musiclab.core.checks import check_known
from musiclab.core.errors import RunError
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


def find(name: str) -> type[Classifier]:
    """Return the class of the model ``name``, or raise RunError if :data:`MODELS` does not have it."""
    check_known(name, MODELS, "a model")
    return MODELS[name]


def create(name: str, classes: int, **sizes) -> Classifier:
    """Make a model by name.

    Parameters
    ----------
    name, classes
        A key of :data:`MODELS`, and the number of classes.
    **sizes
        Arguments of the model's constructor; by default those of the system it comes from.

    Raises
    ------
    RunError
        The name, a size or the value of a size is impossible.

    Examples
    --------
    >>> count_parameters(create("cnn", classes=10))
    3913930
    """
    model_class = find(name)
    known = [size for size in inspect.signature(model_class).parameters if size != "classes"]
    try:
        for size in sizes:
            check_known(size, known, "a size")
        return model_class(classes, **sizes)
    except RunError as error:
        raise RunError(f"model {name}: {error}") from error
    except (RuntimeError, TypeError, MemoryError) as error:  # of a wrong type, or larger than memory
        raise RunError(f"model {name}: expected sizes that can be had, found {sizes} ({error})") from error


def count_parameters(model: nn.Module) -> int:
    """Count the trainable parameters of a model."""
    return sum(parameter.numel() for parameter in model.parameters() if parameter.requires_grad)
