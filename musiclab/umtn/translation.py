"""Train UMTN as a whole, and translate music: the same notes, played by the instruments of another domain.

The encoder turns sound into latents, and each domain has its own decoder that turns latents back into sound. Two steps
are trained at once. The domain classifier learns to predict the domain from the latents of clean segments. Encoder and
decoders learn to reconstruct clean segments from augmented ones, with the reconstruction loss *minus* ``weight`` times
the classifier's cross-entropy. UMTN updates the classifier first and the others then; we update both after the same
batch.
"""

import json
import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import nn
from torch.nn import functional as F
from torch.utils.data import Dataset

from musiclab.audio import load_audio, resample
from musiclab.core.checks import check_known, check_number
from musiclab.core.errors import AudioError, DatasetError, RunError, did_you_mean, differing
from musiclab.core.files import check_can_make, replacing, write_csv, write_json
from musiclab.core.progress import progress
from musiclab.training import State, TrainConfig, autocast, pick_device
from musiclab.training.devices import is_connected, launched, without_denormals
from musiclab.training.engine import Engine
from musiclab.training.loop import run_epochs
from musiclab.umtn.encoded import WAV_FREQ
from musiclab.umtn.harmonic import HarmonicDecoder
from musiclab.umtn.mulaw import encode_tensor, inv_mu_law, mu_law
from musiclab.umtn.network import DomainClassifier, Encoder
from musiclab.umtn.pairs import SegmentPairs
from musiclab.umtn.wavenet import Generator, WaveNet

_SMALL = dict(channels=128, blocks=1, layers=4, stride=160, front="pitches")
NETWORKS = {
    "published": (dict(), WaveNet, dict()),
    "wavenet": (_SMALL, WaveNet, dict(channels=32, skip=64, blocks=2, layers=8)),
    "harmonic": (_SMALL, HarmonicDecoder, dict()),
}
"""Sizes of the encoder, class of the decoders, and their sizes, by the name of the network."""

WEIGHTS = {"published": 0.01, "wavenet": 0.01, "harmonic": 0.3}
"""Weight of the confusion term (UMTN's ``--d-lambda``) by the name of the network."""

PRETRAINED = Path(__file__).with_name("pretrained")
VERSION = 1  # of run folders


