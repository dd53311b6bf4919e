"""Features that combine others: the summary of a clip and the sequence of its frames."""

import torch

from musiclab.features.kernels.mel import delta, mfcc
from musiclab.features.kernels.pitch import chroma
from musiclab.features.kernels.sound import Sound
from musiclab.features.kernels.spectral import bandwidth, centroid, contrast, rms, rolloff, zero_crossing_rate
from musiclab.features.settings import DELTA_WIDTH, FrameConfig, SequenceConfig, SummaryConfig


def summary(sound: Sound, config: SummaryConfig) -> torch.Tensor:
    frames = FrameConfig(**config.framing)
    cepstrum, pitches = sound.of(mfcc, config.mfcc), sound.of(chroma, config.chroma)
    scalars = [sound.of(kernel, frames) for kernel in (rms, centroid, bandwidth, rolloff, zero_crossing_rate)]
    if config.kind == "tutorial":
        rows = torch.cat([pitches.mean(dim=1, keepdim=True), *scalars, cepstrum], dim=1)
        return rows.mean(dim=-1, keepdim=True)
    deltas = [delta(cepstrum, DELTA_WIDTH, order) for order in range(1, config.delta_order + 1)]
    rows = torch.cat([cepstrum, *deltas, pitches, sound.of(contrast, config.contrast), *scalars], dim=1)
    return torch.cat([rows.mean(dim=-1, keepdim=True), rows.std(dim=-1, correction=0, keepdim=True)], dim=1)


def sequence(sound: Sound, config: SequenceConfig) -> torch.Tensor:
    parts = (
        sound.of(mfcc, config.mfcc),
        sound.of(centroid, FrameConfig(**config.framing)),
        sound.of(chroma, config.chroma),
        sound.of(contrast, config.contrast),
    )
    return torch.cat(parts, dim=1)
