"""Train UMTN's encoder against a domain classifier, so that the latents no longer reveal the domain.

In UMTN, one WaveNet decoder per domain converts the latents back to sound. Its published results took three days on 48
GPUs. Here, **one linear map per domain** (a 1x1 convolution) predicts the log-mel spectrum of 50 ms from each latent
vector. Like a decoder, it learns the sound of its domain, so the latents only need to represent the notes.

As in UMTN, two steps alternate. First the classifier learns to predict the domain from the latents of clean segments.
Then encoder and decoders learn to reconstruct the clean segment from the augmented one. Their loss is the
reconstruction error *minus* ``weight`` times the classifier's cross-entropy. UMTN's reconstruction error is the
cross-entropy of 256 mu-law codes, and its weight is 0.01. Here it is the squared error of the spectra, so the weights
cannot be compared. In UMTN, all segments of a batch come from one domain. Here, each batch contains the same number of
segments of each domain.
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
    """Settings of :func:`train_confusion`, with sizes small enough for two CPU cores.

    A *latent* is a vector of the encoder's output.

    Parameters
    ----------
    weight : float
        Weight of the adversarial term in the encoder's loss (UMTN's ``--d-lambda``). The default 0 turns it off.
    steps : int
        Number of training steps. Default: 400.
    batch_size : int
        Number of segments per batch. Default: 32.
    learning_rate : float
        Learning rate of Adam for encoder and decoders. Default: 0.01.
    classifier_rate : float
        Learning rate of Adam for the domain classifier. Default: 0.005.
    classifier_steps : int
        Number of classifier steps per encoder step. More steps help the classifier to keep up with a fast encoder.
        Default: 1, as in UMTN.
    grad_clip : float
        Largest absolute gradient of a weight. Larger ones are clipped. Default: 1, as in UMTN's ``train.sh``.
    channels : int
        Number of channels in each layer of the :class:`~musiclab.umtn.Encoder`. Default: 64.
    blocks : int
        Number of blocks of the encoder. Default: 1.
    layers : int
        Number of layers per block. Default: 4.
    latent : int
        Number of channels in a latent vector. Default: 32.
    pool : int
        Number of samples per latent vector. Default: 800, which is 50 ms.
    stride : int
        Stride of the encoder's first layer in samples. Default: 40.
    n_mels : int
        Number of mel bands of the reconstructed spectrum. Default: 32.
    every : int
        Number of steps between two validations. Default: 25.
    valid_segments : int
        Number of validation segments. Default: 256.
    probe_steps : int
        Number of training steps for the new classifier at the end (see :class:`ConfusionRun`). Default: 300.
    seed : int
        Random seed of all initial weights. Default: 0.

    Examples
    --------
    >>> ConfusionConfig(weight=1.0, steps=100).latent
    32
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
    """Result of :func:`train_confusion`: the trained networks and their scores.

    Attributes
    ----------
    history : pandas.DataFrame
        One row per validation, with the columns ``step``, ``accuracy`` and ``rebuilt``. ``accuracy`` is that of the
        domain classifier, from 0 to 1. ``rebuilt`` is the R² of the reconstructed log-mel spectra, at most 1. Both are
        measured on validation segments.
    probe : float
        Validation accuracy of a new domain classifier, trained on the final latents (the encoder's output). They may
        still contain information that the first classifier can no longer find.
    domains : int
        Number of domains. Chance level is ``1 / domains``.
    n : int
        Number of validation segments.
    encoder : Encoder
        Trained encoder.
    classifier : DomainClassifier
        Domain classifier that was trained together with the encoder.
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
    """Decoders that reconstruct log-mel spectra from latents, with one linear map per domain.

    A latent is a vector of the encoder's output. UMTN decodes latents to sound with one large network (WaveNet) per
    domain. These linear maps take its place, because they can be trained in minutes.

    Parameters
    ----------
    domains : int
        Number of domains.
    latent : int
        Number of channels in a latent vector.
    pool : int
        Number of samples per latent vector. It is also the ``n_fft`` of the spectra.
    n_mels : int
        Number of mel bands.
    sample_rate : int
        Sample rate in Hz.

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
        """Reconstruct the spectra of segments, each with the map of its domain.

        Parameters
        ----------
        latents : float tensor, shape (batch, latent, frames)
            Latent vectors.
        domain : int64 tensor, shape (batch,)
            Domain of each segment.

        Returns
        -------
        float tensor, shape (batch, n_mels, frames)
            Standardised log-mel spectra, as in :meth:`target`.
        """
        spectra = self.maps(latents).unflatten(1, (-1, self.mel.n_mels))  # (batch, domains, n_mels, frames)
        return spectra[torch.arange(len(domain), device=domain.device), domain]

    def target(self, codes: torch.Tensor) -> torch.Tensor:
        """Compute the spectra that the decoders should reconstruct.

        Parameters
        ----------
        codes : uint8 tensor, shape (batch, samples)
            Mu-law codes of segments.

        Returns
        -------
        float tensor, shape (batch, n_mels, frames)
            Log-mel spectra, standardised per band with :meth:`standardise_by`. There is one frame per latent vector.
        """
        return (self._log_mel(codes) - self.mean) / self.std

    def standardise_by(self, codes: torch.Tensor) -> None:
        """Set the mean and standard deviation of each mel band to those of some segments.

        Parameters
        ----------
        codes : uint8 tensor, shape (batch, samples)
            Mu-law codes of the segments.
        """
        spectra = self._log_mel(codes)
        self.mean[:, 0], self.std[:, 0] = spectra.mean(dim=(0, 2)), spectra.std(dim=(0, 2)) + 1e-3

    def _log_mel(self, codes: torch.Tensor) -> torch.Tensor:
        spectra = log_mel(self.waveform[codes.int()], self.mel)  # frame i is centred on sample i * pool / 2
        return spectra[..., 1 : 2 * (codes.shape[1] // self.mel.n_fft) : 2]  # these frames match the latent vectors


def train_confusion(
    train: SegmentPairs, valid: SegmentPairs, config: ConfusionConfig = ConfusionConfig()
) -> ConfusionRun:
    """Train an encoder against a domain classifier, so that its output no longer reveals the domain.

    The classifier learns to predict the domain (the kind of music) from the encoder's output. The encoder learns to
    mislead it. Decoders make sure that the output still describes the music.

    Parameters
    ----------
    train : SegmentPairs
        Training segments, on the device to train on. The training changes their epoch.
    valid : SegmentPairs
        Validation segments from other pieces, with the same length, domains and device.
    config : ConfusionConfig
        Settings of the training. Compare a ``weight`` of 0 with a positive one.

    Returns
    -------
    ConfusionRun
        Trained networks and their scores.

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