class Translator(nn.Module):
    """UMTN: an encoder, one decoder per domain, and the domain classifier that the encoder is trained against.

    Parameters
    ----------
    domains : sequence of str
        Names of the domains, such as ``["Organ", "Solo_Piano"]``.
    network : str
        - ``"published"``: UMTN as published, with a :class:`WaveNet` of 56 layers per domain.
        - ``"wavenet"``: a small encoder and small WaveNets, which run faster than real time on one CPU core.
        - ``"harmonic"``: the same small encoder, and a :class:`HarmonicDecoder` per domain. Default.
    weight : float, optional
        Weight of the confusion term. Default: 0.01 for WaveNets, as in UMTN, and 0.3 for ``"harmonic"``, whose
        reconstruction loss has other units.
    encoder : dict, optional
        Sizes of the :class:`Encoder` that differ from those of the network.
    decoder : dict, optional
        Sizes of each decoder that differ from those of the network.

    Attributes
    ----------
    encoder, decoders, classifier : torch.nn.Module
        The networks. ``decoders`` is a list in the order of ``domains``.
    domains : list of str
        Names of the domains.
    settings : dict
        The parameters above.

    Raises
    ------
    RunError
        If ``network`` is unknown, or there are fewer than two domains, or a name appears twice.

    Examples
    --------
    >>> translator = Translator(["piano", "organ"], encoder={"channels": 8})
    >>> pairs = torch.zeros(4, 2, 12000, dtype=torch.int16)
    >>> reconstruction, confusion, correct = translator(pairs, torch.tensor([0, 1, 0, 1])).unbind(1)
    >>> reconstruction.shape
    torch.Size([4])
    """

    def __init__(self, domains, network="harmonic", weight=None, encoder=None, decoder=None):
        super().__init__()
        self.domains = list(domains)
        if len(self.domains) < 2 or len(set(self.domains)) < len(self.domains):
            raise RunError(
                f"expected at least two different domains to translate between, found {', '.join(self.domains) or 0}"
            )
        check_known(network, NETWORKS, "a network")
        encoder_sizes, decoder_class, decoder_sizes = NETWORKS[network]
        weight = WEIGHTS[network] if weight is None else weight
        check_number({"weight": weight}, "weight")
        self.settings = dict(network=network, weight=weight, encoder=dict(encoder or {}), decoder=dict(decoder or {}))
        self.encoder = Encoder(**encoder_sizes | self.settings["encoder"])
        latent, pool = self.encoder.sizes["latent"], self.encoder.sizes["pool"]
        fixed = {"latent": latent} | ({"pool": pool} if decoder_class is HarmonicDecoder else {})
        sizes = decoder_sizes | self.settings["decoder"] | fixed
        self.decoders = nn.ModuleList(decoder_class(**sizes) for _ in self.domains)
        # UMTN doesn't standardise latents; in a short training, the classifier of a small network learns nothing else
        self.classifier = DomainClassifier(len(self.domains), latent, standardise=network != "published")

    def forward(self, pairs: torch.Tensor, domain: torch.Tensor | None = None) -> torch.Tensor:
        """Compute the losses of a training batch.

        Parameters
        ----------
        pairs : int16 tensor, shape (batch, 2, samples)
            Samples of clean and augmented segments.
        domain : int64 tensor, shape (batch,), optional
            Domain of each segment. Default: all from the first domain.

        Returns
        -------
        float tensor, shape (batch, 3)
            For each segment: the reconstruction loss, the loss to backpropagate for the classifier and against it, and
            1 if the classifier is correct, otherwise 0.
        """
        clean, augmented = pairs.unbind(1)
        domain = torch.zeros(len(pairs), dtype=torch.int64, device=pairs.device) if domain is None else domain
        with torch.no_grad():
            clean_latents = self.encoder(encode_tensor(clean))
        scores = self.classifier(clean_latents)
        learning = F.cross_entropy(scores, domain, reduction="none")  # changes the classifier only
        latents = self.encoder(encode_tensor(augmented))
        fooling = F.cross_entropy(_frozen(self.classifier, latents), domain, reduction="none")  # and this the encoder
        loss = learning - self.settings["weight"] * fooling
        return torch.stack([self.reconstruction_loss(latents, clean, domain), loss, scores.argmax(1) == domain], dim=1)

    def reconstruction_loss(self, latents: torch.Tensor, clean: torch.Tensor, domain: torch.Tensor) -> torch.Tensor:
        """Compute the loss of each segment, decoded by the decoder of its domain.

        Parameters
        ----------
        latents : float tensor, shape (batch, latent, frames)
            Latent vectors.
        clean : int16 tensor, shape (batch, samples)
            Samples of the segments.
        domain : int64 tensor, shape (batch,)
            Domain of each segment.

        Returns
        -------
        float tensor, shape (batch,)
            Cross-entropy of the codes in nats, or spectral loss of a harmonic decoder.
        """
        losses = torch.zeros(len(clean), device=clean.device)
        for number, decoder in enumerate(self.decoders):
            rows = (domain == number).nonzero()[:, 0]
            if len(rows):
                losses = losses.index_put((rows,), decoder.loss(latents[rows], clean[rows]).float())
        if is_connected() and torch.is_grad_enabled():
            # the other processes wait for a gradient of every weight, also of those that this batch doesn't use
            losses = losses + 0 * sum(weight.sum() for weight in self.decoders.parameters())
        return losses

    def find_domain(self, name: str) -> int:
        """Find a domain by its name or a part of it.

        Parameters
        ----------
        name : str
            Name or unique part of a name, in any case, such as ``"piano"`` for ``"Solo_Piano"``.

        Returns
        -------
        int
            Index of the domain.

        Raises
        ------
        RunError
            If no domain or several domains match.

        Examples
        --------
        >>> Translator(["Solo_Piano", "Organ"]).find_domain("piano")
        0
        """
        if name in self.domains:
            return self.domains.index(name)
        matches = [number for number, domain in enumerate(self.domains) if name.lower() in domain.lower()]
        if len(matches) != 1 or not name:
            raise RunError(
                f"expected one of the domains {', '.join(self.domains)}, found {name!r}"
                f"{did_you_mean(name, self.domains)}"
            )
        return matches[0]


