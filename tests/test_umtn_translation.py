"""UMTN's decoders, training and translation, and the measures of translations."""

import json
import os
import shutil
import subprocess
import sys

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from musiclab import umtn
from musiclab.audio import load_audio, save_audio
from musiclab.core.errors import AudioError, DatasetError, MusiclabError, RunError
from musiclab.training import TrainConfig
from musiclab.umtn.sampling import _tanh
from musiclab.umtn.translation import NETWORKS, PRETRAINED

RATE = 16000
TINY = {"encoder": {"channels": 4, "layers": 2}, "decoder": {"channels": 8}}


def tone(frequency, seconds=1.0, amplitude=0.3):
    return (amplitude * np.sin(2 * np.pi * frequency * np.arange(round(seconds * RATE)) / RATE)).astype(np.float32)


def as_pairs(sounds_of_domains, epoch_len=8, seq_len=4000, **settings):
    clips = [np.round(32767 * sound).astype(np.int16) for sounds in sounds_of_domains for sound in sounds]
    domains = [number for number, sounds in enumerate(sounds_of_domains) for _ in sounds]
    return umtn.SegmentPairs(clips, seq_len, domains, epoch_len=epoch_len, **settings)


@pytest.fixture
def pairs():
    return as_pairs([[tone(220), tone(330)], [tone(440), tone(550)]])


@pytest.fixture(scope="module")
def wavenet():
    torch.manual_seed(0)
    network = umtn.WaveNet(latent=6, channels=8, skip=12, blocks=2, layers=4)
    for weight in network.parameters():
        weight.data *= 2  # clearly different logits
    return network.eval()


@pytest.fixture
def random_codes():
    return torch.randint(0, 256, (1, 300), dtype=torch.uint8, generator=torch.Generator().manual_seed(1))


# WaveNet


def test_wavenet_has_the_published_sizes():
    decoder = umtn.WaveNet()
    layer = (2 * 128 * 256 + 256) + (64 * 256 + 256) + 2 * (128 * 128 + 128)
    rest = (2 * 128 + 128) + 2 * (128 * 128 + 128) + (64 * 128 + 128) + (128 * 256 + 256)
    assert sum(weight.numel() for weight in decoder.parameters()) == 56 * layer + rest
    assert [part.dilation for part in decoder.layers] == [2**n for n in range(14)] * 4
    assert decoder.receptive == 4 * (2**14 - 1) + 2


def test_a_prediction_depends_on_the_receptive_field_before_it(wavenet, random_codes):
    latents = torch.zeros(1, 6, 3)
    before = wavenet(random_codes, latents)
    changed = random_codes.clone()
    changed[0, 100] = 255 - changed[0, 100]
    differs = (wavenet(changed, latents) != before).any(dim=1)[0].nonzero()[:, 0]
    assert differs[0] == 101
    assert differs[-1] == 100 + wavenet.receptive


