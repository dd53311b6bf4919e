"""A model layer by layer: shapes, parameters, sums and what a layer hears, by watching one batch go through."""

from dataclasses import dataclass
from math import prod

import torch
from torch import nn

from musiclab.core.errors import RunError

_CONVOLUTIONS = (nn.Conv1d, nn.Conv2d)
_POOLS = (nn.MaxPool1d, nn.MaxPool2d, nn.AvgPool1d, nn.AvgPool2d)
_RECURRENT = {nn.RNN: 1, nn.GRU: 3, nn.LSTM: 4}  # gates
_POINTWISE = (nn.BatchNorm1d, nn.BatchNorm2d, nn.ReLU, nn.GELU, nn.SiLU, nn.ELU, nn.Dropout, nn.Dropout2d, nn.Identity)


@dataclass(frozen=True)
class Row:
    """One layer.

    Attributes
    ----------
    name : str
        Where it is in the model, ``"layers.0.0"``.
    kind : str
        Its class.
    output : tuple of int
        Shape of its output, the batch first.
    parameters : int
        Numbers that are learnt.
    multiply_adds : int
        Multiplications, each with its addition, of convolutions, linear and recurrent layers; others count as none.
    receptive_field : float or None
        How much of the sound one step of its output depends on, in ms; ``None`` where that is all of it or unknown:
        after a pool over the whole time, and in recurrent layers.
    """

    name: str
    kind: str
    output: tuple[int, ...]
    parameters: int
    multiply_adds: int
    receptive_field: float | None


@dataclass(frozen=True)
class Summary:
    """The layers of a model, in the order in which a batch goes through them; ``str()`` is a table.

    Attributes
    ----------
    rows : tuple of Row
    """

    rows: tuple[Row, ...]

    @property
    def parameters(self) -> int:
        """Of all layers."""
        return sum(row.parameters for row in self.rows)

    @property
    def multiply_adds(self) -> int:
        """Of all layers, for the whole batch."""
        return sum(row.multiply_adds for row in self.rows)

    def __str__(self) -> str:
        head = ("layer", "kind", "output", "parameters", "multiply-adds", "hears (ms)")
        cells = [
            (
                row.name,
                row.kind,
                " x ".join(map(str, row.output)),
                f"{row.parameters:,}" if row.parameters else "",
                f"{row.multiply_adds:,}" if row.multiply_adds else "",
                "" if row.receptive_field is None else f"{row.receptive_field:,.1f}",
            )
            for row in self.rows
        ]
        total = ("total", "", "", f"{self.parameters:,}", f"{self.multiply_adds:,}", "")
        widths = [max(map(len, column)) for column in zip(head, *cells, total, strict=True)]
        rule = "  ".join("-" * width for width in widths)
        lines = [
            "  ".join(
                cell.ljust(width) if place < 3 else cell.rjust(width)
                for place, (cell, width) in enumerate(zip(line, widths, strict=True))
            ).rstrip()
            for line in (head, *cells, total)
        ]
        return "\n".join([lines[0], rule, *lines[1:-1], rule, lines[-1]])


def summary(model: nn.Module, batch: int = 1, shape: tuple[int, ...] | None = None) -> Summary:
    """Describe a model by what happens to a batch of zeros in it.

    Parameters
    ----------
    model
        One of musiclab's, or any other together with ``shape``. It is left as it was.
    batch
        Examples in the batch; shapes and multiply-adds are of the whole batch.
    shape
        Shape of one example; when left out, the model's ``input_shape``.

    Returns
    -------
    Summary
        Receptive fields are known for a model that has a ``feature_config``. They are sums over kernels and strides
        along time, the last axis; a frame counts with all of its window.

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
            rows.append(Row(name, type(layer).__name__, tuple(tensor.shape), own, _sums(layer, inputs, tensor), field))

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


def _sums(layer: nn.Module, inputs: tuple, output: torch.Tensor) -> int:
    """Multiply-adds of a layer, by its definition."""
    if isinstance(layer, _CONVOLUTIONS):  # each output number: a kernel over the input channels of its group
        return output.numel() * prod(layer.kernel_size) * (layer.in_channels // layer.groups)
    if isinstance(layer, nn.Linear):
        return output.numel() * layer.in_features
    if type(layer) in _RECURRENT:  # weights, all of them matrices, once a step
        steps = inputs[0].numel() // layer.input_size
        return steps * sum(weight.numel() for name, weight in layer.named_parameters() if name.startswith("weight"))
    return 0


class _Reach:
    """Keeps account of what tensors depend on: a stretch of the input, and the step between neighbours, in steps of it.

    The account of a tensor hangs on the tensor. One that no layer made, a sum of two branches for example, has that
    of the farthest reach so far: in a network whose branches join, it is the longest of them.
    """

    def __init__(self, config):
        self.config = config
        self.farthest = (1, 1)  # reach and step; None: all of the sound

    def after(self, layer: nn.Module, source: torch.Tensor, output: torch.Tensor) -> float | None:
        before = source._reach = getattr(source, "_reach", self.farthest)  # kept for the other branch
        output._reach = now = None if before is None else self._through(layer, *before)
        if now is None or (self.farthest is not None and now[0] >= self.farthest[0]):
            self.farthest = now
        return self._in_ms(now)

    def _through(self, layer, reach, step):
        if isinstance(layer, _CONVOLUTIONS + _POOLS):
            kernel, stride = _last(layer.kernel_size), _last(layer.stride)
            dilation = _last(getattr(layer, "dilation", 1))
            return reach + dilation * (kernel - 1) * step, step * stride
        return (reach, step) if isinstance(layer, _POINTWISE) else None

    def _in_ms(self, now) -> float | None:
        if now is None or self.config is None:
            return None
        hop = getattr(self.config, "hop_length", None)
        samples = now[0] if hop is None else (now[0] - 1) * hop + getattr(self.config, "n_fft", hop)
        return 1000 * samples / self.config.sample_rate


def _last(size):
    return size[-1] if isinstance(size, tuple) else size