def _frozen(module: nn.Module, *inputs: torch.Tensor) -> torch.Tensor:
    """Call a module whose own weights receive no gradients and whose running averages do not change."""
    was_training, weights = module.training, {name: weight.detach() for name, weight in module.named_parameters()}
    buffers = {name: buffer.clone() for name, buffer in module.named_buffers()}
    try:
        return torch.func.functional_call(module, weights | buffers, inputs)
    finally:
        module.train(was_training)


@dataclass(frozen=True, eq=False)
class TranslationRun:
    """A trained :class:`Translator` with its history.

    :func:`train` and :func:`load` return runs.

    Attributes
    ----------
    model : Translator
        Trained networks.
    training : dict
        Training settings, the fields of :class:`musiclab.training.TrainConfig`.
    data : dict
        Description of the training data.
    history : pandas.DataFrame
        One row per epoch. ``train_loss`` and ``valid_loss`` are reconstruction losses. ``domain_accuracy`` is the
        accuracy of the domain classifier on training segments, from 0 to 1. The other columns are those of
        :class:`musiclab.training.History`.
    best_epoch : int
        Epoch that the weights come from, counted from 1.
    stopped : str
        Reason why training ended.
    folder : pathlib.Path or None
        Run folder, or None if the run was not saved.
    """

    model: Translator
    training: dict = field(default_factory=dict)
    data: dict = field(default_factory=dict)
    history: pd.DataFrame = field(default_factory=pd.DataFrame)
    best_epoch: int = 0
    stopped: str = ""
    folder: Path | None = None

    def save(self, folder: str | Path, half: bool = False) -> Path:
        """Save the run to a folder.

        Parameters
        ----------
        folder : str or Path
            Folder to write to. It receives ``model.safetensors``, ``model.json`` and ``history.csv``.
        half : bool
            Save the weights with 16 bits, which halves the file. Default: False.

        Returns
        -------
        Path
            The folder.
        """
        folder = Path(folder)
        folder.mkdir(parents=True, exist_ok=True)
        weights = {
            name: (value.half() if half and value.is_floating_point() else value).contiguous()
            for name, value in self.model.state_dict().items()
        }
        with replacing(folder / "model.safetensors") as unfinished:
            save_file(weights, unfinished)
        write_csv(folder / "history.csv", self.history)
        names = {"kind": "umtn", "version": VERSION, "domains": self.model.domains} | self.model.settings
        details = {"training": self.training, "data": self.data, "best_epoch": self.best_epoch, "stopped": self.stopped}
        write_json(folder / "model.json", names | details)
        return folder


