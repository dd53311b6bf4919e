"""UMTN's pairs from memory, the pitch that is asked for, the networks, and the small adversarial training."""

import pickle

import librosa
import numpy as np
import pytest
import torch

from musiclab import studio, umtn
from musiclab.audio import load_audio
from musiclab.core.errors import DatasetError
from musiclab.core.random import uniform
from musiclab.store import Store, create
from musiclab.umtn.augmentation import interpolate
from musiclab.umtn.confusion import MelDecoders

RATE, SAMPLES = 16000, 12000
STRETCHES = [
    (0, 3000, 0.5),
    (6000, 6000, 0.5),
    (6000, 6000, -0.5),
    (2000, 4000, 0.3),
    (3000, 5000, -0.11),
    (9, 6000, 0.5),
]


def tone(frequency: float, phase: float = 0.0, samples: int = SAMPLES) -> np.ndarray:
    return (0.5 * np.sin(2 * np.pi * frequency * np.arange(samples) / RATE + phase)).astype(np.float32)


def shift(waveform: np.ndarray, start: int, length: int, semitones: float) -> np.ndarray:
    stretch = torch.tensor([start]), torch.tensor([length]), torch.tensor([semitones])
    return umtn.shift_pitch(torch.from_numpy(waveform)[None], *stretch)[0].numpy()


def measured_pitch(waveform: np.ndarray) -> float:
    """Frequency of a tone, Hz: the peak of a long, zero-padded spectrum, to 0.02 Hz."""
    spectrum = np.abs(np.fft.rfft(waveform * np.hanning(len(waveform)), 2**20))
    return spectrum.argmax() * RATE / 2**20


@pytest.fixture(scope="module")
def clips() -> list[np.ndarray]:
    """Domain 0 has four clips, domain 1 a single one: noise, so that no two segments are alike."""
    rng = np.random.default_rng(0)
    return [rng.normal(0, 6000, 3000 + 100 * clip).astype(np.int16) for clip in range(5)]


def pairs_of(source, **settings) -> umtn.SegmentPairs:
    return umtn.SegmentPairs(source, **({"seq_len": 1000, "domains": [0, 0, 0, 0, 1], "epoch_len": 64} | settings))


@pytest.mark.parametrize("frequency", [110, 220, 440, 880, 1760, 3520])
@pytest.mark.parametrize(("start", "length", "semitones"), STRETCHES)
def test_pitch_is_within_a_cent_of_what_was_asked(frequency, start, length, semitones):
    """The goal is 5 cents."""
    shifted = shift(tone(frequency), start, length, semitones)
    pitch = measured_pitch(shifted[start + 200 : start + length - 200])
    assert abs(1200 * np.log2(pitch / (frequency * 2 ** (semitones / 12)))) < 1


@pytest.mark.parametrize("frequency", [110, 440, 1760])
@pytest.mark.parametrize(("start", "length", "semitones"), STRETCHES)
def test_seams_do_not_click(frequency, start, length, semitones):
    """A click is a corner: no second difference is much beyond the tone's own, where a plain cut has many times it."""
    for phase in (0.0, 1.0, 2.0):
        waveform = tone(frequency, phase)
        shifted = shift(waveform, start, length, semitones)
        own = np.abs(np.diff(waveform, 2)).max()
        assert np.abs(np.diff(shifted, 2)).max() < 1.5 * own
        np.testing.assert_array_equal(shifted[:start], waveform[:start])
        np.testing.assert_array_equal(shifted[start + length :], waveform[start + length :])
        power = np.convolve(shifted**2, np.full(320, 1 / 320), "valid")  # over 20 ms
        assert power.min() > 0.45 * 0.125  # where both ends of a crossfade cancel, no more than 3.5 dB are missing


