"""A small training of UMTN's two classifiers: can the domain be read off the latents, and can that be unlearnt?

UMTN keeps its latents useful by one WaveNet decoder a domain, each of which has to turn the latents back into its own
domain's sound. Those are days of GPU time; here stands **one linear map a domain** (a 1x1 convolution) from a latent
vector to the log-mel spectrum of its 50 ms. The reason is UMTN's own: the map knows how its domain sounds, so
the latents need only say what is played.

The losses alternate as in UMTN: the classifier learns to name the domain from the latents of clean segments; then
encoder and decoders learn to rebuild the clean segment from the augmented one, *minus* ``weight`` times the
classifier's cross-entropy. Unlike there, a batch holds all domains in equal numbers, not one in turn.
"""

from dataclasses import asdict, dataclass

import numpy as np
import pandas as pd
import torch
from torch import nn
from torch.nn import functional as F

from musiclab.core.errors import DatasetError
from musiclab.umtn.mulaw import inv_mu_law
from musiclab.umtn.network import DomainClassifier, Encoder
from musiclab.umtn.pairs import SegmentPairs


@dataclass(frozen=True)
class ConfusionConfig:
    """Sizes and settings of the training; the sizes are small, for two cores.

    Parameters
    ----------
    weight
        Of the adversarial term (UMTN's ``--d-lambda``); 0 leaves the encoder alone.
    steps, batch_size
        Batches, and segments in each.
    learning_rate, classifier_rate
        Of Adam, for encoder and decoders, and for the classifier.
    classifier_steps
        Steps of the classifier to one of the encoder. UMTN: 1. More keep it in pace with an encoder that learns fast.
    grad_clip
        Largest gradient of a weight, as ``train.sh`` sets it.
    channels, blocks, layers, latent, pool, stride
        See :class:`~musiclab.umtn.Encoder`.
    n_mels
        Bands of the spectrum that is rebuilt.
    every
        Steps between two looks at the validation segments.
    valid_segments
        How many of them.
    probe_steps
        Steps of the fresh classifier at the end.
    seed
        Of all weights.
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

    def to_dict(self) -> dict:
        return asdict(self)


@dataclass
class ConfusionRun:
    """What came of a training.

    Attributes
    ----------
    history : pandas.DataFrame
        ``step``; ``accuracy`` of the domain classifier and ``rebuilt`` (share of the variance of the log-mel spectrum
        that the decoders explain, 1 is all), both on validation segments.
    probe : float
        Accuracy of a fresh classifier, trained on the finished latents: a classifier that was confused on the way
        may have lost what is still there.
    domains : int
        Chance is ``1 / domains``.
    n : int
        Validation segments behind each accuracy.
    encoder, classifier : torch.nn.Module
    config : ConfusionConfig
    """

    history: pd.DataFrame
    probe: float
    domains: int
    n: int
    encoder: Encoder
    classifier: DomainClassifier
    config: ConfusionConfig


def train_confusion(
    train: SegmentPairs, valid: SegmentPairs, config: ConfusionConfig = ConfusionConfig()
) -> ConfusionRun:
    """Train encoder, stand-in decoders and domain classifier together.

    Parameters
    ----------
    train, valid
        Segments of the same domains and length, valid's of other pieces; on the device to train on.
    config
        Its ``weight`` is what is compared: 0 against more.

    Returns
    -------
    ConfusionRun

    Raises
    ------
    DatasetError
        ``train`` and ``valid`` have another number of domains.
    """
    if train.domains != valid.domains:
        raise DatasetError(
            f"expected as many domains to validate on as to train on, found {valid.domains} and {train.domains}"
        )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(config.seed)  # of the weights; what is drawn from the domains has seeds of its own
        return _train(train, valid, config)


def _train(train: SegmentPairs, valid: SegmentPairs, config: ConfusionConfig) -> ConfusionRun:
    device, domains = train.device, train.domains
    encoder = Encoder(config.channels, config.blocks, config.layers, config.latent, config.pool, config.stride).to(
        device
    )
    classifier = DomainClassifier(domains, config.latent, standardise=True).to(device)
    decoders = MelDecoders(domains, config.latent, config.pool, config.n_mels, train.sample_rate).to(device)
    decoders.standardise_by(train.__getitems__(range(min(len(train), 256)))[0])
    optimiser = torch.optim.Adam([*encoder.parameters(), *decoders.parameters()], lr=config.learning_rate)
    classifier_optimiser = torch.optim.Adam(classifier.parameters(), lr=config.classifier_rate)
    watched = valid.__getitems__(range(config.valid_segments))
    rows = []
    for step in range(config.steps + 1):
        if step % config.every == 0 or step == config.steps:
            rows.append({"step": step, **_measure(encoder, classifier, decoders, watched)})
        if step == config.steps:
            break
        clean, augmented, domain = train.__getitems__(range(step * config.batch_size, (step + 1) * config.batch_size))

        with torch.no_grad():
            latents = encoder(clean)
        for _ in range(config.classifier_steps):
            _step(classifier_optimiser, F.cross_entropy(classifier(latents), domain), config.grad_clip)

        latents = encoder(augmented)
        loss = F.mse_loss(decoders(latents, domain), decoders.target(clean))
        if config.weight:
            loss = loss - config.weight * F.cross_entropy(classifier(latents), domain)
        _step(optimiser, loss, config.grad_clip)
    probe = probe_accuracy(encoder, train, valid, config.valid_segments, config.probe_steps)
    return ConfusionRun(pd.DataFrame(rows), probe, domains, config.valid_segments, encoder, classifier, config)


class MelDecoders(nn.Module):
    """One linear map a domain from a latent vector to the log-mel spectrum of its samples: our stand-in for WaveNets.

    Parameters
    ----------
    domains, latent
        How many, and channels of a latent vector.
    pool
        Samples of a latent vector, and of the FFT.
    n_mels
        Bands.
    sample_rate
        Hz.
    """

    def __init__(self, domains: int, latent: int, pool: int, n_mels: int, sample_rate: int):
        super().__init__()
        from librosa.filters import mel  # takes a second to import

        self.pool, self.n_mels = pool, n_mels
        self.maps = nn.Conv1d(latent, domains * n_mels, 1)
        self.register_buffer("bands", torch.from_numpy(mel(sr=sample_rate, n_fft=pool, n_mels=n_mels)))
        self.register_buffer("window", torch.hann_window(pool))
        self.register_buffer("waveform", torch.from_numpy(inv_mu_law(np.arange(256))))
        self.register_buffer("mean", torch.zeros(n_mels, 1))
        self.register_buffer("deviation", torch.ones(n_mels, 1))

    def forward(self, latents: torch.Tensor, domain: torch.Tensor) -> torch.Tensor:
        """Spectra, shape (batch, n_mels, frames), by the map of each segment's domain."""
        spectra = self.maps(latents).unflatten(1, (-1, self.n_mels))  # (batch, domains, n_mels, frames)
        return spectra[torch.arange(len(domain), device=domain.device), domain]

    def target(self, codes: torch.Tensor) -> torch.Tensor:
        """Standardised log-mel spectra of segments, shape (batch, n_mels, frames)."""
        return (self._log_mel(codes) - self.mean) / self.deviation

    def standardise_by(self, codes: torch.Tensor) -> None:
        """Take mean and deviation of each band from some segments."""
        spectra = self._log_mel(codes)
        self.mean[:, 0], self.deviation[:, 0] = spectra.mean(dim=(0, 2)), spectra.std(dim=(0, 2)) + 1e-3

    def _log_mel(self, codes: torch.Tensor) -> torch.Tensor:
        frames = self.waveform[codes.int()].unfold(1, self.pool, self.pool) * self.window  # (batch, frames, pool)
        power = torch.fft.rfft(frames).abs() ** 2 @ self.bands.T
        return torch.log(power + 1e-4).transpose(1, 2)


