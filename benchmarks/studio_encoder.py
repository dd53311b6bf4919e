"""Train the encoder that comes with musiclab, on generated sound only, and measure it on real recordings.

python -m benchmarks.studio_encoder --out build/encoder/studio.safetensors
python -m benchmarks.studio_encoder --measure build/encoder/studio.safetensors --esc10 data/ESC-50-master

The encoder is a ``resnet`` without its output layer. It learns three things at once from pairs of similar sounds
(:mod:`benchmarks._sounds`), which we disturb as recordings do (:func:`disturb`):

- to recognise the other sound of the pair among those of a batch (SimCLR, Chen et al. 2020; with synthesisers:
  Cherep and Singh 2024, "Contrastive Learning from Synthetic Audio Doppelgängers"),
- to predict the settings that the sounds were made with, such as the decay of an impact or the genre of a track,
- to predict measurements of the disturbed and of the undisturbed sound, such as its modulation spectrum
  (:func:`describe`).

If it is interrupted, the same command continues.
"""

import argparse
import json
import multiprocessing
import time
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import load_file, save_file
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, LeaveOneGroupOut
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from torch import nn
from torch.nn import functional

from benchmarks._sounds import render_pairs
from musiclab import datasets, features, metrics, models, studio
from musiclab.audio import load_audio
from musiclab.core.files import replacing, write_json
from musiclab.core.progress import progress
from musiclab.studio import street
from musiclab.training.devices import keeping_memory, without_denormals

FRAMES = 130  # of a segment, 3 s
SIZES = {"width": 16, "depth": (1, 1, 1, 1, 1), "frames": FRAMES}
CHUNKS, CHUNK = 7, 1000  # files of the corpus, and pairs in each
STEPS, PAIRS = 2200, 64
CROP, LONG = 64, 0.1  # crops of 1.5 s are learned from twice as fast; the last 10 % of the steps use whole segments
RATE, DECAY, WARMUP = 3e-3, 0.02, 0.05
TEMPERATURE, CONTRAST = 0.2, 0.3
C = np.logspace(-3, 0, 4)  # inverse strengths of regularisation to choose from


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, help="file of weights to make")
    parser.add_argument("--steps", type=int, default=STEPS, help=f"training steps (default: {STEPS})")
    parser.add_argument("--chunks", type=int, default=CHUNKS, help=f"thousands of pairs (default: {CHUNKS})")
    parser.add_argument("--measure", type=Path, metavar="FILE", help="file of weights to measure")
    parser.add_argument("--esc10", type=Path, help="folder of ESC-10 or ESC-50, to measure on real recordings")
    options = parser.parse_args()
    with keeping_memory(), without_denormals():
        if options.out:
            folder = options.out.parent / "corpus"
            render_corpus(folder, options.chunks)
            train(*load_corpus(folder, options.chunks), options.out, options.steps)
        if options.measure:
            measure(options.measure, options.esc10)


def render_corpus(folder: Path, chunks: int, processes: int = 2) -> None:
    """Render the corpus in files of ``CHUNK`` pairs. Files that exist are kept."""
    missing = [chunk for chunk in range(chunks) if not (folder / f"{chunk:03d}.npz").exists()]
    with multiprocessing.get_context("spawn").Pool(processes) as pool:
        for chunk in progress(missing, "corpus"):
            seeds = np.arange(chunk * CHUNK, (chunk + 1) * CHUNK)
            pairs = [pair for pairs in pool.map(render_pairs, np.split(seeds, 40), chunksize=1) for pair in pairs]
            names = sorted({name for _, settings in pairs for name in settings[0]})
            values = [[[variant.get(name, np.nan) for name in names] for variant in settings] for _, settings in pairs]
            sounds = np.stack([sounds for sounds, _ in pairs])
            with replacing(folder / f"{chunk:03d}.npz") as unfinished, open(unfinished, "wb") as file:
                np.savez(file, sounds=sounds, names=names, settings=np.float16(values))