def test_the_published_augmentation_clicks():
    """What the crossfade is for: the same measure on librosa's shift, set back as UMTN does."""
    waveform = tone(440, 1.0)
    stretch = librosa.effects.pitch_shift(waveform[3000:8000], sr=RATE, n_steps=0.4)
    published = np.concatenate([waveform[:3000], stretch, waveform[8000:]])
    assert np.abs(np.diff(published, 2)).max() > 3 * np.abs(np.diff(waveform, 2)).max()


def test_no_shift_is_no_change_and_a_batch_is_its_segments():
    batch = torch.randn(3, 2000, generator=torch.Generator().manual_seed(0))
    starts, lengths = torch.tensor([0, 500, 1000]), torch.tensor([500, 700, 1000])
    torch.testing.assert_close(umtn.shift_pitch(batch, starts, lengths, torch.zeros(3)), batch)
    semitones = torch.tensor([0.5, -0.3, 0.1])
    together = umtn.shift_pitch(batch, starts, lengths, semitones)
    for row in range(3):
        alone = umtn.shift_pitch(batch[[row]], starts[[row]], lengths[[row]], semitones[[row]])
        torch.testing.assert_close(together[[row]], alone)


@pytest.mark.parametrize(("frequency", "decibels"), [(440, -55), (1000, -48), (2000, -48), (4000, -48), (5000, -48)])
def test_interpolation_error_is_far_below_the_signal(frequency, decibels):
    samples = np.linspace(100, 3800, 3607)
    positions = torch.from_numpy(np.floor(samples).astype(np.int64))[None]
    away = torch.from_numpy((samples % 1).astype(np.float32))[None]
    values = interpolate(torch.from_numpy(tone(frequency, samples=4000))[None], positions, away)[0]
    error = values.numpy() - 0.5 * np.sin(2 * np.pi * frequency * samples / RATE)
    assert 20 * np.log10(np.sqrt(np.mean(error**2)) / 0.5 * np.sqrt(2)) < decibels


def test_augmentation_draws_as_published():
    augmentation = umtn.WavFrequencyAugmentation(RATE, 0.5)
    starts, lengths, semitones = augmentation.place(torch.rand(3, 5000), SAMPLES)
    assert (int(starts.min()), int(starts.max())) == (pytest.approx(0, abs=20), pytest.approx(6000, abs=20))
    assert (int(lengths.min()), int(lengths.max())) == (pytest.approx(3000, abs=20), pytest.approx(6000, abs=20))
    assert -0.5 <= semitones.min() < -0.49
    assert 0.49 < semitones.max() <= 0.5
    assert (starts + lengths).max() <= SAMPLES
    with pytest.raises(ValueError, match="magnitude of 0 to 2 semitones, found 3"):
        umtn.WavFrequencyAugmentation(RATE, 3)


def test_pairs_are_cut_from_the_clips_of_their_domain(clips):
    clean, augmented, domains = pairs_of(clips).batch(range(64))
    assert (clean.dtype, clean.shape, augmented.shape) == (torch.uint8, (64, 1000), (64, 1000))
    assert domains.tolist() == [0, 1] * 32  # balanced, though domain 0 has four times the sound
    texts = [umtn.encode(clip).tobytes() for clip in clips]
    origins = [next(n for n, text in enumerate(texts) if row.numpy().tobytes() in text) for row in clean]
    assert set(origins[1::2]) == {4}
    assert set(origins[::2]) == {0, 1, 2, 3}


def drawn(pairs: umtn.SegmentPairs, seed: int) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """The stretches of epoch 0, as the docstring says that they are drawn."""
    rows = uniform(seed, 0, np.arange(len(pairs))[:, None], np.arange(5))
    return pairs.augmentation.place(torch.from_numpy(rows[:, 2:].T), pairs.seq_len)