@pytest.mark.parametrize("splits", [[300], [100, 200], [100, 100, 100]])
def test_cached_states_give_the_same_logits(wavenet, random_codes, splits):
    latents = torch.randn(1, 6, 3, generator=torch.Generator().manual_seed(2))
    expected = wavenet(random_codes, latents)[0].T.detach().numpy()
    generator, parts, start = umtn.Generator(wavenet), [], 0
    for size in splits:
        part = latents[0, :, start // 100 : (start + size) // 100]
        parts.append(generator.logits(random_codes[0, start : start + size].numpy(), part))
        start += size
    assert np.abs(np.concatenate(parts) - expected).max() < 1e-5


def test_generating_equals_the_naive_loop(wavenet):
    latents = torch.randn(6, 2, generator=torch.Generator().manual_seed(3))
    codes = torch.zeros(1, 100, dtype=torch.uint8)
    for sample in range(100):
        codes[0, sample] = wavenet(codes, latents[None])[0, :, sample].argmax()
    assert umtn.Generator(wavenet).generate(latents, 50, temperature=0).tolist() == codes[0].tolist()


def test_samples_are_drawn_from_the_predicted_probabilities(wavenet):
    latents, temperature = torch.zeros(6, 1), 0.7
    first = [umtn.Generator(wavenet, seed).generate(latents, 1, temperature)[0] for seed in range(2000)]
    logits = umtn.Generator(wavenet).logits(np.zeros(1, np.uint8), latents)[0]
    expected = 2000 * torch.softmax(torch.tensor(logits) / temperature, dim=0).numpy()
    likely = expected > 5
    counts = np.bincount(first, minlength=256)
    error = ((counts - expected) ** 2 / expected)[likely]
    assert likely.sum() > 20
    assert error.mean() < 1.5  # chi-squared per degree of freedom


def test_a_seed_gives_the_same_sound(wavenet):
    latents = torch.zeros(6, 3)
    one, same, other = (umtn.Generator(wavenet, seed).generate(latents, 40) for seed in (4, 4, 5))
    assert np.array_equal(one, same)
    assert not np.array_equal(one, other)
    with pytest.raises(ValueError, match="expected a temperature of at least 0, found -1"):
        umtn.Generator(wavenet).generate(latents, 40, temperature=-1)


def test_the_fast_tanh_is_exact_to_seven_digits():
    x = np.linspace(-20, 20, 20001, dtype=np.float32)
    values = np.array([_tanh.py_func(value) for value in x])
    assert np.abs(values - np.tanh(x.astype(np.float64))).max() < 1e-6


# Harmonic decoder


def test_a_note_sounds_at_its_frequency():
    decoder = umtn.HarmonicDecoder()
    notes, noise = torch.zeros(1, 100, 2, 68), torch.zeros(1, 100, 64)
    notes[:, :, 0, 69 - 28] = 0.5  # A4
    harmonics = torch.zeros(2, 68, 16)
    harmonics[0, :, 0], harmonics[0, :, 2] = 1, 0.5
    sound = decoder.synthesiser(notes, harmonics, noise, 0)[0, 2000:-2000].numpy()
    spectrum = np.abs(np.fft.rfft(sound * np.hanning(len(sound)))) * 4 / len(sound)
    frequencies = np.fft.rfftfreq(len(sound), 1 / RATE)
    for frequency, amplitude in [(440, 0.5), (1320, 0.25), (880, 0)]:
        assert spectrum[np.abs(frequencies - frequency) < 4].max() == pytest.approx(amplitude, abs=0.01)


def test_noise_is_filtered():
    notes, noise = torch.zeros(1, 200, 2, 68), torch.zeros(1, 200, 64)
    noise[:, :, 32:48] = 0.1  # from half to three quarters of 8 kHz
    sound = umtn.HarmonicDecoder().synthesiser(notes, torch.zeros(2, 68, 16), noise, 0)[0].numpy()
    power = np.abs(np.fft.rfft(sound)) ** 2
    frequencies = np.fft.rfftfreq(len(sound), 1 / RATE)
    assert power[(frequencies > 3900) & (frequencies < 6100)].sum() > 0.98 * power.sum()


def test_parts_of_a_sound_fit_together():
    torch.manual_seed(0)
    decoder = umtn.HarmonicDecoder(channels=8).eval()
    decoder.last.bias.data[2 * 68 :] = -30  # no noise
    latents = 3 * torch.randn(1, 64, 40)
    whole = decoder(latents)[0]
    second = decoder(latents[:, :, 15:], first_step=15 * 5)[0]
    assert torch.allclose(whole[20 * 800 :], second[5 * 800 :], atol=1e-4)


def test_the_harmonic_decoder_is_small_and_its_loss_knows_equal_sounds():
    assert 1e5 < sum(weight.numel() for weight in umtn.HarmonicDecoder().parameters()) < 3e5
    sound = torch.from_numpy(np.stack([tone(440), tone(880)]))
    assert umtn.spectral_loss(sound, sound).tolist() == [0, 0]
    softer, other = umtn.spectral_loss(0.9 * sound, sound), umtn.spectral_loss(sound.flip(0), sound)
    assert (softer < other).all()


# Translator


@pytest.mark.parametrize("network", NETWORKS)
def test_networks_take_one_switch(network):
    sizes = dict(encoder={"channels": 4, "layers": 2, "blocks": 1}, decoder={"channels": 8})
    translator = umtn.Translator(["a", "b"], network, **sizes)
    losses = translator(torch.zeros(2, 2, 4000, dtype=torch.int16), torch.tensor([0, 1]))
    assert losses.shape == (2, 3)
    assert losses.isfinite().all()
    if network != "harmonic":
        assert float(losses[:, 0].detach().mean()) == pytest.approx(np.log(256), rel=0.1)  # guessing among 256 codes


def test_the_published_network_is_the_published_network():
    translator = umtn.Translator(["a", "b", "c", "d", "e", "f"], "published")
    assert translator.encoder.sizes == umtn.Encoder().sizes
    assert translator.decoders[0].sizes == umtn.WaveNet().sizes
    assert translator.settings["weight"] == 0.01
    assert translator.classifier.layers[0].weight.shape == (100, 64, 1)


def test_the_classifier_learns_and_the_encoder_fools_it(pairs):
    torch.manual_seed(0)
    translator = umtn.Translator(["a", "b"], weight=0.3, **TINY)
    clean, augmented, domain = pairs.samples(range(8))
    losses = translator(torch.stack([clean, augmented], 1), domain)
    losses[:, :2].sum().backward()
    ours = {name: weight.grad.clone() for name, weight in translator.named_parameters()}
    translator.zero_grad()
    encode = umtn.translation.encode_tensor
    scores = translator.classifier(translator.encoder(encode(clean)).detach())
    F.cross_entropy(scores, domain, reduction="sum").backward()
    expected = {name: weight.grad.clone() for name, weight in translator.classifier.named_parameters()}
    translator.zero_grad()
    latents = translator.encoder(encode(augmented))
    loss = translator.reconstruction_loss(latents, clean, domain).sum()
    (loss - 0.3 * F.cross_entropy(translator.classifier(latents), domain, reduction="sum")).backward()
    for name, gradient in expected.items():
        assert torch.allclose(ours[f"classifier.{name}"], gradient, atol=1e-5), name
    for name, weight in translator.encoder.named_parameters():
        assert torch.allclose(ours[f"encoder.{name}"], weight.grad, rtol=1e-3, atol=1e-4), name


def test_domains_are_found_by_a_part_of_their_name():
    translator = umtn.Translator(["Solo_Piano", "String_Quartet", "Solo_Cello"], **TINY)
    assert [translator.find_domain(name) for name in ("PIANO", "quartet", "Solo_Cello")] == [0, 1, 2]
    for name in ("solo", "", "Orgam"):
        with pytest.raises(RunError, match="expected one of the domains Solo_Piano, String_Quartet, Solo_Cello"):
            translator.find_domain(name)


@pytest.mark.parametrize("domains", [[], ["a"], ["a", "a"]])
def test_two_domains_are_needed(domains):
    with pytest.raises(RunError, match="at least two different domains"):
        umtn.Translator(domains)


# Training


def make_config(**changes):
    return TrainConfig(**{"epochs": 3, "batch_size": 4, "learning_rate": 2e-3, "device": "cpu"} | changes)


def test_training_lowers_the_loss_and_is_written_down(pairs, tmp_path):
    valid = as_pairs([[tone(220)], [tone(440)]], magnitude=0)
    config = make_config(epochs=15, learning_rate=0.01)
    run = umtn.train(pairs, valid, ["a", "b"], tmp_path / "run", config, show_progress=False, **TINY)
    assert run.history["train_loss"].iloc[-1] < 0.9 * run.history["train_loss"].iloc[0]
    assert list(run.history)[:4] == ["epoch", "train_loss", "domain_accuracy", "valid_loss"]
    assert run.history["valid_loss"].idxmin() + 1 == run.best_epoch
    assert sorted(os.listdir(tmp_path / "run")) == ["history.csv", "model.json", "model.safetensors"]
    again = umtn.load(tmp_path / "run")
    assert again.model.domains == ["a", "b"]
    assert again.history["valid_loss"].tolist() == pytest.approx(run.history["valid_loss"].tolist())
    sound = tone(330, 0.5)
    assert np.array_equal(umtn.translate(again, sound, "b", RATE), umtn.translate(run, sound, "b", RATE))
    with pytest.raises(RunError, match="finished run already"):
        umtn.train(pairs, valid, ["a", "b"], tmp_path / "run", make_config(), show_progress=False, **TINY)


def test_interrupted_training_resumes_with_the_same_result(pairs, tmp_path, monkeypatch):
    def make_pairs():
        return as_pairs([[tone(220), tone(330)], [tone(440), tone(550)]])

    options = {"training": make_config(), "show_progress": False} | TINY
    whole = umtn.train(make_pairs(), None, ["a", "b"], **options)
    original = umtn.translation._train_one_epoch

    def interrupt(engine, epoch):
        if epoch == 2:
            raise KeyboardInterrupt
        return original(engine, epoch)

    monkeypatch.setattr(umtn.translation, "_train_one_epoch", interrupt)
    first = umtn.train(make_pairs(), None, ["a", "b"], tmp_path / "run", **options)
    assert first.stopped == "interrupted"
    assert os.listdir(tmp_path / "run") == ["state.pt"]
    monkeypatch.undo()
    second = umtn.train(make_pairs(), None, ["a", "b"], tmp_path / "run", resume=True, **options)
    assert len(second.history) == 3
    for name, weight in whole.model.state_dict().items():
        assert torch.equal(weight, second.model.state_dict()[name]), name


def test_training_is_not_resumed_with_other_data(tmp_path, monkeypatch):
    def train(resume=True, train=([tone(220), tone(330)], [tone(440)]), valid=([tone(220)], [tone(440)]), **settings):
        pairs = as_pairs(train, **settings), as_pairs(valid, magnitude=0)
        options = {"training": make_config(epochs=1), "show_progress": False, "resume": resume} | TINY
        return umtn.train(*pairs, ["a", "b"], tmp_path / "run", **options)

    def fail(*arguments):
        raise RunError("stopped before the run is saved")

    with monkeypatch.context() as patch:
        patch.setattr(umtn.TranslationRun, "save", fail)
        with pytest.raises(RunError, match="stopped before"):
            train(resume=False)
    for changes, words in [
        (
            {"train": ([tone(221), tone(330)], [tone(440)])},
            r"data.digest=\w{8}, found one saved with data.digest=\w{8}",
        ),
        (
            {"train": ([tone(220)], [tone(330), tone(440)])},
            r"data.digest=\w{8}, found one saved with data.digest=\w{8}",
        ),
        ({"valid": ([tone(221)], [tone(440)])}, r"data.valid_digest=\w{8}, found one saved with data.valid_digest="),
        ({"epoch_len": 12}, "epoch_len=12, found one saved with epoch_len=8"),
        ({"magnitude": 0.2}, "magnitude=0.2, found one saved with magnitude=0.5"),
    ]:
        with pytest.raises(RunError, match=f"state.pt: expected a state saved with {words}"):
            train(**changes)
    assert len(train().history) == 1


def test_training_can_start_from_another_run(pairs, tmp_path):
    options = {"training": make_config(epochs=1, learning_rate=1e-9), "show_progress": False}
    first = umtn.train(pairs, None, ["a", "b"], **options, **TINY)
    first.save(tmp_path / "run")
    sizes = {"encoder": TINY["encoder"], "decoder": {"channels": 4, "skip": 4, "blocks": 1, "layers": 2}}
    second = umtn.train(pairs, None, ["a", "b"], start=tmp_path / "run", network="wavenet", **options, **sizes)
    third = umtn.train(pairs, None, ["a", "b"], start=first, **options, **TINY)
    for name, weight in first.model.encoder.named_parameters():
        assert torch.allclose(weight, second.model.encoder.get_parameter(name), atol=1e-6)
    for name, weight in first.model.named_parameters():
        assert torch.allclose(weight, third.model.get_parameter(name), atol=1e-6)
    with pytest.raises(RunError, match=r"start from with .*channels=8.*, found one with .*channels=4"):
        umtn.train(pairs, None, ["a", "b"], start=first, encoder={"channels": 8})


def test_a_loss_that_is_no_number_is_explained_with_the_clips(pairs, monkeypatch):
    def broken(self, latents, clean, domain):
        return torch.full((len(clean),), torch.nan, requires_grad=True)

    monkeypatch.setattr(umtn.Translator, "reconstruction_loss", broken)
    with pytest.raises(RunError, match=r"the loss became NaN or infinite[\s\S]*clip [0-3]"):
        umtn.train(pairs, None, ["a", "b"], training=make_config(), show_progress=False, **TINY)


def test_a_process_draws_only_from_its_domain(monkeypatch):
    monkeypatch.setenv("WORLD_SIZE", "2")
    monkeypatch.setenv("RANK", "1")
    own = umtn.translation._TrainingPairs(as_pairs([[tone(220)], [tone(440)]], epoch_len=7))
    assert len(own) == 6  # three of each domain
    assert own.batch(range(len(own)))[1].tolist() == [1] * 6


def test_other_numbers_of_domains_are_an_error(pairs):
    with pytest.raises(DatasetError, match="expected training segments of 3 domains, found 2"):
        umtn.train(pairs, None, ["a", "b", "c"])


@pytest.mark.slow
def test_one_process_per_domain(tmp_path):
    script = tmp_path / "train.py"
    script.write_text(
        "import sys, numpy as np\n"
        "from musiclab import umtn\n"
        "from musiclab.training import TrainConfig\n"
        "time = np.arange(16000) / 16000\n"
        "clips = [(9000 * np.sin(2 * np.pi * f * time)).astype(np.int16) for f in (220, 440)]\n"
        "pairs = umtn.SegmentPairs(clips, 4000, [0, 1], epoch_len=8)\n"
        "config = TrainConfig(epochs=2, batch_size=4, device='cpu', precision='fp32')\n"
        "sizes = dict(encoder={'channels': 4, 'layers': 2, 'blocks': 1}, decoder={'channels': 8, 'layers': 3})\n"
        "run = umtn.train(pairs, None, ['a', 'b'], sys.argv[1], config, network='published', **sizes)\n"
    )
    launch = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc_per_node", "2", str(script)]
    ended = subprocess.run([*launch, str(tmp_path / "run")], capture_output=True, text=True, timeout=300)
    assert ended.returncode == 0, ended.stderr[-2000:]
    run = umtn.load(tmp_path / "run")
    assert run.history["train_loss"].notna().all()
    torch.manual_seed(0)
    untrained = umtn.Translator(["a", "b"], "published", **{k: run.model.settings[k] for k in ("encoder", "decoder")})
    for ours, theirs in zip(run.model.decoders, untrained.decoders, strict=True):
        assert not torch.equal(ours.logits.weight, theirs.logits.weight)  # both decoders were trained


# Translating


@pytest.fixture(scope="module")
def tiny_run():
    torch.manual_seed(0)
    return umtn.TranslationRun(umtn.Translator(["Solo_Piano", "Organ"], **TINY).eval())


@pytest.fixture(scope="module")
def tiny_wavenet():
    torch.manual_seed(0)
    sizes = {"encoder": {"channels": 4, "layers": 2}, "decoder": {"channels": 4, "skip": 4, "blocks": 1, "layers": 2}}
    return umtn.TranslationRun(umtn.Translator(["Solo_Piano", "Organ"], "wavenet", **sizes).eval())


@pytest.mark.parametrize("samples", [1, 799, 800, 801, 16000 * 11 + 1])
@pytest.mark.parametrize("kind", ["tiny_run", "tiny_wavenet"])
def test_a_translation_is_as_long_as_the_sound(request, kind, samples):
    sound = umtn.translate(request.getfixturevalue(kind), np.zeros(samples, np.float32), "organ", RATE)
    assert sound.shape == (samples,)
    assert sound.dtype == np.float32
    assert np.isfinite(sound).all()


def test_long_sounds_are_translated_in_parts_that_fit(tiny_run):
    rng = np.random.default_rng(0)
    sound = rng.normal(0, 0.1, 24 * RATE).astype(np.float32)
    run = umtn.TranslationRun(tiny_run.model)
    run.model.decoders[1].last.bias.data[2 * 68 :] = -30  # the noise differs from part to part
    whole = umtn.translate(run, sound, "organ", RATE)
    late = umtn.translate(run, sound[8 * RATE :], "organ", RATE)
    with torch.inference_mode():
        latents = run.model.encoder(torch.from_numpy(umtn.mu_law(sound))[None])[0]
        at_once = run.model.decoders[1].generate(latents)
    assert np.abs(whole - at_once).max() < 1e-4
    assert late.shape == (16 * RATE,)


def test_files_of_any_rate_are_translated(tiny_run, tmp_path):
    save_audio(tmp_path / "a.flac", np.stack([tone(440, 0.5)] * 2), 44100)
    assert umtn.translate(tiny_run, tmp_path / "a.flac", "piano").shape == (round(0.5 * RATE * RATE / 44100),)
    resampled = umtn.translate(tiny_run, np.zeros(22050), "piano", sample_rate=22050, device="auto")
    assert resampled.shape == (RATE,)


@pytest.mark.parametrize(
    ("sound", "options", "error", "words"),
    [
        (np.zeros(10), {}, RunError, "expected the sample_rate of the waveform"),
        (
            np.zeros((2, 10)),
            {"sample_rate": RATE},
            AudioError,
            r"expected a mono waveform of finite values, found shape",
        ),
        (np.zeros(0), {"sample_rate": RATE}, AudioError, "found shape"),
        (np.full(10, np.nan), {"sample_rate": RATE}, AudioError, "NaN or infinite"),
        ("missing.wav", {}, MusiclabError, "missing.wav"),
        (np.zeros(10), {"sample_rate": RATE, "temperature": -1}, RunError, "temperature"),
        (np.zeros(10), {"sample_rate": RATE, "device": "tpu"}, RunError, "'tpu' is not available on this machine"),
    ],
)
def test_bad_sounds_and_settings(tiny_run, sound, options, error, words):
    with pytest.raises(error, match=words):
        umtn.translate(tiny_run, sound, "piano", **options)


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (lambda folder: shutil.rmtree(folder), "expected a folder written by musiclab umtn train, or one of"),
        (lambda folder: (folder / "model.json").write_text("{"), "damaged"),
        (lambda folder: (folder / "model.json").write_text('{"model": "cnn"}'), "a run of musiclab train"),
        (lambda folder: change(folder, version=2), "expected a run of version 1, found version 2"),
        (lambda folder: change(folder, network="nothing"), "this run is damaged"),
        (lambda folder: change(folder, domains=["a", "b", "c"]), "this run is damaged"),
        (lambda folder: (folder / "model.safetensors").write_bytes(b"no weights"), "this run is damaged"),
        (lambda folder: (folder / "model.safetensors").unlink(), "this run is damaged"),
    ],
)
def test_damaged_and_foreign_runs(tiny_run, tmp_path, damage, words):
    folder = tiny_run.save(tmp_path / "run")
    damage(folder)
    with pytest.raises(RunError, match=words):
        umtn.load(folder)