def load_corpus(folder: Path, chunks: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Load all sounds, shape (n, 128, frames), and their standardised settings, shape (n, settings).

    Sounds 2 i and 2 i + 1 are a pair. Settings that a sound doesn't have are NaN.
    """
    files = [np.load(folder / f"{chunk:03d}.npz") for chunk in range(chunks)]
    columns = {name: column for column, name in enumerate(sorted({name for file in files for name in file["names"]}))}
    settings = np.full((chunks, 2 * CHUNK, len(columns)), np.nan, np.float32)
    for chunk, file in enumerate(files):
        settings[chunk][:, [columns[name] for name in file["names"]]] = file["settings"].reshape(2 * CHUNK, -1)
    settings = settings.reshape(-1, len(columns))
    settings = settings[:, np.isfinite(settings).mean(0) > 0.01]
    settings = settings[:, np.nanstd(settings, 0) > 0.03]
    settings = (settings - np.nanmean(settings, 0)) / np.nanstd(settings, 0)
    sounds = torch.cat([torch.from_numpy(file["sounds"]).flatten(0, 1) for file in files])
    return sounds, torch.from_numpy(settings)


def train(sounds: torch.Tensor, settings: torch.Tensor, out: Path, steps: int) -> None:
    """Train an encoder and write its weights. A checkpoint beside ``out`` is continued."""
    rng = torch.Generator().manual_seed(0)
    torch.manual_seed(0)
    encoder = models.create("resnet", classes=1, **SIZES)
    crops = cut(sounds, torch.randint(len(sounds), (1000,), generator=rng), CROP, rng)
    disturbed = disturb(crops, rng)
    encoder.standardise_by(float(disturbed.mean()), float(disturbed.std()))
    scales = [(values.mean(0), values.std(0) + 1e-3) for values in (describe(crops), describe(disturbed))]
    heads = make_heads(encoder.output.in_features, settings.shape[1], len(scales[0][0]))
    parameters = [*encoder.parameters(), *heads.parameters()]
    optimiser = torch.optim.AdamW(parameters, lr=RATE, weight_decay=DECAY)
    checkpoint, first, started = out.with_suffix(".pt"), 0, time.time()
    if checkpoint.exists():
        state = torch.load(checkpoint)
        for part, values in zip((encoder, heads, optimiser), state["parts"], strict=True):
            part.load_state_dict(values)
        rng.set_state(state["rng"])
        first = state["step"]
    for step in range(first, steps):
        for group in optimiser.param_groups:
            group["lr"] = float(RATE * min(1, (step + 1) / steps / WARMUP) * (1 + np.cos(np.pi * step / steps)) / 2)
        pairs = torch.randperm(len(sounds) // 2, generator=rng)[:PAIRS]
        rows = torch.cat([2 * pairs, 2 * pairs + 1])
        crops = cut(sounds, rows, CROP if step < (1 - LONG) * steps else FRAMES, rng)
        disturbed = disturb(crops, rng)
        measured = [
            (describe(one) - mean) / spread for one, (mean, spread) in zip((crops, disturbed), scales, strict=True)
        ]
        losses = compute_losses(heads, encoder.embed(disturbed), settings[rows], measured)
        optimiser.zero_grad()
        sum(losses.values()).backward()
        nn.utils.clip_grad_norm_(parameters, 5.0)
        optimiser.step()
        if (step + 1) % 100 == 0 or step + 1 == steps:
            report = ", ".join(f"{name} {float(loss.detach()):.3f}" for name, loss in losses.items())
            print(f"step {step + 1} of {steps}: {report}, {time.time() - started:.0f} s", flush=True)
            parts = [part.state_dict() for part in (encoder, heads, optimiser)]
            with replacing(checkpoint) as unfinished:
                torch.save({"parts": parts, "rng": rng.get_state(), "step": step + 1}, unfinished)
            save_encoder(encoder, out)


def make_heads(channels: int, settings: int, measurements: int) -> nn.ModuleDict:
    heads = nn.ModuleDict({"norm": nn.BatchNorm1d(channels)})
    heads["projection"] = nn.Sequential(nn.Linear(channels, 256), nn.BatchNorm1d(256), nn.ReLU(), nn.Linear(256, 128))
    heads["settings"] = nn.Linear(channels, settings)
    heads["measurements"] = nn.Linear(channels, 2 * measurements)
    return heads


def compute_losses(heads, embeddings, settings, measured) -> dict[str, torch.Tensor]:
    """Compute the weighted losses of a batch whose second half contains the partners of the first half."""
    embeddings = heads["norm"](embeddings)
    projected = functional.normalize(heads["projection"](embeddings))
    similarities = (projected @ projected.T / TEMPERATURE).fill_diagonal_(-1e9)
    partners = torch.arange(len(projected)).roll(len(projected) // 2)
    errors = (heads["settings"](embeddings) - settings.nan_to_num()).square().clamp(max=9)
    measurements = functional.smooth_l1_loss(heads["measurements"](embeddings), torch.cat(measured, 1))
    return {
        "contrast": CONTRAST * functional.cross_entropy(similarities, partners),
        "settings": errors[settings.isfinite()].mean(),
        "measurements": 4 * measurements,
    }


def cut(sounds, rows, frames, rng) -> torch.Tensor:
    """Cut a crop from a random place of each sound, shape (rows, 128, frames)."""
    starts = torch.randint(sounds.shape[-1] - frames + 1, (len(rows), 1, 1), generator=rng)
    return sounds[rows].float().gather(2, (starts + torch.arange(frames)).expand(-1, sounds.shape[1], -1))


def disturb(log_mel: torch.Tensor, rng: torch.Generator) -> torch.Tensor:
    """Change sounds as rooms, microphones, backgrounds and codecs do, on the power of their mel spectrograms.

    Each change is applied to a random share of the sounds: reverberation, another sound of the batch and coloured noise
    in the background, equalisation, band limits, compression, a gate that removes faint parts, gain, and digital
    silence at one end.
    """
    batch, bands, frames = log_mel.shape
    band, frame = torch.linspace(-1, 1, bands)[:, None], torch.arange(frames) / frames

    def draw(low, high):
        return low + (high - low) * torch.rand(batch, 1, 1, generator=rng)

    def sometimes(share):
        return torch.rand(batch, 1, 1, generator=rng) < share

    def decibels(values):
        return 10 ** (values / 10)

    def bumps(most, waves):
        return sum(draw(-most, most) * torch.cos(torch.pi * wave * (band + 1) / 2) for wave in waves)

    power = ((10**log_mel - 1) / 10) ** 2
    lag = torch.arange(24)
    decay = 10 ** draw(-2.5, -0.3) * torch.exp(-2 * lag / 10 ** draw(-0.3, 1.1))
    response = torch.where(sometimes(0.5) & (lag > 0), decay, (lag == 0).float())
    padded = functional.pad(power.transpose(0, 1), (len(lag) - 1, 0))
    power = functional.conv1d(padded, response.flip(2), groups=batch).transpose(0, 1)

    level = power.mean((1, 2), keepdim=True) + 1e-12
    others = torch.randperm(batch, generator=rng)
    power = power + sometimes(0.4) * decibels(-draw(0, 30)) * power[others] * level / level[others]
    noise = torch.empty_like(power).exponential_(generator=rng)
    noise = noise * decibels(draw(-12, 12) * band + bumps(6, (1, 2, 3)))
    power = power + sometimes(0.6) * decibels(-draw(0, 45)) * level * noise / noise.mean((1, 2), keepdim=True)

    equalisation = sometimes(0.6) * draw(-10, 10) * band + sometimes(0.6) * bumps(4, (1, 2, 3, 5))
    equalisation = equalisation - sometimes(0.25) * 120 * functional.relu(band - draw(-0.2, 1))
    equalisation = equalisation - sometimes(0.2) * 120 * functional.relu(draw(-1, -0.7) - band)
    power = power * decibels(equalisation)

    level = functional.avg_pool1d(power.mean(1, keepdim=True), 5, 1, 2, count_include_pad=False) + 1e-10
    relative = (level / level.amax(2, keepdim=True)).clamp(min=1e-4)
    power = power * torch.where(sometimes(0.3), relative ** -draw(0, 0.6), 1.0)
    is_faint = power < power.amax((1, 2), keepdim=True) * decibels(-draw(30, 60))
    power = torch.where(sometimes(0.2) & is_faint, 1e-3 * power, power)

    power = power * decibels(draw(-30, 12)) * 0.01 / (power.mean((1, 2), keepdim=True) + 1e-11)
    position = torch.where(sometimes(0.4), 1 - frame, frame)
    power = torch.where(sometimes(0.15) & (position > draw(0.3, 1)), 0.0, power)
    return torch.log10(1 + 10 * power.sqrt())


def describe(log_mel: torch.Tensor) -> torch.Tensor:
    """Measure the spectrum, contrast, cepstrum, modulations and onsets of sounds, shape (batch, values)."""
    coarse = functional.avg_pool1d(log_mel.transpose(1, 2), 4).transpose(1, 2)  # 32 bands
    level = 20 * ((10**log_mel - 1) / 10).clamp(min=1e-5).log10()
    level = torch.maximum(level, level.amax((1, 2), keepdim=True) - 80)  # dB
    coarse_level = functional.avg_pool1d(level.transpose(1, 2), 4).transpose(1, 2)
    octaves = level.unflatten(1, (8, 16)).sort(2).values
    contrast = octaves[:, :, -3:].mean(2) - octaves[:, :, :3].mean(2)  # peaks minus valleys
    order = torch.arange(32)
    cosines = torch.cos(torch.pi / 32 * (order + 0.5) * order[:24, None])
    cepstrum, change = cosines @ coarse, (cosines @ coarse)[:, :, 2:] - (cosines @ coarse)[:, :, :-2]
    modulation = torch.fft.rfft(coarse - coarse.mean(2, keepdim=True), n=128).abs().square()[:, :, 1:64]
    modulation = modulation.split([1, 1, 2, 3, 4, 8, 14, 30], 2)  # from 0.34 Hz in steps of 0.34 Hz
    modulation = torch.stack([(part.mean(2) + 1e-4) for part in modulation], 2).log().unflatten(1, (8, 4)).mean(2)
    onsets = coarse.diff().clamp(min=0).sum(1, keepdim=True)
    means = [curve.mean(2) for curve in (coarse_level, contrast, coarse, onsets)]
    spreads = [curve.std(2) for curve in (cosines @ coarse_level, contrast, coarse, cepstrum, change, onsets)]
    return torch.cat([*means, *spreads, coarse.amax(2), onsets.amax(2), modulation.flatten(1)], 1)


def save_encoder(encoder, out: Path) -> None:
    """Write the weights without the output layer as 16-bit numbers, and the sizes beside them as JSON."""
    weights = {
        name: values.half().contiguous() if values.is_floating_point() else values
        for name, values in encoder.state_dict().items()
        if not name.startswith("output.")
    }
    with replacing(out) as unfinished:
        save_file(weights, unfinished)
    write_json(out.with_suffix(".json"), SIZES)


def load_encoder(path: Path):
    """Load an encoder, which becomes a model in evaluation mode."""
    encoder = models.create("resnet", classes=1, **json.loads(path.with_suffix(".json").read_text(encoding="utf-8")))
    encoder.load_state_dict(load_file(path), strict=False)  # the output layer keeps its random weights
    return encoder.eval()


def measure(path: Path, esc10: Path | None) -> None:
    """Print how well a logistic regression classifies with frozen embeddings, and with those of the controls.

    The controls are the 128 summary features, and the same network with five sets of random weights (and batch norm as
    it starts). Studio is split by artist, Street by recording.
    """
    encoder = load_encoder(path)
    sets = {"Studio, genres (generated)": studio_tracks, "Street (generated)": street_recordings}
    if esc10:
        sets = {"ESC-10 (real)": lambda: real_recordings(esc10)} | sets
    for title, load_set in sets.items():
        waveforms, labels, folds, groups = load_set()
        log_mels = [features.log_mel(waveform) for waveform in waveforms]
        config = features.SummaryConfig(kind="full")
        summaries = np.stack([np.ravel(features.summary(waveform, config)) for waveform in waveforms])
        embeddings = embed_clips(encoder, log_mels)
        vectors = {"encoder": embeddings, "summary features": summaries}
        vectors["encoder and summary features"] = np.hstack([embeddings, summaries])
        print(f"\n{title}, n = {len(labels)}")
        for name, values in vectors.items():
            show(name, probe(values, labels, folds), folds, groups)
        correct = []
        for seed in range(5):
            torch.manual_seed(seed)
            control = models.create("resnet", classes=1, **SIZES).eval()
            control.standardise_by(float(encoder.mean), float(encoder.deviation))
            correct.append(probe(embed_clips(control, log_mels), labels, folds))
        show("random weights, mean of five", np.mean(correct, 0), folds, groups)
        print("  accuracies of the five:", " ".join(f"{100 * np.mean(one):.1f}" for one in correct), flush=True)


def show(name: str, correct: np.ndarray, folds: np.ndarray, groups: np.ndarray) -> None:
    low, high = metrics.group_interval(correct, groups)
    by_fold = " ".join(f"{100 * correct[folds == fold].mean():.1f}" for fold in np.unique(folds))
    print(f"  {name}: {100 * correct.mean():.1f} % ({100 * low:.1f} to {100 * high:.1f}), by fold {by_fold}")


@torch.no_grad()
def embed_clips(encoder, log_mels: list[np.ndarray]) -> np.ndarray:
    """Average the embeddings of half overlapping segments of each clip. Shorter clips are repeated to one segment."""
    vectors = []
    for log_mel in log_mels:
        log_mel = np.tile(log_mel, -(-FRAMES // log_mel.shape[1])) if log_mel.shape[1] < FRAMES else log_mel
        last = log_mel.shape[1] - FRAMES
        segments = [log_mel[:, start : start + FRAMES] for start in sorted({*range(0, last + 1, FRAMES // 2), last})]
        vectors.append(encoder.embed(torch.from_numpy(np.stack(segments))).mean(0).numpy())
    return np.stack(vectors)


def probe(vectors: np.ndarray, labels: np.ndarray, folds: np.ndarray) -> np.ndarray:
    """Classify each fold by a logistic regression trained on the others, which choose C; return what is correct."""
    correct = np.zeros(len(labels), bool)
    for fold in np.unique(folds):
        is_train = folds != fold
        classifier = make_pipeline(StandardScaler(), LogisticRegression(max_iter=2000))
        search = GridSearchCV(classifier, {"logisticregression__C": C}, cv=LeaveOneGroupOut())
        search.fit(vectors[is_train], labels[is_train], groups=folds[is_train])
        correct[~is_train] = search.predict(vectors[~is_train]) == labels[~is_train]
    return correct


def real_recordings(folder: Path):
    """Load ESC-10: waveforms, labels, folds, and the recordings that the clips come from."""
    table = datasets.ESC10(folder).index
    waveforms = [load_audio(path)[0] for path in table["path"]]
    return waveforms, *(table[column].to_numpy() for column in ("label", "fold", "group"))


def studio_tracks():
    """Render 40 tracks of each genre. The encoder was trained on other tracks, by eight of the ten artists."""
    entries = studio.catalogue(tracks_per_genre=40, seconds=5.0, seed=77)
    artists = np.array([entry["artist"] for entry in entries])
    genres = np.array([entry["genre"] for entry in entries])
    folds = np.array([int(artist[-2:]) % 5 for artist in artists])
    return [studio.render(**entry).waveform for entry in entries], genres, folds, artists


def street_recordings():
    """Render 30 recordings of each class. The encoder was trained on other recordings."""
    labels = np.array(street.CLASSES * 30)
    samples = [street.render_recording(300_000 + n, label, seed=5).samples for n, label in enumerate(labels)]
    waveforms = [np.float32(recording[: 5 * 22050] / 32768) for recording in samples]
    return waveforms, labels, np.arange(300) // 10 % 5, np.arange(300)


if __name__ == "__main__":
    main()