@torch.no_grad()
def probe_accuracy(
    encoder: Encoder, train: SegmentPairs, valid: SegmentPairs, segments: int = 256, steps: int = 300
) -> float:
    """Accuracy of a fresh domain classifier on the latents of a finished encoder.

    Trained for ``steps`` batches of 64 on four times ``segments`` of ``train``, judged on ``segments`` of ``valid``.
    """
    device = train.device
    latents, domain = _latents(encoder, train, 4 * segments)
    probe = DomainClassifier(train.domains, latents.shape[1], standardise=True).to(device)
    optimiser = torch.optim.Adam(probe.parameters(), lr=2e-3)
    with torch.enable_grad():
        for step in range(steps):
            rows = (torch.arange(64, device=device) + 64 * step) % len(latents)
            _step(optimiser, F.cross_entropy(probe(latents[rows]), domain[rows]), 1.0)
    latents, domain = _latents(encoder, valid, segments)
    return float((probe.eval()(latents).argmax(1) == domain).float().mean())


def _latents(encoder: Encoder, pairs: SegmentPairs, segments: int) -> tuple[torch.Tensor, torch.Tensor]:
    batches = [pairs.__getitems__(range(first, first + 64)) for first in range(0, segments, 64)]
    return torch.cat([encoder(clean) for clean, _, _ in batches]), torch.cat([domain for _, _, domain in batches])


@torch.no_grad()
def _measure(encoder, classifier, decoders, watched) -> dict[str, float]:
    clean, _, domain = watched
    latents = torch.cat([encoder(part) for part in clean.split(64)])
    target = decoders.target(clean)
    error = F.mse_loss(decoders(latents, domain), target) / target.var()
    right = (classifier.eval()(latents).argmax(1) == domain).float().mean()
    classifier.train()
    return {"accuracy": float(right), "rebuilt": 1 - float(error)}


def _step(optimiser: torch.optim.Optimizer, loss: torch.Tensor, grad_clip: float) -> None:
    optimiser.zero_grad()
    loss.backward()
    nn.utils.clip_grad_value_([weight for group in optimiser.param_groups for weight in group["params"]], grad_clip)
    optimiser.step()