def train(
    train: SegmentPairs,
    valid: SegmentPairs | None,
    domains: Sequence[str],
    out: str | Path | None = None,
    training: TrainConfig = TrainConfig(epochs=20, batch_size=16, weight_decay=0.0, clip=1.0),
    start: TranslationRun | str | Path | None = None,
    resume: bool = False,
    show_progress: bool = True,
    data: dict | None = None,
    **settings,
) -> TranslationRun:
    """Train a translator, with the training loop of :func:`musiclab.training.fit`.

    Started by ``accelerate launch`` or ``torchrun`` with as many processes as domains, each process trains with
    segments of its own domain, as in UMTN's ``train_dist.sh``.

    Parameters
    ----------
    train : SegmentPairs
        Training segments. Their number per epoch is ``train.epoch_len``.
    valid : SegmentPairs or None
        Validation segments from other pieces, which are not augmented (``magnitude=0``). The weights of the epoch with
        the lowest reconstruction loss are kept. Without them, the last weights are kept.
    domains : sequence of str
        Names of the domains.
    out : str or Path, optional
        Run folder. The training state is saved there after each epoch. Default: the run is not saved.
    training : TrainConfig
        Training settings. Those of classes, such as label smoothing, have no effect.
    start : TranslationRun, str or Path, optional
        Run whose encoder and classifier are the initial ones, so that WaveNets can begin with the encoder of a harmonic
        network, which learns faster. If the decoders have the same sizes, they are taken over, too. Default: random
        initial weights.
    resume : bool
        Continue an interrupted training from ``out``. Default: False.
    show_progress : bool
        Show a progress bar. Default: True.
    data : dict, optional
        Description of the data, which is saved with the run.
    **settings
        ``network``, ``weight``, ``encoder`` and ``decoder`` of :class:`Translator`.

    Returns
    -------
    TranslationRun
        Trained translator and its history.

    Raises
    ------
    DatasetError
        If the numbers of domains differ.
    RunError
        If a setting is invalid, ``out`` already contains a run, or training fails.

    Examples
    --------
    >>> clips = [np.zeros(16000, np.int16)] * 4
    >>> pairs = SegmentPairs(clips, 4000, domains=[0, 0, 1, 1], epoch_len=4)
    >>> run = train(pairs, None, ["a", "b"], training=TrainConfig(epochs=1, batch_size=2))  # doctest: +SKIP
    """
    for name, pairs in {"training": train, "validation": valid}.items():
        if pairs is not None and pairs.domains != len(domains):
            raise DatasetError(f"expected {name} segments of {len(domains)} domains, found {pairs.domains}")
    torch.manual_seed(training.seed)
    model = Translator(domains, **settings)
    if start is not None:
        _start_from(model, start if isinstance(start, TranslationRun) else load(start))
    state = None
    if out is not None:
        out = Path(out)
        if (out / "model.safetensors").exists():
            raise RunError(f"{out}: there is a finished run already. Choose another folder, or delete this one.")
        check_can_make(out)
        identity = model.settings | {"domains": model.domains, "training": asdict(training), "seq_len": train.seq_len}
        identity |= {"epoch_len": train.epoch_len, "magnitude": train.augmentation.magnitude}
        identity |= {"data.digest": train.digest, "data.valid_digest": None if valid is None else valid.digest}
        state = State(out / "state.pt", identity, resume)
        out.mkdir(parents=True, exist_ok=True)
    engine = Engine(model, _TrainingPairs(train), training)
    check = None if valid is None else partial(_validate, valid=valid)
    history = run_epochs(engine, _train_one_epoch, check, show_progress, state)
    details = (asdict(training), dict(data or {}), history.to_frame(), history.best_epoch, history.stopped)
    run = TranslationRun(model.cpu().eval(), *details, folder=out)
    if out is not None and history.stopped != "interrupted":
        run.save(out)
        state.remove()
    return run


def _start_from(model: Translator, start: TranslationRun) -> None:
    ours, theirs = ({"domains": m.domains, **m.encoder.sizes} for m in (model, start.model))
    if difference := differing(ours, theirs):
        raise RunError(f"expected a run to start from with {difference[0]}, found one with {difference[1]}")
    model.encoder.load_state_dict(start.model.encoder.state_dict())
    model.classifier.load_state_dict(start.model.classifier.state_dict())
    kinds = [(type(decoder), decoder.sizes) for decoder in (model.decoders[0], start.model.decoders[0])]
    if kinds[0] == kinds[1]:
        model.decoders.load_state_dict(start.model.decoders.state_dict())


class _TrainingPairs(Dataset):
    """Segment pairs as the training loop needs them: one tensor and one label per example.

    With one process per domain, all segments of a process belong to the domain with its number.
    """

    silence = 0

    def __init__(self, pairs: SegmentPairs):
        self._pairs, self.classes, self.device = pairs, pairs.domains, pairs.device
        self._domain = None
        if launched():
            processes, rank = int(os.environ["WORLD_SIZE"]), int(os.environ["RANK"])
            if processes != pairs.domains:
                raise RunError(f"expected one process per domain, found {processes} processes, {pairs.domains} domains")
            self._domain = rank

    @property
    def clips(self) -> np.ndarray:
        return self._pairs.clips

    @property
    def paths(self) -> list[str]:
        return self._pairs.paths

    def __len__(self) -> int:
        length = len(self._pairs)
        return length if self._domain is None else length - length % self.classes  # every index has all domains

    def set_epoch(self, epoch: int) -> None:
        self._pairs.set_epoch(epoch)

    def batch(self, indices: Sequence[int]) -> tuple[torch.Tensor, torch.Tensor]:
        indices = np.asarray(indices)
        if self._domain is not None:
            indices = indices - indices % self.classes + self._domain
        clean, augmented, domain = self._pairs.samples(indices)
        return torch.stack([clean, augmented], dim=1), domain

    __getitems__ = batch