def test_only_a_stretch_is_augmented(clips):
    pairs = pairs_of(clips)
    clean, augmented, _ = pairs.batch(range(64))
    for before, after, start, length, _ in zip(clean, augmented, *drawn(pairs, 0), strict=True):
        changed = torch.nonzero(before != after).flatten()
        assert start <= changed[0] < changed[-1] < start + length
        assert 200 <= changed[-1] - changed[0] < 500
    clean, augmented, _ = pairs_of(clips, magnitude=0).batch(range(64))
    assert torch.equal(clean, augmented)


def test_pairs_equal_those_of_the_published_way(clips):
    """A segment that is augmented by itself and coded by the formula gives the same codes as the batch."""
    pairs = pairs_of(clips, seed=5)
    clean, augmented, _ = pairs.batch(range(8))
    stretches = drawn(pairs, 5)
    for item in range(8):
        text = clean[item].numpy().tobytes()
        samples = next(clip[at : at + 1000] for clip in clips if (at := umtn.encode(clip).tobytes().find(text)) >= 0)
        stretch = (part[[item]] for part in stretches)
        shifted = umtn.shift_pitch(torch.from_numpy(samples).float()[None], *stretch)
        np.testing.assert_array_equal(umtn.mu_law(shifted[0].round().clip(-32768, 32767) / 2**15), augmented[item])


def test_draws_depend_on_seed_epoch_and_item_alone(clips):
    pairs = pairs_of(clips)
    epoch = pairs.batch(range(64))
    for tensor, parts in zip(epoch, zip(*pairs.batches(24), strict=True), strict=True):
        assert torch.equal(tensor, torch.cat(parts))
    for tensor, parts in zip(
        epoch, zip(*torch.utils.data.DataLoader(pairs, 16, num_workers=1), strict=True), strict=True
    ):
        assert torch.equal(tensor, torch.cat(parts))
    assert torch.equal(pairs_of(clips, epoch_len=20).batch([9])[1], epoch[1][[9]])
    other = pickle.loads(pickle.dumps(pairs))
    assert torch.equal(other.batch([9])[1], epoch[1][[9]])
    other.set_epoch(1)
    assert not torch.equal(other.batch(range(64))[0], epoch[0])
    assert not torch.equal(pairs_of(clips, seed=1).batch(range(64))[0], epoch[0])


def test_short_clips_are_reported_and_an_empty_domain_is_refused(clips, caplog):
    pairs = pairs_of(clips, seq_len=3050)
    assert pairs.failures == [("clip 0", "clip 0: expected at least 3050 samples, found 3000")]
    assert len(caplog.records) == 1
    with pytest.raises(DatasetError, match=r"in every domain, found none in \[1\]"):
        pairs_of([clips[4], clips[0]], seq_len=3200, domains=[0, 1])
    with pytest.raises(DatasetError, match="no usable sound"):
        pairs_of(clips, clips=[])
    with pytest.raises(TypeError, match="expected int16 samples, found float64"):
        umtn.SegmentPairs([np.zeros(5000)], 1000)


def store_of(path, clips, rate):
    with create(path, {"audio": {"sample_rate": rate}}, {"name": "test"}) as writer:
        for number, clip in enumerate(clips):
            row = {"path": f"{number}.wav", "label": "ab"[number % 2], "group": str(number), "fold": 0, "split": ""}
            writer.append(row, {"audio": clip})
    return Store(path)


