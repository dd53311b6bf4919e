"""Train UMTN's encoder against a domain classifier, so that the latents no longer reveal the domain.

In UMTN, one WaveNet decoder per domain converts the latents back to sound, which takes days on a GPU. Here, **one
linear map per domain** (a 1x1 convolution) predicts the log-mel spectrum of 50 ms from each latent vector. Like a
decoder, it learns the sound of its domain, so the latents only need to represent the notes.

As in UMTN, two steps alternate. First the classifier learns to predict the domain from the latents of clean segments.
Then encoder and decoders learn to reconstruct the clean segment from the augmented one. Their loss is the
reconstruction error *minus* ``weight`` times the classifier's cross-entropy. Unlike in UMTN, each batch contains the
same number of segments of each domain.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count, islice

import numpy as np
import pandas as pd
import torch
from torch import nn
from torch.nn import functional as F

from musiclab.core.errors import DatasetError
from musiclab.features import MelConfig, log_mel
from musiclab.umtn.mulaw import inv_mu_law
from musiclab.umtn.network import DomainClassifier, Encoder
from musiclab.umtn.pairs import SegmentPairs


@dataclass(frozen=True)
class ConfusionConfig:
    """Settings of the training, with sizes small enough for two CPU cores.

    Parameters
    ----------
    weight
        Weight of the adversarial term (UMTN's ``--d-lambda``); 0 turns it off.
    steps, batch_size
        Number of training steps, and of segments per batch.
    learning_rate, classifier_rate
        Learning rates of Adam for encoder and decoders, and for the classifier.
    classifier_steps
        Classifier steps per encoder step, 1 in UMTN. More steps help the classifier to keep up with a fast encoder.
    grad_clip
        Largest absolute gradient of a weight, as in ``train.sh``.
    channels, blocks, layers, latent, pool, stride, seed
        Sizes of the :class:`~musiclab.umtn.Encoder`, and the random seed of all initial weights.
    n_mels
        Number of mel bands of the reconstructed spectrum.
    every, valid_segments, probe_steps
        Steps between validations, number of validation segments, and training steps of the fresh classifier at the end.
    """

    weight: float = 0.0
    steps: int = 400
    batch_size: int = 32
    learning_rate: float = 1e-2
    classifier_rate: float = 5e-3
    classifier_steps: int = 1
    grad_clip: float = 1.0
    channels: int = 64
    blocks: int = 1
    layers: int = 4
    latent: int = 32
    pool: int = 800
    stride: int = 40
    n_mels: int = 32
    every: int = 25
    valid_segments: int = 256
    probe_steps: int = 300
    seed: int = 0


@dataclass
class ConfusionRun:
    """Result of a confusion training.

    Attributes
    ----------
    history : pandas.DataFrame
        ``step``, ``accuracy`` of the domain classifier, and ``rebuilt``, the R² of the reconstructed log-mel spectra.
        Both are measured on validation segments.
    probe : float
        Validation accuracy of a fresh classifier, trained on the final latents. They may still contain information that
        the original classifier can no longer find.
    domains, n : int
        Number of domains (chance level is ``1 / domains``), and of validation segments.
    encoder, classifier : torch.nn.Module
        Trained networks.
    config : ConfusionConfig
        Settings of the training.
    """

    history: pd.DataFrame
    probe: float
    domains: int
    n: int
    encoder: Encoder
    classifier: DomainClassifier
    config: ConfusionConfig


class MelDecoders(nn.Module):
    """Reconstruct log-mel spectra from latents with one linear map per domain, in place of UMTN's WaveNets.

    Parameters
    ----------
    domains, latent, n_mels
        Number of domains, of channels in a latent vector, and of mel bands.
    pool, sample_rate
        Samples per latent vector, which is also the ``n_fft``, and sample rate in Hz.

    Examples
    --------
    >>> decoders = MelDecoders(domains=2, latent=64, pool=800, n_mels=32, sample_rate=16000)
    >>> decoders(torch.zeros(3, 64, 15), torch.tensor([0, 1, 1])).shape
    torch.Size([3, 32, 15])
    """

    def __init__(self, domains: int, latent: int, pool: int, n_mels: int, sample_rate: int):
        super().__init__()
        self.maps = nn.Conv1d(latent, domains * n_mels, 1)
        self.mel = MelConfig(sample_rate, n_fft=pool, hop_length=pool // 2, n_mels=n_mels, power=2)
        # amplified by 30 dB, because log10(1 + 10x) would compress soft sound to almost nothing
        self.register_buffer("waveform", torch.from_numpy(10**1.5 * inv_mu_law(np.arange(256))))
        self.register_buffer("mean", torch.zeros(n_mels, 1))
        self.register_buffer("std", torch.ones(n_mels, 1))

    def forward(self, latents: torch.Tensor, domain: torch.Tensor) -> torch.Tensor:
        """Reconstruct spectra, shape (batch, n_mels, frames), with the map of each segment's domain."""
        spectra = self.maps(latents).unflatten(1, (-1, self.mel.n_mels))  # (batch, domains, n_mels, frames)
        return spectra[torch.arange(len(domain), device=domain.device), domain]

    def target(self, codes: torch.Tensor) -> torch.Tensor:
        """Compute the standardised log-mel spectra of segments, shape (batch, n_mels, frames)."""
        return (self._log_mel(codes) - self.mean) / self.std

    def standardise_by(self, codes: torch.Tensor) -> None:
        """Set the mean and standard deviation of each band to those of these segments."""
        spectra = self._log_mel(codes)
        self.mean[:, 0], self.std[:, 0] = spectra.mean(dim=(0, 2)), spectra.std(dim=(0, 2)) + 1e-3

    def _log_mel(self, codes: torch.Tensor) -> torch.Tensor:
        spectra = log_mel(self.waveform[codes.int()], self.mel)  # frame i is centred on sample i * pool / 2
        return spectra[..., 1 : 2 * (codes.shape[1] // self.mel.n_fft) : 2]  # these frames match the latent vectors


def train_confusion(
    train: SegmentPairs, valid: SegmentPairs, config: ConfusionConfig = ConfusionConfig()
) -> ConfusionRun:
    """Train encoder, decoders and domain classifier together.

    Parameters
    ----------
    train, valid
        Segments of the same length and domains, from different pieces, on the device to train on. Training changes
        the epoch of ``train``.
    config
        Settings of the training. Compare a ``weight`` of 0 with a positive one.

    Raises
    ------
    DatasetError
        If ``train`` and ``valid`` have different numbers of domains.

    Examples
    --------
    >>> run = train_confusion(train, valid, ConfusionConfig(weight=1.0))  # doctest: +SKIP
    >>> run.history, run.probe  # doctest: +SKIP
    """
    if train.domains != valid.domains:
        raise DatasetError(
            f"expected equal numbers of domains for training and validation, found {train.domains} and {valid.domains}"
        )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(config.seed)  # for the weights; the segments have their own seeds
        return _train(train, valid, config)


def _train(train: SegmentPairs, valid: SegmentPairs, config: ConfusionConfig) -> ConfusionRun:
    encoder = Encoder(config.channels, config.blocks, config.layers, config.latent, config.pool, config.stride)
    classifier = DomainClassifier(train.domains, config.latent, standardise=True)
    decoders = MelDecoders(train.domains, config.latent, config.pool, config.n_mels, train.sample_rate)
    for network in (encoder, classifier, decoders):
        network.to(train.device)
    train.set_epoch(0)  # an earlier training may have changed it
    decoders.standardise_by(train.batch(range(min(len(train), 256)))[0])
    optimiser = torch.optim.Adam([*encoder.parameters(), *decoders.parameters()], lr=config.learning_rate)
    classifier_optimiser = torch.optim.Adam(classifier.parameters(), lr=config.classifier_rate)
    valid_batch = valid.batch(range(config.valid_segments))
    history = [{"step": 0, **_measure(encoder, classifier, decoders, valid_batch)}]
    batches = islice(_batches(train, config.batch_size), config.steps)
    for step, (clean, augmented, domain) in enumerate(batches, start=1):
        with torch.no_grad():
            latents = encoder(clean)
        for _ in range(config.classifier_steps):
            _step(classifier_optimiser, F.cross_entropy(classifier(latents), domain), config.grad_clip)

        latents = encoder(augmented)
        loss = F.mse_loss(decoders(latents, domain), decoders.target(clean))
        if config.weight:
            loss = loss - config.weight * F.cross_entropy(classifier(latents), domain)
        _step(optimiser, loss, config.grad_clip)
        if step % config.every == 0 or step == config.steps:
            history.append({"step": step, **_measure(encoder, classifier, decoders, valid_batch)})
    probe = _probe_accuracy(encoder, train, valid_batch, config)
    return ConfusionRun(pd.DataFrame(history), probe, train.domains, config.valid_segments, encoder, classifier, config)


@torch.no_grad()
def _probe_accuracy(encoder: Encoder, train: SegmentPairs, valid_batch, config: ConfusionConfig) -> float:
    """Train a fresh domain classifier on four times as many segments, and return its validation accuracy."""
    clean, _, domain = train.batch(range(4 * config.valid_segments))
    latents = _encode(encoder, clean)
    probe = DomainClassifier(train.domains, latents.shape[1], standardise=True).to(train.device)
    optimiser = torch.optim.Adam(probe.parameters(), lr=2e-3)
    with torch.enable_grad():
        for step in range(config.probe_steps):
            rows = (torch.arange(64, device=train.device) + 64 * step) % len(latents)
            _step(optimiser, F.cross_entropy(probe(latents[rows]), domain[rows]), 1.0)
    clean, _, domain = valid_batch
    return _accuracy(probe, _encode(encoder, clean), domain)


def _encode(encoder: Encoder, clean: torch.Tensor) -> torch.Tensor:
    return torch.cat([encoder(batch) for batch in clean.split(64)])


def _accuracy(classifier: DomainClassifier, latents: torch.Tensor, domain: torch.Tensor) -> float:
    return float((classifier.eval()(latents).argmax(1) == domain).float().mean())


@torch.no_grad()
def _measure(encoder, classifier, decoders, valid_batch) -> dict[str, float]:
    clean, _, domain = valid_batch
    latents = _encode(encoder, clean)
    target = decoders.target(clean)
    error = F.mse_loss(decoders(latents, domain), target) / target.var()
    accuracy = _accuracy(classifier, latents, domain)
    classifier.train()
    return {"accuracy": accuracy, "rebuilt": 1 - float(error)}


def _batches(pairs: SegmentPairs, batch_size: int) -> Iterator:
    for epoch in count():
        pairs.set_epoch(epoch)
        yield from pairs.batches(batch_size)


def _step(optimiser: torch.optim.Optimizer, loss: torch.Tensor, grad_clip: float) -> None:
    optimiser.zero_grad()
    loss.backward()
    nn.utils.clip_grad_value_([weight for group in optimiser.param_groups for weight in group["params"]], grad_clip)
    optimiser.step()