def _train_one_epoch(engine: Engine, epoch: int) -> dict:
    engine.start_epoch(epoch)
    for pairs, domain in engine.batches():
        reconstruction, confusion, correct = engine.network(pairs, domain).sum(dim=0)
        engine.backward(reconstruction + confusion)
        if engine.ends_step:
            engine.step()
        engine.count(reconstruction, correct.detach())
    means = engine.train_means()
    return {"epoch": epoch, "train_loss": means["train_loss"], "domain_accuracy": means["train_accuracy"]}


@torch.no_grad()
def _validate(engine: Engine, valid: SegmentPairs) -> dict:
    model = engine.model.eval()
    losses = []
    with autocast(engine.device, engine.training.precision, model):
        for indices in np.array_split(range(len(valid)), -(-len(valid) // engine.training.batch_size)):
            clean, _, domain = (part.to(engine.device) for part in valid.samples(indices))
            losses.append(model.reconstruction_loss(model.encoder(encode_tensor(clean)), clean, domain))
    loss = float(torch.cat(losses).mean())
    engine.check_valid_loss(loss)
    return {"valid_loss": loss}


def load(folder: str | Path) -> TranslationRun:
    """Load a trained translator.

    Parameters
    ----------
    folder : str or Path
        Run folder, or ``"harmonic"`` or ``"wavenet"`` for the small networks that come with musiclab. These were
        trained on generated music in four domains: piano, string quartet, organ and guitar.

    Returns
    -------
    TranslationRun
        Run with its model on the CPU, in evaluation mode.

    Raises
    ------
    RunError
        If a file is missing or damaged, or belongs to another version or another kind of run.

    Examples
    --------
    >>> load("harmonic").model.domains
    ['Solo_Piano', 'String_Quartet', 'Organ', 'Plucked_Guitar']
    """
    names = sorted(path.name for path in PRETRAINED.iterdir() if path.is_dir()) if PRETRAINED.is_dir() else []
    path = PRETRAINED / folder if str(folder) in names else Path(folder)
    try:
        settings = json.loads((path / "model.json").read_text(encoding="utf-8"))
    except OSError as error:
        raise RunError(
            f"{path}: expected a folder written by musiclab umtn train, or one of {', '.join(names)} ({error.strerror})"
        ) from error
    except ValueError as error:
        raise RunError(f"{path / 'model.json'}: this file is damaged ({error}). Train the run again.") from error
    if not isinstance(settings, dict) or settings.get("kind") != "umtn":
        raise RunError(f"{path}: this is a run of musiclab train. Translate with a run of musiclab umtn train.")
    if settings.get("version") != VERSION:
        raise RunError(
            f"{path}: expected a run of version {VERSION}, found version {settings.get('version')}. Train it again, or "
            "use the version of musiclab that wrote it."
        )
    try:
        names = ("network", "weight", "encoder", "decoder")
        model = Translator(settings["domains"], **{name: settings[name] for name in names})
        model.load_state_dict(load_file(path / "model.safetensors"))  # copies 16 bits to 32
        history = pd.read_csv(path / "history.csv") if (path / "history.csv").exists() else pd.DataFrame()
        details = (settings["training"], settings["data"], history, settings["best_epoch"], settings["stopped"])
    except (KeyError, TypeError, ValueError, RuntimeError, OSError, SafetensorError, RunError) as error:
        reason = str(error).partition("\n")[0] or type(error).__name__
        raise RunError(f"{path}: this run is damaged ({reason}). Train it again.") from error
    return TranslationRun(model.eval(), *details, folder=path)


def translate(
    run: TranslationRun | str | Path,
    sound: str | Path | np.ndarray,
    to: str,
    sample_rate: int | None = None,
    temperature: float = 1.0,
    seed: int = 0,
    device: str = "cpu",
    show_progress: bool = False,
) -> np.ndarray:
    """Translate a recording: keep its notes, and play them with the instruments of another domain.

    Long recordings are processed in parts of ten seconds. An hour takes about half a minute on one CPU core, or 15
    minutes with a WaveNet.

    Parameters
    ----------
    run : TranslationRun, str or Path
        Trained translator, or the argument of :func:`load`.
    sound : str, Path or float array, shape (samples,)
        Sound file, or a waveform in [-1, 1].
    to : str
        Domain of the result, or a unique part of its name.
    sample_rate : int, optional
        Sample rate of the waveform in Hz. Required for an array.
    temperature : float
        Only for WaveNets: below 1, the sound has less noise, and 0 always chooses the most likely code. Default: 1.
    seed : int
        Only for WaveNets: random seed of the draws. Default: 0.
    device : str
        Device of the encoder and of harmonic decoders: "auto" (a GPU if available), "cpu", "cuda" or "mps". WaveNets
        always generate on one CPU core. Default: ``"cpu"``.
    show_progress : bool
        Show a progress bar. Default: False.

    Returns
    -------
    float32 array, shape (samples,)
        Waveform at 16 kHz, as long as the recording.

    Raises
    ------
    AudioError
        If the file can't be read, or the waveform is empty or has NaN or infinite values.
    RunError
        If the run can't be loaded, ``to`` is not one of its domains, or a setting is invalid.

    Examples
    --------
    >>> tone = 0.3 * np.sin(2 * np.pi * 440 * np.arange(16000) / 16000)
    >>> translate("harmonic", tone, to="organ", sample_rate=16000).shape
    (16000,)
    """
    run = run if isinstance(run, TranslationRun) else load(run)
    target = run.model.find_domain(to)
    check_number({"temperature": temperature}, "temperature")
    waveform = _as_waveform(sound, sample_rate)
    device = pick_device(device)
    model = run.model.to(device)
    decoder, pool = model.decoders[target], model.encoder.sizes["pool"]
    frames = -(-len(waveform) // pool)
    margin = model.encoder.receptive // (2 * pool) + 3  # frames on each side that influence a latent and its sound
    padded = np.pad(waveform, (0, frames * pool - len(waveform)))
    generator = Generator(decoder, seed) if isinstance(decoder, WaveNet) else None
    parts = []
    starts = range(0, frames, 20 if generator else 200)
    with torch.inference_mode(), without_denormals():
        for start in progress(starts, f"translating to {model.domains[target]}", unit="part", show=show_progress):
            stop = min(start + starts.step, frames)
            first, last = max(start - margin, 0), min(stop + margin, frames)
            codes = torch.from_numpy(mu_law(padded[first * pool : last * pool]).astype(np.uint8))
            latents = model.encoder(codes[None].to(device))[0]
            if generator:
                generated = generator.generate(latents[:, start - first : stop - first], pool, temperature)
                parts.append(inv_mu_law(generated))
            else:
                sound = decoder.generate(latents, first)
                parts.append(sound[(start - first) * pool : (stop - first) * pool])
    return np.clip(np.concatenate(parts)[: len(waveform)], -1, 1)


def _as_waveform(sound: str | Path | np.ndarray, sample_rate: int | None) -> np.ndarray:
    """Read or resample a recording to a mono waveform at 16 kHz."""
    if isinstance(sound, str | Path):
        return load_audio(sound, WAV_FREQ)[0]
    waveform = np.asarray(sound, dtype=np.float32)
    if sample_rate is None:
        raise RunError("expected the sample_rate of the waveform in Hz, such as sample_rate=22050")
    if waveform.ndim != 1 or not waveform.size or not np.isfinite(waveform).all():
        raise AudioError(
            f"expected a mono waveform of finite values, found shape {waveform.shape}"
            f"{'' if np.isfinite(waveform).all() else ' with NaN or infinite values'}"
        )
    return resample(waveform, sample_rate, WAV_FREQ)
