"""Compare our UMTN data pipeline and generator with the original: ``python -m benchmarks umtn``.

The original opens a file, cuts a segment and encodes it, one item at a time. Ours makes batches of segment pairs from
memory. Both run in one process, on files of 30 s of generated sound.

The small WaveNet generates samples with cached states: as PyTorch calls for each sample, the way the original's
``wavenet_generator.py`` works on a CPU, and with our compiled loop. Both use one core and give the same logits.
"""

import tempfile
from itertools import cycle, islice
from pathlib import Path

import h5py
import librosa
import numpy as np
import torch

from benchmarks._timing import measure_rates
from musiclab.umtn import Generator, SegmentPairs, WaveNet, mu_law, write_h5

SEQ_LEN, BATCH = 12_000, 32


def make_files(folder: Path, files: int = 16, seconds: int = 30) -> list[Path]:
    """Write noisy tones in UMTN's format (float64) and in ours (int16)."""
    rng = np.random.default_rng(0)
    time_axis = np.arange(16000 * seconds) / 16000
    paths = []
    for semitone in range(files):
        tone = np.sin(2 * np.pi * 110 * 2 ** (semitone / 12) * time_axis) + 0.2 * rng.standard_normal(len(time_axis))
        samples = (8000 * tone).astype(np.int16)
        paths.append(write_h5(folder / f"{semitone}.h5", samples))
        with h5py.File(folder / f"{semitone}.float64", "w") as file:
            file.create_dataset("wav", data=samples.astype(float), chunks=(10_000,))
    return paths


def make_pairs(paths: list[Path], count: int, rng: np.random.Generator, shift: bool) -> int:
    """Make segment pairs as the original does. With ``shift``, part of the second segment is pitch shifted."""
    for _ in range(count):
        path = paths[rng.integers(len(paths))].with_suffix(".float64")
        file = h5py.File(path, "r")
        start = rng.integers(len(file["wav"]) - SEQ_LEN + 1)
        clean = file["wav"][start : start + SEQ_LEN]
        augmented = clean
        if shift:
            length, begin = rng.integers(SEQ_LEN // 4, SEQ_LEN // 2 + 1), rng.integers(SEQ_LEN // 2 + 1)
            shifted = librosa.effects.pitch_shift(
                clean[begin : begin + length], sr=16000, n_steps=rng.uniform(-0.5, 0.5)
            )
            augmented = np.concatenate([clean[:begin], shifted, clean[begin + length :]])
        torch.tensor(mu_law(clean / 2**15)), torch.tensor(mu_law(augmented / 2**15))
    return count


@torch.inference_mode()
def generate_with_torch(wavenet: WaveNet, latents: torch.Tensor, count: int) -> int:
    """Generate samples with a cache per layer, and a few PyTorch calls per layer and sample."""
    past = [torch.zeros(layer.dilation, wavenet.sizes["channels"]) for layer in wavenet.layers]
    conditions = [layer.condition(latents[None])[0] for layer in wavenet.layers]
    final, inputs = wavenet.condition(latents[None])[0], torch.zeros(1, 1, 2)
    for sample in range(count):
        frame = sample // 800
        x = wavenet.first(inputs)
        skip = wavenet.first_skip(x)
        for layer, states, condition in zip(wavenet.layers, past, conditions, strict=True):
            slot = sample % layer.dilation
            both = torch.stack([states[slot], x[0, :, 0]], dim=1)[None]
            states[slot] = x[0, :, 0]
            mixed = torch.nn.functional.conv1d(both, layer.causal.weight, layer.causal.bias)
            gate, output = (mixed + condition[None, :, frame : frame + 1]).chunk(2, dim=1)
            z = torch.sigmoid(gate) * torch.tanh(output)
            x, skip = x + layer.residual(z), skip + layer.skip(z)
        skip = wavenet.hidden(torch.relu(skip)) + final[None, :, frame : frame + 1]
        probabilities = torch.softmax(wavenet.logits(torch.relu(skip))[0, :, 0], dim=0)
        inputs = torch.stack([inputs[0, 0, 1], torch.multinomial(probabilities, 1)[0] / 255 - 0.5])[None, None]
    return count


def run(rounds: int = 5) -> list[dict]:
    """Measure segment pairs without and with pitch shifting, and the generation of samples."""
    wavenet = WaveNet(channels=32, skip=64, blocks=2, layers=8).eval()
    latents = torch.zeros(64, 20)
    Generator(wavenet).generate(latents[:, :1])  # compile the loop
    with tempfile.TemporaryDirectory() as folder:
        paths = make_files(Path(folder))
        arrays = []
        for path in paths:
            with h5py.File(path, "r") as file:
                arrays.append(file["wav"][:])
        rng = np.random.default_rng(1)
        plain, augmented = (SegmentPairs(arrays, SEQ_LEN, magnitude=magnitude) for magnitude in (0.0, 0.5))
        starts = cycle(range(0, len(plain) - BATCH, BATCH))

        def ours(pairs: SegmentPairs, batches: int) -> int:
            for first in islice(starts, batches):
                pairs.batch(range(first, first + BATCH))
            return batches * BATCH

        rates = measure_rates(
            rounds,
            peer=lambda: make_pairs(paths, 200, rng, shift=False),
            peer_shift=lambda: make_pairs(paths, 60, rng, shift=True),
            ours=lambda: ours(plain, 100),
            ours_shift=lambda: ours(augmented, 20),
            peer_wavenet=lambda: generate_with_torch(wavenet, latents, 1000),
            ours_wavenet=lambda: len(Generator(wavenet).generate(latents)),
        )
    speed = {"unit": "samples/s", "bound": f"{rates['ours_wavenet'] / 16000:.1f} times real time at 16 kHz, one core"}
    return [
        make_row("mu-law segment pairs", rates["peer"], rates["ours"], 15, "copying from memory"),
        make_row("mu-law segment pairs, pitch shifted", rates["peer_shift"], rates["ours_shift"], 5, "interpolation"),
        make_row("WaveNet, generating", rates["peer_wavenet"], rates["ours_wavenet"], 10, "") | speed,
    ]


def make_row(work: str, peer: float, ours: float, goal: float, bound: str) -> dict:
    bound = f"{bound}: {ours * SEQ_LEN / 1e6:.0f} M samples/s, torch threads: {torch.get_num_threads()}"
    unit = "segments/s"
    return {"work": work, "peer": peer, "ours": ours, "ratio": ours / peer, "goal": goal, "unit": unit, "bound": bound}


if __name__ == "__main__":
    from benchmarks.__main__ import format_table

    print(format_table(run()))
