"""Describe a model layer by layer: shapes, parameters, multiply-adds and receptive fields."""

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
    """One layer; its receptive field is None after a pool over all time steps and in recurrent layers."""

    name: str
    kind: str  # class of the layer
    output: tuple[int, ...]  # shape, the batch first
    parameters: int
    multiply_adds: int  # of convolutions, linear and recurrent layers; 0 for all others
    receptive_field: float | None  # of one step of the output, in ms


@dataclass(frozen=True)
class Summary:
    """The layers of a model, ``rows``, in the order in which a batch passes them; ``str()`` is a table."""

    rows: tuple[Row, ...]

    @property
    def parameters(self) -> int:
        return sum(row.parameters for row in self.rows)

    @property
    def multiply_adds(self) -> int:
        """Multiply-adds of all layers, for the whole batch."""
        return sum(row.multiply_adds for row in self.rows)

    def __str__(self) -> str:
        def counted(count):
            return f"{count:,}" if count else ""

        total = Row("total", "", (), self.parameters, self.multiply_adds, None)
        table = pd.DataFrame([*self.rows, total]).set_index("name").rename_axis(index=None, columns="layer")
        return table.astype({"receptive_field": float}).to_string(
            header=["kind", "output", "parameters", "multiply-adds", "hears (ms)"],
            formatters=[str, lambda shape: " x ".join(map(str, shape)), counted, counted, "{:,.1f}".format],
            na_rep="",
        )


def summary(model: nn.Module, batch: int = 1, shape: tuple[int, ...] | None = None) -> Summary:
    """Describe a model by watching a batch of zeros pass through it.

    Parameters
    ----------
    model
        One of musiclab's, or any other together with ``shape``. It is left as it was.
    batch
        Number of examples in the batch; shapes and multiply-adds are those of the whole batch.
    shape
        Shape of one example; by default the model's ``input_shape``.

    Returns
    -------
    Summary
        Receptive fields are sums over kernels and strides along time, and need a model with a ``feature_config``.

    Raises
    ------
    RunError
        The shape is not known.

    Examples
    --------
    >>> from musiclab.models import create
    >>> first = summary(create("m5", classes=10)).rows[0]
    >>> first.output, first.parameters, first.receptive_field
    ((1, 128, 8000), 10240, 10.0)
    """
    shape = getattr(model, "input_shape", None) if shape is None else shape
    if shape is None:
        raise RunError(f"expected the shape of an example of {type(model).__name__}, found none; give shape=")
    rows: list[Row] = []
    reach = _Reach(getattr(model, "feature_config", None))
    seen: set[int] = set()  # a layer that is used twice has its parameters once

    def watch(name):
        def hook(layer, inputs, output):
            tensor = output[0] if isinstance(output, tuple) else output
            own = sum(p.numel() for p in layer.parameters() if id(p) not in seen)
            seen.update(id(p) for p in layer.parameters())
            field = reach.after(layer, inputs[0], tensor)
            cost = _multiply_adds(layer, inputs, tensor)
            rows.append(Row(name, type(layer).__name__, tuple(tensor.shape), own, cost, field))

        return hook

    leaves = [(name, layer) for name, layer in model.named_modules() if not any(layer.children())]
    hooks = [layer.register_forward_hook(watch(name)) for name, layer in leaves]
    training = {layer: layer.training for layer in model.modules()}
    device = next((tensor.device for tensor in model.state_dict().values()), torch.device("cpu"))
    try:
        with torch.no_grad():
            model.eval()(torch.zeros(batch, *shape, device=device))
    finally:
        for hook in hooks:
            hook.remove()
        for layer, was in training.items():
            layer.training = was
    return Summary(tuple(rows))


def _multiply_adds(layer: nn.Module, inputs: tuple, output: torch.Tensor) -> int:
    if isinstance(layer, _CONVOLUTIONS):  # each output value: a kernel over the input channels of its group
        return output.numel() * prod(layer.kernel_size) * (layer.in_channels // layer.groups)
    if isinstance(layer, nn.Linear):
        return output.numel() * layer.in_features
    if isinstance(layer, nn.RNNBase):  # weights, all of them matrices, once per step
        steps = inputs[0].numel() // layer.input_size
        return steps * sum(weight.numel() for name, weight in layer.named_parameters() if name.startswith("weight"))
    return 0


class _Reach:
    """Receptive field of one step of each tensor, and the hop between steps, in input steps, both kept on the tensor.

    A tensor that no layer made, such as the sum of two branches, gets the longest so far.
    """

    def __init__(self, config):
        self.config = config
        self.farthest = (1, 1)  # reach and hop; None: all of the sound

    def after(self, layer: nn.Module, source: torch.Tensor, output: torch.Tensor) -> float | None:
        before = source._reach = getattr(source, "_reach", self.farthest)  # kept for the other branch
        output._reach = now = None if before is None else self._through(layer, *before)
        if now is None or (self.farthest is not None and now[0] >= self.farthest[0]):
            self.farthest = now
        return self._in_ms(now)

    def _through(self, layer, reach, hop):
        if isinstance(layer, _CONVOLUTIONS + _POOLS):
            kernel, stride = _last(layer.kernel_size), _last(layer.stride)
            dilation = _last(getattr(layer, "dilation", 1))
            return reach + dilation * (kernel - 1) * hop, hop * stride
        return (reach, hop) if isinstance(layer, _POINTWISE) else None

    def _in_ms(self, now) -> float | None:
        if now is None or self.config is None:
            return None
        samples = (now[0] - 1) * getattr(self.config, "hop_length", 1) + self.config.least_samples
        return 1000 * samples / self.config.sample_rate


def _last(size):
    return size[-1] if isinstance(size, tuple) else size