def change(folder, **values):
    settings = json.loads((folder / "model.json").read_text())
    (folder / "model.json").write_text(json.dumps(settings | values))


# Measures


def test_the_spectral_distance_is_the_difference_in_level():
    noise = np.random.default_rng(0).normal(0, 0.1, RATE).astype(np.float32)
    assert umtn.spectral_distance(noise, noise) == 0
    assert umtn.spectral_distance(0.5 * noise, noise) == pytest.approx(20 * np.log10(2), abs=0.01)
    assert umtn.spectral_distance(np.zeros_like(noise), noise) > 30
    with pytest.raises(DatasetError, match="equal length, found 10 and 20 samples"):
        umtn.spectral_distance(np.ones(10), np.ones(20))
    with pytest.raises(DatasetError, match="silent"):
        umtn.spectral_distance(noise, np.zeros_like(noise))


def test_chroma_tells_notes_and_not_instruments():
    melody = np.concatenate([tone(frequency, 0.5) for frequency in (262, 330, 392, 440)])
    octave = np.concatenate([tone(2 * frequency, 0.5, 0.1) for frequency in (262, 330, 392, 440)])
    other = np.concatenate([tone(frequency, 0.5) for frequency in (440, 294, 349, 294)])
    assert umtn.chroma_correlation(octave, melody) > 0.9
    assert umtn.chroma_correlation(other, melody) < 0.3
    assert umtn.chroma_correlation(np.zeros_like(melody), melody) == 0


