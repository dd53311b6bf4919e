"""A small decoder of the DDSP kind: oscillators and filtered noise, driven by the latents.

A WaveNet has to learn what a periodic sound is, sample by sample. Here the network only decides how loud each note is,
how loud its harmonics are, and how much noise is added; a synthesiser does the rest. Because the synthesiser is
differentiable, the network is trained through it. See Engel et al. 2020, "DDSP: Differentiable Digital Signal
Processing", arXiv 2001.04643. DDSP plays one note at a time. We play all notes of the piano's middle five octaves at
once, on the twelve fixed pitches of the tempered scale.
"""

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

from musiclab.umtn.encoded import WAV_FREQ

LOWEST, NOTES, HARMONICS = 28, 68, 16  # MIDI number of the lowest note (E1), number of notes, harmonics per note
NOISE_BANDS = 64
WINDOWS = (2048, 1024, 512, 256, 128)  # in samples, of the spectral loss


class HarmonicDecoder(nn.Module):
    """Decoder that plays 68 notes with 16 harmonics each, and adds filtered noise.

    Convolutions compute the loudness of each note and of 64 noise bands, 100 times per second. Each domain has its own
    decoder, and so its own table of harmonics: how loud each harmonic of each note is. Every note has two such tables
    and a loudness for each, so the sound can change while a note fades.

    Parameters
    ----------
    latent : int
        Number of channels in a latent vector. Default: 64.
    channels : int
        Number of channels in each hidden layer. Default: 128.
    pool : int
        Number of samples per latent vector, a multiple of 160. Default: 800.

    Attributes
    ----------
    sizes : dict of str to int
        The parameters above, by name.

    Raises
    ------
    ValueError
        If ``pool`` is not a multiple of 160.

    Examples
    --------
    >>> decoder = HarmonicDecoder()
    >>> decoder(torch.zeros(2, 64, 15)).shape  # 0.75 s at 16 kHz
    torch.Size([2, 12000])
    """

    tables = 2

    def __init__(self, latent=64, channels=128, pool=800):
        super().__init__()
        if pool % Synthesiser.hop:
            raise ValueError(f"expected pool to be a multiple of {Synthesiser.hop}, found {pool}")
        self.sizes = dict(latent=latent, channels=channels, pool=pool)
        self.synthesiser = Synthesiser()
        controls = self.tables * NOTES + NOISE_BANDS
        self.first = nn.Conv1d(latent, channels, 3, padding=1)
        self.faster = nn.Conv1d(channels, channels * (pool // Synthesiser.hop), 1)
        self.middle = nn.Conv1d(channels, channels, 3, padding=1)
        self.last = nn.Conv1d(channels, controls, 1)
        nn.init.constant_(self.last.bias, -4.0)  # begin softly
        number = torch.arange(1, HARMONICS + 1)
        decay = torch.tensor([0.0, 0.3])[:, None, None]  # of the harmonics, per number; the second table is duller
        self.log_harmonics = nn.Parameter((-torch.log(number) - decay * (number - 1)).repeat(1, NOTES, 1))

    def controls(self, latents: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Compute the loudness of notes and of noise bands.

        Parameters
        ----------
        latents : float tensor, shape (batch, latent, frames)
            Latent vectors.

        Returns
        -------
        notes : float tensor, shape (batch, steps, 2, notes)
            Amplitudes of each note, with both tables of harmonics, 100 times per second.
        noise : float tensor, shape (batch, steps, bands)
            Amplitudes of the noise bands, evenly spaced from 0 to 8 kHz.
        """
        x = F.elu(self.first(latents))
        x = F.elu(self.faster(x)).unflatten(1, (self.sizes["channels"], -1)).transpose(2, 3).flatten(2)
        x = x + F.elu(self.middle(x))
        amplitudes = 2 * torch.sigmoid(self.last(x).float().transpose(1, 2)) ** 2.3 + 1e-7
        notes, noise = amplitudes.split([self.tables * NOTES, NOISE_BANDS], dim=2)
        return notes.unflatten(2, (self.tables, NOTES)), 0.5 * noise

    def forward(self, latents: torch.Tensor, first_step: int = 0) -> torch.Tensor:
        """Decode latents to sound.

        Parameters
        ----------
        latents : float tensor, shape (batch, latent, frames)
            Latent vectors.
        first_step : int
            Number of the first step of 10 ms, so that a long sound can be decoded in parts whose oscillators fit
            together. Default: 0.

        Returns
        -------
        float tensor, shape (batch, frames * pool)
            Waveforms at 16 kHz.
        """
        notes, noise = self.controls(latents)
        with torch.autocast(latents.device.type, enabled=False):
            return self.synthesiser(notes, self.log_harmonics.exp(), noise, first_step)

    def loss(self, latents: torch.Tensor, samples: torch.Tensor) -> torch.Tensor:
        """Compute the spectral loss of the decoded latents.

        Parameters
        ----------
        latents : float tensor, shape (batch, latent, frames)
            Latent vectors.
        samples : int16 tensor, shape (batch, samples)
            Samples of the true sound.

        Returns
        -------
        float tensor, shape (batch,)
            Loss of each segment.
        """
        waveform = self(latents)
        with torch.autocast(latents.device.type, enabled=False):
            return spectral_loss(waveform, samples[:, : waveform.shape[1]].float() / 32768)

    def generate(self, latents: torch.Tensor, first_frame: int = 0) -> np.ndarray:
        """Decode the latents of one sound.

        Parameters
        ----------
        latents : float tensor, shape (latent, frames)
            Latent vectors.
        first_frame : int
            Number of the first latent vector in a longer sound. Default: 0.

        Returns
        -------
        float32 array, shape (frames * pool,)
            Waveform at 16 kHz.
        """
        steps = self.sizes["pool"] // Synthesiser.hop
        with torch.inference_mode():
            return self(latents[None], first_frame * steps)[0].cpu().numpy()


class Synthesiser(nn.Module):
    """Bank of oscillators with fixed frequencies, and filtered noise.

    Notes share oscillators where their harmonics coincide within five cents, so 306 are enough for 68 notes.
    Amplitudes change every 10 ms. Between these steps they are interpolated with Hann windows.
    """

    hop = 160

    def __init__(self):
        super().__init__()
        harmonic = np.arange(1, HARMONICS + 1)
        pitches = np.arange(LOWEST, LOWEST + NOTES)[:, None] + 12 * np.log2(harmonic)  # in semitones, as MIDI numbers
        note, number = np.nonzero(440 * 2 ** ((pitches - 69) / 12) < 0.475 * WAV_FREQ)
        tenths, oscillator = np.unique((10 * pitches[note, number]).round(), return_inverse=True)
        speed = 2 * np.pi * 440 * 2 ** ((tenths / 10 - 69) / 12) / WAV_FREQ  # radians per sample
        self.speed = torch.from_numpy(speed)
        self.phase = torch.from_numpy(np.random.default_rng(0).uniform(0, 2 * np.pi, len(speed)))
        time = np.arange(-self.hop, self.hop)
        window = np.cos(np.pi * time / (2 * self.hop)) ** 2
        for name, value in (
            ("sine", np.sin(np.outer(speed, time)) * window),
            ("cosine", np.cos(np.outer(speed, time)) * window),
            ("noise_window", np.hanning(2 * self.hop + 1)[:-1]),
        ):
            self.register_buffer(name, torch.from_numpy(value.astype(np.float32)), persistent=False)
        for name, value in (("note", note), ("number", number), ("oscillator", oscillator)):
            self.register_buffer(name, torch.from_numpy(value), persistent=False)

    def forward(self, notes, harmonics, noise, first_step: int) -> torch.Tensor:
        """Play notes, shape (batch, steps, tables, notes), with harmonics, shape (tables, notes, numbers)."""
        mixture = harmonics.new_zeros(*harmonics.shape[:2], len(self.speed))
        tables = torch.arange(len(harmonics), device=harmonics.device)[:, None]
        values = harmonics[:, self.note, self.number]
        mixture = mixture.index_put((tables, self.note, self.oscillator), values, accumulate=True)
        return self._oscillate(notes.flatten(2) @ mixture.flatten(0, 1), first_step) + self._filter(noise, first_step)

    def _oscillate(self, amplitudes: torch.Tensor, first_step: int) -> torch.Tensor:
        steps = amplitudes.shape[1]
        # The phase at each step in float64, because float32 would drift within seconds. Then
        # sin(phase + speed t) = sin(phase) cos(speed t) + cos(phase) sin(speed t) makes two matrix products of it.
        times = (torch.arange(steps, dtype=torch.float64) + first_step + 0.5) * self.hop
        phase = times[:, None] * self.speed + self.phase
        sine, cosine = (f(phase).float().to(amplitudes.device) for f in (torch.sin, torch.cos))
        frames = (amplitudes * sine) @ self.cosine + (amplitudes * cosine) @ self.sine  # (batch, steps, 2 * hop)
        sound = F.fold(frames.transpose(1, 2), (1, (steps + 1) * self.hop), (1, 2 * self.hop), stride=(1, self.hop))
        return sound[:, 0, 0, self.hop // 2 : self.hop // 2 + steps * self.hop]

    def _filter(self, amplitudes: torch.Tensor, first_step: int) -> torch.Tensor:
        samples = amplitudes.shape[1] * self.hop
        generator = torch.Generator().manual_seed(first_step)  # the same latents always give the same sound
        noise = torch.randn(len(amplitudes), samples, generator=generator).to(amplitudes.device)
        settings = dict(n_fft=2 * self.hop, hop_length=self.hop, window=self.noise_window)
        spectra = torch.stft(noise, **settings, return_complex=True)  # (batch, hop + 1, steps + 1)
        bands = F.interpolate(amplitudes, size=self.hop + 1, mode="linear", align_corners=True).transpose(1, 2)
        between = torch.cat([bands[..., :1], (bands[..., 1:] + bands[..., :-1]) / 2, bands[..., -1:]], dim=2)
        return torch.istft(spectra * between, **settings, length=samples)


def spectral_loss(sound: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    """Compare magnitude spectrograms with windows of five lengths.

    The loss adds three times the mean absolute difference of the magnitudes, relative to their mean, and that of their
    logarithms. The first term is about loud partials, the second about everything that is soft. Phases don't matter.

    Parameters
    ----------
    sound, target : float32 tensors, shape (batch, samples)
        Waveforms to compare.

    Returns
    -------
    float tensor, shape (batch,)
        Loss of each pair, averaged over the windows.

    Examples
    --------
    >>> tone = torch.sin(torch.arange(4000) * 0.2)[None]
    >>> float(spectral_loss(tone, tone)), bool(spectral_loss(tone, 0.5 * tone) > 0.5)
    (0.0, True)
    """
    losses = []
    for size in WINDOWS:
        window = torch.hann_window(size, device=sound.device)
        ours, theirs = (
            torch.stft(waveform, size, size // 4, window=window, return_complex=True).abs() * (2 / window.sum())
            for waveform in (sound, target)
        )
        linear = (ours - theirs).abs().mean((1, 2)) / (theirs.mean((1, 2)) + 1e-3)
        losses.append(3 * linear + ((ours + 5e-4).log() - (theirs + 5e-4).log()).abs().mean((1, 2)))
    return torch.stack(losses).mean(dim=0)
