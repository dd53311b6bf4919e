"""Compute features with operations that ONNX has, so that a model can be exported together with its features.

:class:`TracedBatch` replaces what the torch engine computes with numpy, complex numbers or a number of steps that
depends on the sound. The results are those of the torch engine, up to rounding.
"""

import numpy as np
import torch

from musiclab.features import banks
from musiclab.features.kernels import _KERNELS, pitch, spectral
from musiclab.features.kernels.batch import TINY, ClipBatch, limit_range
from musiclab.features.settings import FLOOR, ChromaConfig, ContrastConfig, FrameConfig


class TracedBatch(ClipBatch):
    """A :class:`~musiclab.features.kernels.batch.ClipBatch` whose number of clips and samples can change later."""

    def compute(self, kernel, config):
        return super().compute(_REPLACEMENTS.get(kernel, kernel), config)

    def frames(self, config: FrameConfig, dtype: torch.dtype = torch.float32) -> torch.Tensor:
        padded = _pad(self.waveform, config).to(dtype)
        return padded[:, _frame_starts(self.waveform, config)[:, None] + torch.arange(config.n_fft)]

    def power(self, config: FrameConfig) -> list[torch.Tensor]:
        return [self.compute(_power, FrameConfig(**config.framing))]


def evaluate_traced(waveform: torch.Tensor, feature: str, config) -> torch.Tensor:
    """Compute a feature of waveforms, (clips, samples), as shape (clips, dimensions, frames)."""
    return TracedBatch(waveform, config).compute(_KERNELS[feature], config)


def size(tensor: torch.Tensor, axis: int) -> torch.Tensor:
    """Return the length of an axis as a tensor, so that an exported graph computes it instead of a constant."""
    return torch._shape_as_tensor(tensor)[axis]