def test_a_store_and_folders_give_what_the_arrays_give(clips, tmp_path):
    by_arrays = umtn.SegmentPairs(clips, 1000, domains=[0, 1, 0, 1, 0]).batch(range(16))
    with store_of(tmp_path / "a.h5", clips, RATE) as store:
        by_store = umtn.SegmentPairs(store, 1000).batch(range(16))
    for number, clip in enumerate(clips):
        umtn.write_h5(tmp_path / "ab"[number % 2] / "train" / f"{number}.h5", clip)
    folders = [tmp_path / "a", tmp_path / "b"]
    pairs = umtn.SegmentPairs.of_folders(folders, "train", 1000)
    assert pairs.paths == [
        str(tmp_path / clip[0] / "train" / f"{clip[1]}.h5") for clip in ("a0", "a2", "a4", "b1", "b3")
    ]
    by_folders = pairs.batch(range(16))
    for first, second, third in zip(by_arrays, by_store, by_folders, strict=True):
        assert torch.equal(first, second)
        assert torch.equal(first, third)
    moved = [folder.rename(tmp_path / f"{folder.name}2") for folder in folders]
    assert umtn.SegmentPairs.of_folders(moved, "train", 1000).digest == pairs.digest
    assert umtn.SegmentPairs.of_folders(moved[::-1], "train", 1000).digest != pairs.digest
    with (
        store_of(tmp_path / "b.h5", clips, 22050) as store,
        pytest.raises(DatasetError, match="expected audio at 16000 Hz, found 22050 Hz"),
    ):
        umtn.SegmentPairs(store, 1000)


def test_studio_domains_play_the_same_pieces_apart(tmp_path, monkeypatch):
    folders = umtn.studio_domains(tmp_path, pieces=3, seconds=2, train=0.4, val=0.3)
    assert list(folders) == ["Solo_Piano", "String_Quartet", "Organ", "Plucked_Guitar"]
    sides = [{path.parent.name: path.name for path in sorted(folder.rglob("*.wav"))} for folder in folders.values()]
    assert all(side == sides[0] for side in sides)
    assert set(sides[0]) == {"train", "val", "test"}
    piece = next(iter(sides[0].values()))
    chroma = {}
    for domain, folder in folders.items():
        waveform, rate = load_audio(next(folder.rglob(piece)), None)
        chroma[domain] = librosa.feature.chroma_stft(y=waveform, sr=rate).mean(axis=1)
        assert rate == studio.SAMPLE_RATE
    first = next(iter(chroma.values()))
    assert all(np.corrcoef(first, other)[0, 1] > 0.7 for other in chroma.values())  # the same notes
    monkeypatch.setattr(studio, "render", None)  # what was rendered is kept, also for another split
    again = umtn.studio_domains(tmp_path / "again", pieces=3, seconds=2, train=0.7, val=0.3)
    for domain, folder in folders.items():
        (same,) = again[domain].rglob(piece)
        assert same.read_bytes() == next(folder.rglob(piece)).read_bytes()


def test_encoder_has_the_published_sizes():
    encoder = umtn.Encoder()
    convolutions = [module for module in encoder.modules() if isinstance(module, torch.nn.Conv1d)]
    assert [module.dilation[0] for module in convolutions if module.kernel_size == (3,)][1:] == [
        2**n for n in range(10)
    ] * 3
    expected = (1 * 128 * 3 + 128) + 30 * (128 * 128 * 3 + 128 + 128 * 128 + 128) + (128 * 64 + 64)
    assert sum(weight.numel() for weight in encoder.parameters()) == expected
    small = umtn.Encoder(channels=4, blocks=1, layers=3, latent=5)
    assert small(torch.zeros(2, 12000, dtype=torch.uint8)).shape == (2, 5, 15)
    assert umtn.Encoder(**small.sizes).sizes == small.sizes


