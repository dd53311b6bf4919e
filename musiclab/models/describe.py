"""List the layers of a model with their shapes, parameters, multiply-adds and receptive fields."""

from dataclasses import dataclass
from math import prod

import pandas as pd
import torch
from torch import nn

from musiclab.core.errors import RunError

_CONVOLUTIONS = (nn.Conv1d, nn.Conv2d)
_POOLS = (nn.MaxPool1d, nn.MaxPool2d, nn.AvgPool1d, nn.AvgPool2d)
_POINTWISE = (nn.BatchNorm1d, nn.BatchNorm2d, nn.ReLU, nn.GELU, nn.SiLU, nn.ELU, nn.Dropout, nn.Dropout2d, nn.Identity)


@dataclass(frozen=True)
class Row:
    """One layer of a model.

    Attributes
    ----------
    name : str
        Name of the layer in the model.
    kind : str
        Class of the layer, such as "Conv2d".
    output : tuple of int
        Shape of the output, including the batch.
    parameters : int
        Number of parameters.
    multiply_adds : int
        Number of multiplications that are followed by an addition. 0 except for convolutional, linear and recurrent
        layers.
    receptive_field : float or None, ms
        Duration of the sound that affects one step of the output. None for recurrent layers, and after pooling all
        steps.
    """

    name: str
    kind: str  # class of the layer
    output: tuple[int, ...]  # output shape, including the batch
    parameters: int
    multiply_adds: int  # 0 except for convolutional, linear and recurrent layers
    receptive_field: float | None  # of one output step in ms; None for recurrent layers and after pooling all steps


@dataclass(frozen=True)
class Summary:
    """A table of the layers of a model, returned by :func:`summary`. ``print`` shows it.

    Attributes
    ----------
    rows : tuple of Row
        Layers in the order in which they are computed.

    Examples
    --------
    >>> from musiclab.models import create
    >>> summary(create("m5", classes=10)).parameters
    558090
    """

    rows: tuple[Row, ...]

    @property
    def parameters(self) -> int:
        """Number of parameters of all layers."""
        return sum(row.parameters for row in self.rows)

    @property
    def multiply_adds(self) -> int:
        """Multiply-adds of all layers for the batch."""
        return sum(row.multiply_adds for row in self.rows)

    def __str__(self) -> str:
        def format_count(count):
            return f"{count:,}" if count else ""

        total = Row("total", "", (), self.parameters, self.multiply_adds, None)
        table = pd.DataFrame([*self.rows, total]).set_index("name").rename_axis(index=None, columns="layer")
        return table.astype({"receptive_field": float}).to_string(
            header=["type", "output", "parameters", "multiply-adds", "receptive field (ms)"],
            formatters=[str, lambda shape: " x ".join(map(str, shape)), format_count, format_count, "{:,.1f}".format],
            na_rep="",
        )


def summary(model: nn.Module, batch: int = 1, shape: tuple[int, ...] | None = None) -> Summary:
    """List the layers of a model by passing a batch of zeros through it.

    Parameters
    ----------
    model : torch.nn.Module
        A model from :mod:`musiclab.models`, or any other model together with ``shape``. It is not changed.
    batch : int, default 1
        Number of examples. Shapes and multiply-adds are for the whole batch.
    shape : tuple of int, optional
        Shape of one example. Default: the model's ``input_shape``.

    Returns
    -------
    Summary
        Layers with their output shapes, parameters, multiply-adds and receptive fields. Receptive fields (the duration
        of the sound that affects one output step) are only available for models with a ``feature_config``.

    Raises
    ------
    RunError
        ``shape`` is missing, and the model has no ``input_shape``.

    Examples
    --------
    >>> from musiclab.models import create
    >>> first = summary(create("m5", classes=10)).rows[0]
    >>> first.output, first.parameters, first.receptive_field
    ((1, 128, 8000), 10240, 10.0)
    """
    shape = getattr(model, "input_shape", None) if shape is None else shape
    if shape is None:
        raise RunError(f"the input shape of {type(model).__name__} is unknown. Pass it as shape.")
    rows: list[Row] = []
    receptive_fields = _ReceptiveFields(getattr(model, "feature_config", None))
    counted: set[int] = set()  # so that the parameters of a layer that is used twice count once

    def make_hook(name):
        def hook(layer, inputs, output):
            tensor = output[0] if isinstance(output, tuple) else output
            parameters = sum(p.numel() for p in layer.parameters() if id(p) not in counted)
            counted.update(id(p) for p in layer.parameters())
            receptive_field = receptive_fields.after(layer, inputs[0], tensor)
            multiply_adds = _multiply_adds(layer, inputs, tensor)
            kind, shape = type(layer).__name__, tuple(tensor.shape)
            rows.append(Row(name, kind, shape, parameters, multiply_adds, receptive_field))

        return hook

    leaves = [(name, layer) for name, layer in model.named_modules() if not any(layer.children())]
    hooks = [layer.register_forward_hook(make_hook(name)) for name, layer in leaves]
    was_training = {layer: layer.training for layer in model.modules()}
    device = next((tensor.device for tensor in model.state_dict().values()), torch.device("cpu"))
    try:
        with torch.no_grad():
            model.eval()(torch.zeros(batch, *shape, device=device))
    finally:
        for hook in hooks:
            hook.remove()
        for layer, training in was_training.items():
            layer.training = training
    return Summary(tuple(rows))


def _multiply_adds(layer: nn.Module, inputs: tuple, output: torch.Tensor) -> int:
    if isinstance(layer, _CONVOLUTIONS):  # one kernel over the input channels of its group per output value
        return output.numel() * prod(layer.kernel_size) * (layer.in_channels // layer.groups)
    if isinstance(layer, nn.Linear):
        return output.numel() * layer.in_features
    if isinstance(layer, nn.RNNBase):  # each weight matrix is applied once per step
        steps = inputs[0].numel() // layer.input_size
        return steps * sum(weight.numel() for name, weight in layer.named_parameters() if name.startswith("weight"))
    return 0


class _ReceptiveFields:
    """Track the receptive field of each tensor and the hop between its steps, both in input steps.

    Both are stored on the tensor. A tensor that is not the output of a layer, such as the sum of two branches, gets the
    longest receptive field so far. None means the whole input.
    """

    def __init__(self, feature_settings):
        self.feature_settings = feature_settings
        self.longest = (1, 1)  # receptive field and hop

    def after(self, layer: nn.Module, source: torch.Tensor, output: torch.Tensor) -> float | None:
        before = source._field = getattr(source, "_field", self.longest)  # stored for other branches
        output._field = after = None if before is None else self._pass(layer, *before)
        if after is None or (self.longest is not None and after[0] >= self.longest[0]):
            self.longest = after
        return self._in_ms(after)

    def _pass(self, layer, field, hop):
        if isinstance(layer, _CONVOLUTIONS + _POOLS):
            kernel, stride = _last(layer.kernel_size), _last(layer.stride)
            dilation = _last(getattr(layer, "dilation", 1))
            return field + dilation * (kernel - 1) * hop, hop * stride
        return (field, hop) if isinstance(layer, _POINTWISE) else None

    def _in_ms(self, field_and_hop) -> float | None:
        settings = self.feature_settings
        if field_and_hop is None or settings is None:
            return None
        samples = (field_and_hop[0] - 1) * getattr(settings, "hop_length", 1) + settings.least_samples
        return 1000 * samples / settings.sample_rate


def _last(size):
    return size[-1] if isinstance(size, tuple) else size
