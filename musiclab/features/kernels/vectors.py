"""Kernels that combine other features: the summary of a clip and the sequence of its frames."""

import torch

from musiclab.features.kernels.batch import ClipBatch
from musiclab.features.kernels.mel import delta, mfcc
from musiclab.features.kernels.pitch import chroma
from musiclab.features.kernels.spectral import bandwidth, centroid, contrast, rms, rolloff, zero_crossing_rate
from musiclab.features.settings import DELTA_WIDTH, FrameConfig, SequenceConfig, SummaryConfig


def summary(batch: ClipBatch, config: SummaryConfig) -> torch.Tensor:
    frames = FrameConfig(**config.framing)
    coefficients, pitch_classes = batch.compute(mfcc, config.mfcc), batch.compute(chroma, config.chroma)
    scalars = [batch.compute(kernel, frames) for kernel in (rms, centroid, bandwidth, rolloff, zero_crossing_rate)]
    if config.kind == "tutorial":
        rows = torch.cat([pitch_classes.mean(dim=1, keepdim=True), *scalars, coefficients], dim=1)
        return rows.mean(dim=-1, keepdim=True)
    deltas = [delta(coefficients, DELTA_WIDTH, order) for order in range(1, config.delta_order + 1)]
    bands = batch.compute(contrast, config.contrast)
    rows = torch.cat([coefficients, *deltas, pitch_classes, bands, *scalars], dim=1)
    return torch.cat([rows.mean(dim=-1, keepdim=True), rows.std(dim=-1, correction=0, keepdim=True)], dim=1)


def sequence(batch: ClipBatch, config: SequenceConfig) -> torch.Tensor:
    rows = (
        batch.compute(mfcc, config.mfcc),
        batch.compute(centroid, FrameConfig(**config.framing)),
        batch.compute(chroma, config.chroma),
        batch.compute(contrast, config.contrast),
    )
    return torch.cat(rows, dim=1)