def test_the_baseline_takes_over_the_mean_spectrum():
    rng = np.random.default_rng(0)
    bright, dark = rng.normal(0, 0.1, 2 * RATE), np.cumsum(rng.normal(0, 0.01, 2 * RATE))
    dark = dark - np.convolve(dark, np.full(201, 1 / 201), mode="same")
    matched = umtn.match_spectrum(bright, dark)
    assert umtn.spectral_distance(matched, dark) < 0.6 * umtn.spectral_distance(bright, dark)


# The networks that come with musiclab


def test_pretrained_networks_are_small():
    files = list(PRETRAINED.rglob("*.safetensors"))
    assert {path.parent.name for path in files} == {"harmonic", "wavenet"}
    assert sum(path.stat().st_size for path in files) < 6e6


def test_a_pretrained_network_keeps_the_notes(tmp_path):
    ensembles = {name: umtn.ENSEMBLES[name] for name in ("Organ", "Solo_Piano")}
    folders = umtn.studio_domains(tmp_path, pieces=3, seconds=6, ensembles=ensembles, first=9000)
    scores = []
    for path in folders["Organ"].rglob("*.wav"):
        truth = load_audio(next(folders["Solo_Piano"].rglob(path.name)), RATE)[0]
        translated = umtn.translate("harmonic", path, "piano")[: len(truth)]
        scores.append((umtn.chroma_correlation(translated, truth), umtn.spectral_distance(translated, truth)))
    assert np.mean(scores, axis=0)[0] > 0.6