@pytest.mark.parametrize("stride", [1, 8, 20])
def test_a_stride_keeps_the_latents_where_they_were(stride):
    encoder = umtn.Encoder(channels=4, blocks=1, layers=3, latent=5, pool=400, stride=stride)
    codes = torch.randint(0, 256, (2, 4000))
    latents = encoder(codes)
    assert latents.shape == (2, 5, 10)
    codes[:, 2000 + encoder.receptive // 2 :] = 128
    unchanged = (2000 - encoder.receptive // 2) // 400
    torch.testing.assert_close(encoder(codes)[..., :unchanged], latents[..., :unchanged])
    assert not torch.equal(encoder(codes), latents)
    with pytest.raises(ValueError, match="multiple of the stride"):
        umtn.Encoder(pool=800, stride=7)


def test_classifier_averages_over_time_and_gives_every_weight_a_gradient():
    encoder, classifier = umtn.Encoder(channels=4, blocks=2, layers=2, latent=6), umtn.DomainClassifier(3, latent=6)
    latents = encoder(torch.randint(0, 256, (2, 3200)))
    logits = classifier(latents)
    assert logits.shape == (2, 3)
    torch.testing.assert_close(logits, torch.stack([classifier(latents[..., [t]]) for t in range(4)]).mean(dim=0))
    logits.square().sum().backward()
    assert all(weight.grad.abs().sum() > 0 for part in (encoder, classifier) for weight in part.parameters())


def test_each_domain_has_its_own_decoder():
    decoders = MelDecoders(domains=2, latent=3, pool=800, n_mels=8, sample_rate=RATE)
    latents = torch.randn(2, 3, 5)
    both = decoders(latents, torch.tensor([0, 1]))
    assert both.shape == (2, 8, 5)
    torch.testing.assert_close(both[[1]], decoders(latents[[1]], torch.tensor([1])))
    assert not torch.allclose(both[[1]], decoders(latents[[1]], torch.tensor([0])))
    codes = torch.from_numpy(umtn.encode((32767 * tone(1000)).astype(np.int16)))[None]
    centres = librosa.mel_frequencies(n_mels=10, fmax=8000)[1:-1]
    assert decoders.target(codes).mean(dim=2).argmax() == np.abs(centres - 1000).argmin()
    decoders.standardise_by(codes)
    torch.testing.assert_close(decoders.target(codes).mean(dim=2), torch.zeros(1, 8), atol=1e-3, rtol=0)


def test_training_tells_domains_apart_and_the_adversarial_term_hides_them():
    """Two domains that a first look tells apart: soft noise and loud noise."""
    rng = np.random.default_rng(0)
    noises = [rng.normal(0, size, 4000).astype(np.int16) for size in (300, 6000) for _ in range(12)]
    domains = [0] * 12 + [1] * 12
    train = umtn.SegmentPairs(noises, 1600, domains, clips=[*range(8), *range(12, 20)])
    valid = umtn.SegmentPairs(noises, 1600, domains, clips=[*range(8, 12), *range(20, 24)], magnitude=0)
    sizes = dict(steps=90, batch_size=16, channels=16, layers=2, latent=8, every=15, valid_segments=64)
    rates = dict(learning_rate=1e-2, classifier_rate=1e-2, probe_steps=60)
    plain, confused = (
        umtn.train_confusion(train, valid, umtn.ConfusionConfig(**sizes, **rates, weight=weight)) for weight in (0, 3)
    )
    assert plain.history["step"].tolist() == [0, 15, 30, 45, 60, 75, 90]
    assert plain.history["accuracy"][3:].mean() > 0.9
    assert plain.probe > 0.9
    assert confused.history["accuracy"][3:].mean() < 0.8  # 0.5 is chance
    for run in (plain, confused):
        assert run.history["rebuilt"].iloc[-1] > 0.5 > run.history["rebuilt"].iloc[0]
    assert (plain.domains, plain.n) == (2, 64)


def test_training_repeats_itself_and_leaves_the_generator_alone(clips):
    sizes = dict(steps=5, batch_size=16, channels=4, layers=2, latent=4, pool=200, valid_segments=8, probe_steps=2)
    state = torch.get_rng_state()
    train, valid = pairs_of(clips), pairs_of(clips)
    first, second = (umtn.train_confusion(train, valid, umtn.ConfusionConfig(**sizes)) for _ in "ab")
    assert (train.epoch, valid.epoch) == (1, 0)  # 80 segments are more than an epoch of 64
    assert first.history.equals(second.history)
    assert first.probe == second.probe
    assert torch.equal(torch.get_rng_state(), state)
