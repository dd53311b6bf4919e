"""The network that an export writes: all steps from a waveform to probabilities, as PyTorch modules.

They use only operations that ONNX has, and take the number of waveforms and of samples from the waveforms.
"""

from math import gcd

import numpy as np
import torch
from torch import nn

from musiclab import encoders, features
from musiclab.audio import resample
from musiclab.core.errors import RunError
from musiclab.encoders.encoder import Encoder
from musiclab.features.kernels.tracing import evaluate_traced, size
from musiclab.runs.prediction import BLOCK
from musiclab.runs.settings import RunSettings

_REACH = 150  # samples at the lower rate on both sides that resampling depends on; soxr's filter is below 1e-7 beyond
_START = 16  # samples at which soxr starts differently
_MOST_WEIGHTS = 2**22


class Graph(nn.Module):
    """Everything that :func:`musiclab.runs.prediction.predict` does to one file, for a batch of equally long ones."""

    def __init__(self, model: nn.Module, settings: RunSettings):
        super().__init__()
        self.model = model
        config = settings.feature_settings
        self.front = _Embeddings(config) if settings.feature == "embedding" else _Features(settings.feature, config)
        self.silence = torch.as_tensor(config.silence, dtype=torch.float32).reshape(-1, 1, 1)
        self.temperature = settings.calibrated.temperature

    def forward(self, waveform: torch.Tensor) -> torch.Tensor:
        """Compute probabilities, shape (batch, classes), from waveforms, shape (batch, samples)."""
        values = self.front(waveform)  # (batch, dimensions, frames)
        segments, is_inside = _cut_evenly(values, self.model.length, max(1, self.model.length // 2))
        segments = torch.where(is_inside, segments, self.silence)  # (batch, dimensions, segments, length)
        segments = segments.transpose(1, 2).flatten(0, 1)
        logits = self.model(segments.flatten(1) if len(self.model.input_shape) == 1 else segments)
        scores = logits.double().log_softmax(dim=-1).reshape(size(waveform, 0), -1, self.model.classes)
        return (scores.mean(dim=1) / self.temperature).softmax(dim=-1).float()


def _cut_evenly(values: torch.Tensor, length: int, step: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Cut segments as ``musiclab.core.covering`` does, shape (..., segments, length).

    The second tensor, shape (segments, length), is False past the end of the values.
    """
    last = size(values, -1) - 1
    spare = (last + 1 - length).clamp_min(0)
    count = 1 + (spare + step - 1) // step
    starts = torch.arange(count).double() * (spare.double() / (count - 1).clamp_min(1).double())
    places = starts.round().long()[:, None] + torch.arange(length)
    return values[..., torch.minimum(places, last)], places <= last


class _Features(nn.Module):
    """Compute audio, shape (batch, 1, samples), or another feature, shape (batch, dimensions, frames)."""

    def __init__(self, feature: str, config: features.FrameConfig):
        super().__init__()
        self.feature, self.config = feature, config

    def forward(self, waveform: torch.Tensor) -> torch.Tensor:
        if self.feature == "audio":  # 16-bit samples, as in a store
            return (waveform.clamp(-1, 32767 / 32768) * 32768).round().unsqueeze(1) / 32768
        if self.feature != "summary":
            return evaluate_traced(waveform, self.feature, self.config)
        samples = size(waveform, -1)  # a summary of each of several equal parts, if the sound is long
        longest = round(BLOCK * self.config.sample_rate)
        count = (samples + longest - 1) // longest
        starts = (torch.arange(count).double() * (samples.double() / count.double())).round().long()
        parts = waveform[:, starts[:, None] + torch.arange(samples // count)].flatten(0, 1)
        summaries = evaluate_traced(parts, "summary", self.config)
        return summaries.reshape(size(waveform, 0), -1, len(self.config.names)).transpose(1, 2)


class _Embeddings(nn.Module):
    """Compute embeddings, shape (batch, dimensions, segments of 3 s)."""

    def __init__(self, config: features.EmbeddingConfig):
        super().__init__()
        encoders.load_for(config)  # checks the weights
        parts = [encoders.load(name, config.sample_rate) for name in config.parts]
        self.parts = nn.ModuleList(_EncoderGraph(encoder, config.sample_rate) for encoder in parts)

    def forward(self, waveform: torch.Tensor) -> torch.Tensor:
        return torch.cat([part(waveform) for part in self.parts], dim=1)


class _EncoderGraph(nn.Module):
    """One of the built-in encoders."""

    def __init__(self, encoder: Encoder, sample_rate: int):
        super().__init__()
        self.network = encoder.network
        if features.settings.is_encoder_file(encoder.name):
            raise RunError(
                f"encoder {encoder.name}: an encoder in a file cannot be exported. Train the probe on one of the "
                f"built-in encoders: {', '.join(encoders.NAMES)}."
            )
        self.feature = "summary" if self.network is None else "logmel"
        self.config = features.SummaryConfig(kind="full") if self.network is None else self.network.feature_config
        is_same = sample_rate == encoder.sample_rate
        self.resampling = nn.Identity() if is_same else _Resampling(sample_rate, encoder.sample_rate)

    def forward(self, waveform: torch.Tensor) -> torch.Tensor:
        waveform = self.resampling(waveform)
        samples, length = size(waveform, -1), round(features.SEGMENT_SECONDS * self.config.sample_rate)
        spare = (samples - length).clamp_min(0)
        starts = torch.minimum(torch.arange(1 + (spare + length - 1) // length) * length, spare)
        places = (starts[:, None] + torch.arange(length)) % samples  # a short clip is repeated
        values = evaluate_traced(waveform[:, places].flatten(0, 1), self.feature, self.config)
        vectors = values if self.network is None else self.network.embed(values)
        dimensions = features.settings.ENCODERS["summary"] if self.network is None else vectors.shape[1]
        return vectors.reshape(size(waveform, 0), -1, int(dimensions)).transpose(1, 2)


class _Resampling(nn.Module):
    """Resample as ``musiclab.audio.resample`` does, with the filter of the library that it uses.

    We measure the filter: its responses to one impulse at each place contain all weights with which ``up`` samples are
    computed from ``down`` samples. The first samples have weights of their own, because the library starts there.
    """

    def __init__(self, from_rate: int, to_rate: int):
        super().__init__()
        common = gcd(from_rate, to_rate)
        self.up, self.down = to_rate // common, from_rate // common
        self.reach = -(-_REACH * from_rate // min(from_rate, to_rate))
        span, block = self.down + 2 * self.reach, 2 + self.reach // self.down
        if self.up * span > _MOST_WEIGHTS:
            raise RunError(
                f"export: converting {from_rate:,} Hz to {to_rate:,} Hz, the sample rate of the encoder, would need "
                f"{self.up * span:,} weights. Train with --set sample_rate={to_rate}."
            )
        samples = (2 * block + 1) * self.down
        impulses = np.eye(span, samples, k=block * self.down - self.reach, dtype=np.float32)
        weights = resample(impulses, from_rate, to_rate)[:, block * self.up : (block + 1) * self.up]
        starts = resample(np.eye(span, samples, dtype=np.float32), from_rate, to_rate)[:, :_START]
        self.register_buffer("weights", torch.from_numpy(weights.T.copy()).unsqueeze(1))  # (up, 1, span)
        self.register_buffer("starts", torch.from_numpy(starts.copy()))  # (span, START)

    def forward(self, waveform: torch.Tensor) -> torch.Tensor:
        padded = nn.functional.pad(waveform, (self.reach, self.reach + self.down))
        blocks = nn.functional.conv1d(padded.unsqueeze(1), self.weights, stride=self.down)  # (batch, up, blocks)
        samples = (size(waveform, -1) * 2 * self.up + self.down) // (2 * self.down)  # rounded
        first = padded[:, self.reach : self.reach + len(self.starts)] @ self.starts
        return torch.cat([first, blocks.transpose(1, 2).flatten(1)[:, _START:samples]], dim=1)