# Command line


@pytest.fixture(scope="module")
def domain_folders(tmp_path_factory):
    """Two preprocessed domains, with two pieces to train and one to validate with."""
    top = tmp_path_factory.mktemp("domains")
    for number, name in enumerate(("Solo_Piano", "Organ")):
        for part, frequencies in (("train", (220, 330)), ("val", (275,))):
            for frequency in frequencies:
                samples = np.round(32767 * tone(frequency * (number + 1))).astype(np.int16)
                umtn.write_h5(top / name / part / f"{frequency}.h5", samples)
    return [top / "Solo_Piano", top / "Organ"]


def test_the_commands_train_and_translate(command, domain_folders, tmp_path):
    options = ["--epochs", 1, "--epoch-len", 4, "--batch-size", 4, "--seq-len", 4000, "--device", "cpu"]
    ended = command("umtn", "train", *domain_folders, "--out", tmp_path / "run", *options, "--json")
    assert ended.status == 0, ended.err
    assert "harmonic for Solo_Piano, Organ, epoch 1, loss" in ended.out
    assert json.loads(ended.out.splitlines()[-1])["epoch"] == 1
    sounds = tmp_path / "sounds"
    sounds.mkdir()
    save_audio(sounds / "song.ogg", tone(440, 1.5), RATE)
    (sounds / "broken.wav").write_bytes(b"RIFF and nothing more")
    ended = command("umtn", "translate", tmp_path / "run", sounds, "--to", "organ", "--out", tmp_path / "out")
    assert ended.status == 1
    assert "broken.wav" in ended.err
    translated, rate = load_audio(tmp_path / "out" / "song-Organ.wav", None)
    assert (len(translated), rate) == (24000, RATE)