def _pad(waveform: torch.Tensor, config: FrameConfig) -> torch.Tensor:
    return torch.nn.functional.pad(waveform, (config.n_fft // 2, config.n_fft // 2))


def _frame_starts(waveform: torch.Tensor, config: FrameConfig) -> torch.Tensor:
    return torch.arange(1 + size(waveform, -1) // config.hop_length) * config.hop_length


class _Stft(torch.autograd.Function):
    """Fourier transform of frames, (clips, frames, bins, 2), which becomes the ONNX operator STFT.

    onnxruntime needs 12 ms for it per 10 s of sound at n_fft 1024, and computes in double precision as well. A
    convolution with the matrix of the transform takes 34 ms and 4 MB, and two small matrix products take 51 ms.
    """

    @staticmethod
    def forward(ctx, waveform: torch.Tensor, window: torch.Tensor, hop_length: int) -> torch.Tensor:
        return torch.view_as_real(torch.fft.rfft(waveform.unfold(-1, len(window), hop_length) * window))

    @staticmethod
    def symbolic(graph, waveform, window, hop_length: int):
        signal = graph.op("Unsqueeze", waveform, graph.op("Constant", value_t=torch.tensor([-1])))
        hop = graph.op("Constant", value_t=torch.tensor(hop_length))
        spectrum = graph.op("STFT", signal, hop, window, onesided_i=1)
        return spectrum.setType(waveform.type().with_sizes([None, None, None, 2]))  # not those of the example


def _power(batch: TracedBatch, config: FrameConfig) -> torch.Tensor:
    dtype = torch.float64 if config in batch.exact else torch.float32
    window = torch.hann_window(config.n_fft, dtype=dtype)
    spectrum = _Stft.apply(_pad(batch.waveform, config).to(dtype), window, config.hop_length)
    return spectrum.float().square().sum(-1)


def _chroma(batch: TracedBatch, config: ChromaConfig) -> torch.Tensor:
    power = batch.power(config)[0]
    tuning = torch.full_like(power[:, 0, 0], config.tuning or 0.0)
    if config.tuning is None:
        tuning = _most_frequent_deviation(power, config)
    raw = power @ _chroma_banks(tuning.double(), config)
    strongest = raw.amax(dim=-1, keepdim=True)
    return torch.where(strongest < TINY, raw, raw / strongest.clamp_min(TINY)).transpose(1, 2)


def _chroma_banks(tuning: torch.Tensor, config: ChromaConfig) -> torch.Tensor:
    """Compute the filter bank of each clip as ``musiclab.features.banks.chroma_bank`` does, (clips, bins, n_chroma)."""
    n_chroma, half = config.n_chroma, round(config.n_chroma / 2)
    bins = np.arange(1, config.n_fft // 2 + 2)
    pitches = n_chroma * np.log2(bins * (config.sample_rate / config.n_fft) / (banks.A4 / 16))
    pitches = np.concatenate([[pitches[0] - 1.5 * n_chroma], pitches])
    width = torch.from_numpy(np.maximum(np.diff(pitches), 1.0))[:, None]
    shifted = torch.from_numpy(pitches[:-1])[:, None] - tuning[:, None, None]  # a higher A lowers all pitches
    classes = (torch.arange(n_chroma) + 3 * (n_chroma // 12)) % n_chroma  # start at C instead of A
    distance = shifted - classes + half
    distance = distance - n_chroma * torch.floor(distance / n_chroma) - half
    weights = torch.exp(-0.5 * (2 * distance / width).square())
    weights = weights / weights.square().sum(dim=-1, keepdim=True).sqrt()
    from_centre = (shifted / n_chroma - banks._CENTRE) / banks._WIDTH  # in widths
    return (weights * torch.exp(-0.5 * from_centre.square())).float()


def _most_frequent_deviation(power: torch.Tensor, config: ChromaConfig) -> torch.Tensor:
    """Estimate the tuning of each clip, shape (clips,), as the kernel ``tuning`` does."""
    frequencies = np.fft.rfftfreq(config.n_fft, 1 / config.sample_rate)
    edges = pitch._LOWEST, min(pitch._HIGHEST, config.sample_rate / 2)
    low, high = (max(1, int(np.searchsorted(frequencies, edge, side="left"))) for edge in edges)
    threshold = pitch._MIN_PEAK * power.amax(dim=-1, keepdim=True)
    below, middle, above = (power[..., low + step : high + step] for step in (-1, 0, 1))
    is_peak = ((middle > threshold) & (middle > below) & (middle >= above)).flatten(1)
    below, middle, above = (part.double().flatten(1) for part in (below, middle, above))
    curvature, slope = above + below - 2 * middle, (above - below) / 2
    is_flat = slope.abs() >= curvature.abs()
    shift = torch.where(is_flat, 0.0, -slope / torch.where(is_flat, 1.0, curvature))
    bins = torch.arange(low, high).double().repeat(size(power, 1)) + shift
    heights = torch.where(is_peak, middle + slope * shift / 2, torch.inf)
    count = is_peak.sum(dim=1, keepdim=True)
    ordered = heights.sort(dim=1).values
    halves = [ordered.gather(1, ((count - 1 + extra) // 2).clamp_min(0)) for extra in (0, 1)]  # both middle values
    is_kept = is_peak & (heights >= (halves[0] + halves[1]) / 2)
    hertz = bins.clamp_min(1e-6) * (config.sample_rate / config.n_fft)
    deviation = config.n_chroma * torch.log2(hertz / (banks.A4 / 16))
    deviation = deviation.float().double()  # as in librosa, for the same counts
    deviation = deviation - torch.floor(deviation + 0.5)  # in [-0.5, 0.5)
    steps = torch.floor((deviation + 0.5) * pitch._STEPS).clamp(0, pitch._STEPS - 1).long()
    counts = torch.zeros(1, pitch._STEPS).repeat(size(power, 0), 1).scatter_add(1, steps, is_kept.float())
    grid = torch.from_numpy(np.linspace(-0.5, 0.5, pitch._STEPS + 1))
    return torch.where(count[:, 0] > 0, grid[counts.argmax(dim=1)], 0.0)


def _contrast(batch: TracedBatch, config: ContrastConfig) -> torch.Tensor:
    magnitude = batch.magnitude(config)[0]
    halves = []
    for largest in (False, True):
        bands = [
            magnitude[..., start:stop].topk(count, dim=-1, largest=largest).values.mean(-1)
            for start, stop, count in config.bands
        ]
        levels = 10 * torch.stack(bands, dim=1).clamp_min(FLOOR).log10()
        halves.append(limit_range(levels))
    return halves[1] - halves[0]


def _rolloff(batch: TracedBatch, config: FrameConfig) -> torch.Tensor:
    cumulative = batch.magnitude(config)[0].double().cumsum(-1).float()  # as PyTorch adds float32 on a CPU
    bins = (cumulative < spectral._ROLL_PERCENT * cumulative[..., -1:]).sum(-1)
    return (bins * (config.sample_rate / config.n_fft)).float().unsqueeze(1)


def _zero_crossing_rate(batch: TracedBatch, config: FrameConfig) -> torch.Tensor:
    is_negative = batch.waveform < -spectral._SIGN_THRESHOLD
    crossings = (is_negative[:, 1:] != is_negative[:, :-1]).int()
    crossings = torch.nn.functional.pad(crossings, (1, 0)).cumsum(-1)  # up to and including each sample
    starts = _frame_starts(batch.waveform, config) - config.n_fft // 2
    last = size(batch.waveform, -1) - 1
    first, stop = (torch.minimum(place.clamp_min(0), last) for place in (starts, starts + config.n_fft - 1))
    return ((crossings[:, stop] - crossings[:, first]) / config.n_fft).float().unsqueeze(1)


_REPLACEMENTS = {
    pitch.chroma: _chroma,
    spectral.contrast: _contrast,
    spectral.rolloff: _rolloff,
    spectral.zero_crossing_rate: _zero_crossing_rate,
}