def test_everything_that_is_wrong_is_said_at_once(command, domain_folders, tmp_path):
    (tmp_path / "empty" / "train").mkdir(parents=True)
    ended = command("umtn", "train", tmp_path / "empty", domain_folders[0], "--out", tmp_path / "run", "--network", "x")
    assert ended.status == 2
    for words in ("a network", "empty/train", "empty/val"):
        assert words in ended.err
    ended = command("umtn", "train", domain_folders[0], "--out", tmp_path / "run")
    assert ended.status == 2
    assert "at least two different domains" in ended.err
    ended = command("umtn", "translate", tmp_path / "no-run", "song.wav", "--to", "organ")
    assert ended.status == 2
    assert "expected a folder written by musiclab umtn train, or one of harmonic" in ended.err


def test_a_diverging_loss_is_explained_with_the_files(command, domain_folders, tmp_path, monkeypatch):
    def broken(self, latents, clean, domain):
        return torch.full((len(clean),), torch.nan, requires_grad=True)

    monkeypatch.setattr(umtn.Translator, "reconstruction_loss", broken)
    options = ["--epoch-len", 8, "--batch-size", 8, "--seq-len", 4000, "--device", "cpu"]
    ended = command("umtn", "train", *domain_folders, "--out", tmp_path / "run", *options)
    assert ended.status == 2
    for folder in domain_folders:
        assert f"\n  {folder / 'train'}{os.sep}" in ended.err


def test_files_that_would_get_the_same_name_are_refused(command, tmp_path, monkeypatch):
    def never(*arguments, **settings):
        raise AssertionError("nothing may be computed")

    monkeypatch.setattr(umtn, "translate", never)
    a, b, c = (tmp_path / name for name in ("a/song.wav", "b/song.wav", "b/song.flac"))
    for path in (a, b, c):
        save_audio(path, tone(440, 0.1), RATE)
    ended = command("umtn", "translate", "harmonic", a, b, c, "--to", "piano", "--out", tmp_path / "out")
    target = tmp_path / "out" / "song-Solo_Piano.wav"
    assert ended.status == 2
    assert f"{target}: found 3 files that would be written to it ({a}, {b}, {c})." in ended.err
    ended = command("umtn", "translate", "harmonic", tmp_path / "b", "--to", "piano")
    assert ended.status == 2
    assert f"found 2 files that would be written to it ({c}, {b})." in ended.err


def test_translations_in_a_folder_are_left_out_but_not_if_they_are_named(command, tmp_path):
    sounds = tmp_path / "sounds"
    song, translation = save_audio(sounds / "song.wav", tone(440, 0.1), RATE), sounds / "song-Solo_Piano.wav"
    for target in ("piano", "organ", "piano"):
        ended = command("umtn", "translate", "harmonic", sounds, song, "--to", target)
        assert ended.status == 0, ended.err
    assert f"{sounds}: 2 translations left out, such as song-Organ.wav" in ended.err
    assert ended.out.splitlines() == [str(translation)]
    ended = command("umtn", "translate", "harmonic", translation, "--to", "organ")
    assert ended.out.splitlines() == [str(sounds / "song-Solo_Piano-Organ.wav")]
    assert "left out" not in ended.err


def test_files_of_another_rate_are_refused(domain_folders, tmp_path):
    umtn.write_h5(tmp_path / "fast" / "train" / "a.h5", np.zeros(20000, np.int16), sample_rate=22050)
    with pytest.raises(MusiclabError, match="fast/train: expected files at 16000 Hz, found 22050 Hz"):
        umtn.SegmentPairs.of_folders([domain_folders[0], tmp_path / "fast"], "train", 4000)


def test_domains_are_generated(command, tmp_path):
    ended = command(
        "umtn", "studio", "-o", tmp_path / "wav", "--pieces", 3, "--seconds", 1, "--train", 0.4, "--val", 0.3
    )
    assert ended.status == 0, ended.err
    assert "3 pieces for each of Solo_Piano, String_Quartet, Organ, Plucked_Guitar" in ended.out
    assert len(list((tmp_path / "wav" / "Organ").rglob("*.wav"))) == 3
