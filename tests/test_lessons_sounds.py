"""Exercises of lessons 01 to 03: right answers, and what usual slips are told."""

import re
from pathlib import Path

import librosa
import numpy as np
import pytest
import torch
from conftest import sine
from lesson_cases import check_right, check_wrong

from musiclab import features, studio
from musiclab.audio import save_audio
from musiclab.lessons import sounds

# Lesson 01


SECOND = np.arange(22050) / 22050


def test_bytes_are_those_of_a_file(tmp_path):
    written = save_audio(tmp_path / "clip.wav", np.zeros(30 * 22050, np.float32), 22050).stat().st_size
    assert "1.32 GB" in check_right("01.1", written - 44)
    check_wrong("01.1", written, "header", hidden=("1323000",))


@pytest.mark.parametrize(
    ("answer", "words"), [(661_500, "half"), (10_584_000, "bits"), (1.323, "unit"), ("x", "string")]
)
def test_other_sizes_of_a_clip_are_told(answer, words):
    check_wrong("01.1", answer, words, hidden=("1323000",))


def test_tones_are_heard_where_a_spectrum_shows_them():
    heard = []
    for hertz in (5000, 10000, 20000):
        kept = np.cos(2 * np.pi * hertz * np.arange(44100) / 44100)[::5]
        heard.append(int(np.abs(np.fft.rfft(kept)).argmax()))  # of 1 s: line k is k Hz
    check_right("01.2", heard)
    check_wrong("01.2", [5000 - 8820, *heard[1:]], "5,000 Hz: a frequency is never negative", hidden=(3820,))
    check_wrong(
        "01.2", [5000, 10000 - 8820, 20000 - 8820], "5,000 Hz", "20,000 Hz", "cannot represent", hidden=(3820, 2360)
    )
    check_wrong("01.2", sorted(heard), "not their order")
    check_wrong("01.2", ["x", *heard[1:]], "5,000 Hz: expected a number")
    check_wrong("01.2", 3820, "expected 3 numbers")
    check_wrong("01.2", [590, *heard[1:]], "not of half of it", hidden=(3820,))
    check_wrong("01.2", [4410, 4410, 4410], "folds back", hidden=(3820, 1180, 2360))


def test_the_envelope_falls_by_60_decibels():
    rate = np.log(1000) / 1.5  # 60 dB are a factor of a thousand
    np.testing.assert_allclose(20 * np.log10(np.exp(-rate * 1.5)), -60)
    check_right("01.3", rate)
    check_wrong("01.3", -rate, "The minus is already in exp(-c t)", hidden=("4.6",))
    check_wrong("01.3", 60 / 1.5, "dB per second", hidden=("4.6",))
    check_right("01.3", 4.6)
    check_wrong("01.3", 2 * rate, "60 dB for a power", hidden=("4.6",))  # 10 log10 for an amplitude
    check_wrong("01.3", 3 / 1.5, "natural logarithm", hidden=("4.6",))
    check_wrong("01.3", 1.5 * rate, "this is for 1 s", hidden=("4.6",))
    check_wrong("01.3", rate * 1.5**2, "too large", hidden=("4.6",))


@pytest.fixture
def song():
    voice, left, right = (0.3 * np.sin(2 * np.pi * hertz * SECOND) for hertz in (440, 300, 500))
    return np.stack([voice + left, voice + right])


def test_the_voice_is_gone_and_the_instruments_are_not(song):
    assert "voice is gone" in check_right("01.4", song[0] - song[1], song=song)
    assert "80 dB below" in check_right("01.4", song[0] - 0.9999 * song[1], song=song)
    check_right("01.4", (song[1] - song[0]) / 2, song=song)
    check_wrong("01.4", song.mean(axis=0), "as loud", song=song)
    check_wrong("01.4", song[0] - 0.9 * song[1], "20 dB below", song=song)
    check_wrong("01.4", 0 * song[0], "both instruments", song=song)
    check_wrong("01.4", 0.3 * np.sin(2 * np.pi * 300 * SECOND), "an instrument is gone", song=song)
    check_wrong("01.4", (song[0] - song[1]) ** 3, "frequencies that the song does not have", song=song)
    check_wrong("01.4", song, "(2, 22050)", song=song)
    check_wrong("01.4", song[0] * np.nan, "not finite", song=song)
    check_wrong("01.4", "song", "is a string", song=song)


def dithered(width: float, amplitude: float = 0.2) -> np.ndarray:
    """The tone of exercise 5 in 2 bits, with even noise of ``width`` either way before the rounding."""
    tone = amplitude * np.sin(2 * np.pi * 220 * SECOND)
    noise = np.random.default_rng(0).uniform(-width, width, len(tone))
    return np.clip(np.round((tone + noise) * 2), -2, 1) / 2


def test_noise_as_wide_as_a_step_keeps_the_tone():
    check_right("01.5", dithered(0.25))
    check_right("01.5", dithered(0.5))  # two steps
    check_wrong("01.5", dithered(0.0), "every sample was rounded to 0")
    check_wrong("01.5", dithered(0.1), "is your noise too narrow")
    check_wrong("01.5", dithered(0.3), "rounding still distorts the tone")
    check_wrong("01.5", dithered(0.4), "too strong")
    check_wrong("01.5", dithered(0.6), "too weak: your noise is wider than two steps")
    check_wrong("01.5", dithered(1.0), "too weak: your noise is wider than two steps")
    check_wrong("01.5", dithered(0.25, amplitude=0.4), "too strong")
    check_wrong("01.5", 0.2 * np.sin(2 * np.pi * 220 * SECOND), "round last")
    check_wrong("01.5", dithered(0.25)[:100], "(22050,)")
    check_wrong("01.5", dithered(0.22), "rounding still distorts the tone")


@pytest.mark.parametrize("seed", range(10))
def test_other_noise_may_keep_the_tone_as_well(seed):
    rng = np.random.default_rng(seed)
    steps = rng.uniform(-0.25, 0.25, (2, len(SECOND)))
    for noise in (steps.sum(axis=0), rng.normal(0, 0.25, len(SECOND))):
        noisy = 0.2 * np.sin(2 * np.pi * 220 * SECOND) + noise
        check_right("01.5", np.clip(np.round(noisy * 2), -2, 1) / 2)


@pytest.mark.parametrize(("low", "high"), [(0, 0.5), (-0.5, 0), (0, 0.25), (-0.2, 0.3), (-0.7, 0)])
def test_noise_that_is_not_centred_is_told(low, high):
    noise = np.random.default_rng(0).uniform(low, high, len(SECOND))
    noisy = 0.2 * np.sin(2 * np.pi * 220 * SECOND) + noise
    check_wrong("01.5", np.clip(np.round(noisy * 2), -2, 1) / 2, "not centred on 0")


@pytest.mark.parametrize("number", [-0.24, -0.1, 0.07, 0.2])
def test_one_number_for_all_samples_is_no_noise(number):
    moved = 0.2 * np.sin(2 * np.pi * 220 * SECOND) + number
    check_wrong("01.5", np.clip(np.round(moved * 2), -2, 1) / 2, "Draw one for each")


# Lesson 02


def test_settings_are_those_of_a_spectrogram():
    hertz = librosa.fft_frequencies(sr=22050, n_fft=2048)[1]
    frames = librosa.stft(np.zeros(30 * 22050), n_fft=2048, hop_length=512).shape[1]
    check_right("02.1", (hertz, 1000 / hertz, frames))
    check_wrong("02.1", (hertz, 1 / hertz, frames), "ms: your answer is a thousand times too small", hidden=("92.",))
    check_wrong("02.1", (hertz, 1000 / hertz, frames - 1), "frames: your answer is off by one", hidden=(1292,))
    check_wrong(
        "02.1", (2 * hertz, 1000 / hertz, 30 * 22050 / 512), "Hz: your answer is twice", "frames", hidden=(1292, "10.7")
    )
    check_right("02.1", {"Hz": 10.8, "ms": 93, "frames": float(frames)})
    for rounded in (11, 10.7):
        check_wrong(
            "02.1", (rounded, 93, frames), "Hz: not precise enough; give at least three digits", hidden=("10.77",)
        )
    check_wrong("02.1", (10.8, 92, frames), "ms: not precise enough", hidden=("92.",))
    inside = librosa.stft(np.zeros(30 * 22050), n_fft=2048, hop_length=512, center=False).shape[1]
    check_wrong("02.1", (10.8, 93, inside), "frames: these are the frames without the zeros", hidden=(1292,))
    check_wrong("02.1", (1000 / hertz, hertz, frames), "in another order", hidden=(1292, "10.7"))
    check_wrong("02.1", (10.8, 93, 30 * 22050 / 512), "frames: a count is a whole number", hidden=(1292,))
    check_wrong("02.1", (10.8, 93, np.nan), "frames: expected a finite number")


def test_decibels_are_those_of_a_measured_tone():
    loud, quiet = (np.abs(np.fft.rfft(level * sine(440.0))).max() for level in (1, 0.25))
    change = 10 * np.log10(quiet**2 / loud**2)
    check_right("02.2", (change, 10 * np.log10(quiet / loud)))
    check_right("02.2", {"true change": -12, "reported change": -6})
    check_wrong("02.2", (-change, change / 2), "true change: the sign", hidden=("12.0",))
    check_wrong("02.2", (change, change), "reported change: your answer is twice", hidden=("6.0",))
    check_wrong("02.2", (-6, -12), "swapped")
    check_wrong("02.2", np.array([-6.02, -12.04]), "swapped")


def test_the_shortest_window_that_shows_two_lines():
    check_right("02.3", 4096)
    check_right("02.3", np.int64(4096))
    for answer, words in ((2048, "frame is too short"), (16, "too short"), (8192, "longer"), (3000, "power of two")):
        check_wrong("02.3", answer, words, hidden=(4096, "half", "twice"))  # "half" would be the answer
    check_wrong("02.3", 2**40, "power of two")
    check_wrong("02.3", "long", "expected a number, but your answer is a string")


@pytest.mark.parametrize("n_fft", [1024, 4096])
def test_the_dip_is_the_one_between_the_lines(n_fft):
    # the main lobe is four bins wide: the two stand clear of each other when 26.16 Hz are four bins or more
    assert (sounds.least_dip(n_fft) > 10) == (4 * 22050 / n_fft < 26.16)


def test_as_many_bands_as_the_window_carries():
    assert sounds.empty_bands(153) == 0 < sounds.empty_bands(154)
    assert "with 154 bands, 1 of them would be empty" in check_right("02.4", 153)
    assert sounds.empty_bands(93, htk=True) == 0 < sounds.empty_bands(94, htk=True)
    check_wrong("02.4", 93, "htk scale", hidden=(153,))
    check_wrong("02.4", 100, "too small", hidden=(153,))
    check_wrong("02.4", 306, "too large", "empty", hidden=(153, "twice"))
    check_wrong("02.4", 153.5, "too large: 1 of these bands", hidden=(153,))
    check_wrong("02.4", 1e9, "far too large", hidden=(153,))
    check_wrong("02.4", "many", "a string")


@pytest.fixture(scope="module")
def music():
    rng = np.random.default_rng(1)
    return (sine(440.0) + sine(523.0) * np.linspace(1, 0, 22050) + 0.02 * rng.standard_normal(22050)).astype(np.float32)


def magnitudes(sound: np.ndarray) -> np.ndarray:
    return np.abs(librosa.stft(sound, n_fft=1024, hop_length=256))


def search(target: np.ndarray, length: int, rounds: int) -> np.ndarray:
    """The Griffin-Lim algorithm as exercise 5 describes it."""
    phases = np.exp(1j * np.random.default_rng(0).uniform(0, 2 * np.pi, target.shape))
    for _ in range(rounds):
        sound = librosa.istft(target * phases, hop_length=256, length=length)
        spectrum = librosa.stft(sound, n_fft=1024, hop_length=256)
        phases = spectrum / np.abs(spectrum)
    return sound


def test_phases_are_found_by_going_there_and_back(music):
    target = magnitudes(music)
    found = librosa.griffinlim(target, n_iter=60, hop_length=256, n_fft=1024, length=22050, init=None)
    assert "dB" in check_right("02.5", found, target=target)
    check_right("02.5", found[None], target=target)
    check_wrong("02.5", search(target, 22050, rounds=1), "aim: below -15", target=target)
    check_wrong("02.5", 0.5 * found, "the volume is off: multiplied by 2.0", target=target)
    check_wrong("02.5", 2 * found, "the volume is off: multiplied by 0.50", target=target)
    check_wrong("02.5", 0 * found, "aim: below -15", target=target)
    check_wrong("02.5", search(0 * target + 1, 22050, rounds=3), "multiply target by them", target=target)
    check_wrong("02.5", music, "the music itself", target=target)
    check_wrong("02.5", music[:-300], "as long as the music", target=target)
    check_wrong("02.5", target, "as long as the music", target=target)
    check_wrong("02.5", music * np.nan, "finite", target=target)
    check_wrong("02.5", found.astype(complex), "expected real samples", target=target)


@pytest.fixture(scope="module")
def jazz():
    path = Path(__file__).parents[1] / "notebooks" / "02_spectrograms_and_mels.ipynb"
    genre, seed, seconds = re.search(
        r'render\(\\"(\w+)\\", seed=(\d+), seconds=(\d+)\)', path.read_text("utf-8")
    ).groups()
    return studio.render(genre, seed=int(seed), seconds=int(seconds)).waveform


def test_phases_of_the_lessons_music_are_found(jazz):
    target = magnitudes(jazz)
    context = {"target": target}
    check_wrong("02.5", search(target, len(jazz), rounds=20), "not good enough yet", "a few more rounds", **context)
    check_right("02.5", search(target, len(jazz), rounds=60), **context)
    check_right("02.5", librosa.griffinlim(target, hop_length=256, length=len(jazz), init=None), **context)
    angles = np.random.default_rng(0).uniform(0, 2 * np.pi, target.shape)
    for _ in range(60):
        sound = librosa.istft(target * angles, hop_length=256, length=len(jazz))
        angles = np.angle(librosa.stft(sound, n_fft=1024, hop_length=256))
    check_wrong("02.5", sound, "not angles", **context)


@pytest.mark.parametrize("shift", [0, 1, 50, -100])
def test_copies_of_the_lessons_music_are_rejected(jazz, shift):
    copy = np.roll(jazz, shift)
    check_wrong("02.5", copy, "the music itself", target=magnitudes(jazz))
    check_wrong("02.5", -copy, "the music itself", target=magnitudes(jazz))
    noise = np.random.default_rng(0).normal(0, 0.003, len(copy)).astype(np.float32)
    check_wrong("02.5", copy + noise, "the music itself", target=magnitudes(jazz))
    check_wrong("02.5", copy[::-1], "not good enough yet", target=magnitudes(jazz))


# Lesson 03


def test_the_shape_of_two_tones_is_the_measured_one():
    sound = sine(500.0, amplitude=0.3) + sine(2000.0, amplitude=0.1)
    measures = (features.spectral_centroid, features.spectral_bandwidth, features.spectral_rolloff)
    check_right("03.1", [float(measure(sound)[0, 20]) for measure in measures])
    check_wrong("03.1", (650, 649.5, 2000), "Weight by the magnitude", hidden=("875",))
    check_wrong(
        "03.1", (0.875, 0.6495, 2), "centroid: your answer is a thousand times too small", hidden=("875", "649", "2000")
    )
    check_wrong("03.1", (649.5, 875, 2000), "in another order", hidden=("power",))
    check_wrong("03.1", (875, 649.5, 500), "rolloff: up to 500 Hz", "75 %", hidden=("2000", "quarter"))


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        ((650, 450, 500), ("centroid: you weighted by", "bandwidth: you weighted by", "rolloff: up to")),
        ((1250, 750, 2000), ("centroid: weight each", "bandwidth: weight each")),
        ((875, 750, 2000), ("bandwidth: weight each", "divide by the sum of the magnitudes")),  # divided by 4 - 1
        ((875, 562.5, 2000), ("bandwidth: this is the mean distance",)),
        ((875, 421_875, 2000), ("bandwidth: this is the variance",)),
    ],
)
def test_other_shapes_of_two_tones_are_explained(answer, words):
    check_wrong("03.1", answer, *words, hidden=("649",))


def test_a_tilt_goes_into_the_mfcc_as_it_does_by_librosa():
    before = np.random.default_rng(0).uniform(-40, 0, (128, 1))  # dB: any sound
    change = librosa.feature.mfcc(S=before + np.linspace(0, 10, 128)[:, None]) - librosa.feature.mfcc(S=before)
    check_right("03.2", change[:3, 0])
    check_wrong("03.2", -change[:3, 0], "MFCC 0: the sign", "MFCC 1: the sign", hidden=("56.", "32."))
    m = np.arange(128)
    bare = [(np.linspace(0, 10, 128) * np.cos(np.pi * k * (m + 0.5) / 128)).sum() for k in range(3)]
    check_wrong("03.2", bare, "factor in front", hidden=("56.", "32."))
    check_wrong("03.2", np.array(bare) / 128, "factor in front", hidden=("56.", "32."))
    check_wrong("03.2", 2 * np.array(bare), "0: the factor", "1: the factor", hidden=("56.", "32."))  # scipy's
    check_wrong("03.2", np.sqrt(2 / 128) * np.array(bare), "MFCC 0: s_0 differs", hidden=("56.", "32."))
    without_half = [np.sqrt(2 / 128) * (np.linspace(0, 10, 128) * np.cos(np.pi * k * m / 128)).sum() for k in range(3)]
    check_wrong("03.2", [change[0, 0], *without_half[1:]], "MFCC 1: the cosine has m + 1/2", "MFCC 2: the cosine")
    check_right("03.2", change[:3])  # shape (3, 1)
    check_wrong("03.2", change[:, 0], "expected 3 numbers (MFCC 0, MFCC 1, MFCC 2)", "has 20")
    check_wrong("03.2", (change[0, 0], change[1, 0], 3.0), "MFCC 2")
    check_wrong("03.2", (change[0, 0], 0, 0), "MFCC 1: one falls from the lowest band", hidden=("32.",))


def test_deltas_are_the_slopes_of_nine_frames():
    coefficients = np.random.default_rng(0).normal(0, 20, (20, 40)).cumsum(axis=1).astype(np.float32)
    windows = np.lib.stride_tricks.sliding_window_view(coefficients, 9, axis=1)
    slopes = windows @ np.arange(-4, 5) / 60
    context = {"coefficients": coefficients}
    check_right("03.3", slopes, **context)
    check_wrong("03.3", -slopes, "sign", **context)
    check_wrong("03.3", 2 * slopes, "twice", **context)
    check_wrong("03.3", slopes.T, "transpose", **context)
    check_wrong("03.3", features.delta(coefficients), "four neighbours", **context)
    check_wrong("03.3", np.gradient(coefficients, axis=1)[:, 4:-4], "three frames", **context)
    check_wrong("03.3", (coefficients[:, 8:] - coefficients[:, :-8]) / 8, "two of the nine", **context)
    for difference in (np.diff(coefficients)[:, 3:-4], np.diff(coefficients)[:, 4:-3]):
        check_wrong("03.3", difference, "two of the nine", **context)
    for divisor in (1, 8, 9):
        check_wrong("03.3", 60 * slopes / divisor, "divide by the sum of t**2", **context)
    eight = windows[..., :8] @ np.arange(-4, 4)
    from_0, positive = windows @ np.arange(9), windows @ np.abs(np.arange(-4, 5))
    for wrong, words in [(eight / 44, "stops at 3"), (eight / 60, "stops at 3"), (from_0 / 60, "0 to 8")]:
        check_wrong("03.3", wrong, words, **context)
    check_wrong("03.3", from_0 / 204, "0 to 8", **context)
    check_wrong("03.3", positive / 60, "t is negative", **context)
    check_wrong("03.3", slopes * 22050 / 512, "slope per second", **context)
    check_wrong("03.3", slopes + coefficients[:, 4:-4], "elements differ", **context)
    check_wrong("03.3", "slopes", "a string", **context)


def test_flatness_is_that_of_the_power():
    rng = np.random.default_rng(0)
    spectra = {"noise": np.abs(rng.normal(size=(100, 30))), "tone": 10.0 ** rng.uniform(-4, 1, (100, 30))}
    truth = {}
    for name, magnitude in spectra.items():
        power = np.maximum(magnitude**2, 1e-10)
        truth[name] = np.exp(np.log(power).mean(axis=0)) / power.mean(axis=0)
    check_right("03.4", truth, spectra=spectra)
    of_magnitude = {name: librosa.feature.spectral_flatness(S=each, power=1.0)[0] for name, each in spectra.items()}
    check_wrong("03.4", of_magnitude, "noise: this is the flatness of the magnitude", spectra=spectra)
    check_wrong("03.4", {"noise": truth["noise"], "tone": 2 * truth["tone"]}, "tone: every element", spectra=spectra)
    check_wrong("03.4", {"noise": truth["noise"]}, "noise, tone", spectra=spectra)
    check_wrong("03.4", truth["noise"], "dictionary", spectra=spectra)
    check_wrong("03.4", {**truth, "tone": truth["tone"][:-1]}, "expected shape (30,)", spectra=spectra)
    check_wrong("03.4", {**truth, "tone": "tone"}, "tone: expected an array of numbers", spectra=spectra)
    check_right("03.4", {name: values.tolist() for name, values in truth.items()}, spectra=spectra)
    by_librosa = {name: librosa.feature.spectral_flatness(S=magnitude) for name, magnitude in spectra.items()}
    check_right("03.4", by_librosa, spectra=spectra)  # shape (1, 30)


FLATNESS_SLIPS = {
    "upside down": lambda power: power.mean(axis=0) / np.exp(np.log(power).mean(axis=0)),
    "logarithm of the power": lambda power: np.exp(np.log(np.sqrt(power)).mean(axis=0)) / power.mean(axis=0),
    "not decibels": lambda power: 10 * np.log10(np.exp(np.log(power).mean(axis=0)) / power.mean(axis=0)),
    "np.exp undoes np.log": lambda power: np.exp(np.log10(power).mean(axis=0)) / power.mean(axis=0),
    "10 ** undoes np.log10": lambda power: 10 ** np.log(power).mean(axis=0) / power.mean(axis=0),
    "Replace only": lambda power: np.exp(np.log(power**1e-10).mean(axis=0)) / (power**1e-10).mean(axis=0),
    "too small or too large": lambda power: np.prod(power, axis=0) ** (1 / len(power)) / power.mean(axis=0),
    "axis 0": lambda power: np.exp(np.log(power).mean(axis=1)) / power.mean(axis=1),
    "elements differ": lambda power: np.linspace(0.2, 0.3, power.shape[1]),
}


@pytest.mark.parametrize("words", FLATNESS_SLIPS)
def test_other_flatnesses_are_explained(words):
    rng = np.random.default_rng(0)
    spectra = {name: (scale * rng.random((400, 30))).astype(np.float32) for name, scale in (("a", 0.5), ("b", 2.0))}
    answer = {name: FLATNESS_SLIPS[words](magnitude**2) for name, magnitude in spectra.items()}
    check_wrong("03.4", answer, "a: ", "b: ", words, spectra=spectra)


def test_swapped_sounds_are_noticed():
    rng = np.random.default_rng(0)
    spectra = {"noise": rng.random((100, 30)), "tone": 10.0 ** rng.uniform(-4, 1, (100, 30))}
    noise, tone = (librosa.feature.spectral_flatness(S=magnitude)[0] for magnitude in spectra.values())
    check_wrong("03.4", {"noise": tone, "tone": noise}, "noise: this is", "tone: this is", "swap", spectra=spectra)


@pytest.fixture
def table():
    """A table in which F prefers three columns that say the same, while two others separate what they leave alone."""
    rng = np.random.default_rng(0)
    label = np.repeat(np.arange(4), 30)
    group = np.arange(120) // 3
    first, second = label // 2, label % 2
    loud = first + rng.normal(0, 0.25, (3, 120))
    columns = np.stack([*loud, second + rng.normal(0, 0.3, 120), rng.normal(size=120)], axis=1)
    Z = (columns - columns.mean(axis=0)) / columns.std(axis=0)
    return {"Z": Z, "names": ["a", "b", "c", "d", "e"], "label": label.astype(str), "group": group}


def test_three_features_beat_those_with_the_highest_f(table):
    words = check_right("03.5", ("a", "b", "d"), **table)
    assert "of 120 clips; by F" in words
    assert "points better (95 % interval +" in words
    assert "too good to be true" in words
    check_wrong("03.5", ("a", "b", "e"), "not better yet", "by F", hidden=("too good", "points better"), **table)
    check_wrong("03.5", ("c", "b", "a"), "the three with the highest F", **table)
    check_wrong("03.5", ("a", "b", "b"), "three different names of features, found 2", **table)
    check_wrong("03.5", "abd", "three names of features", "a string", **table)
    check_wrong("03.5", 3, "three names of features", "a number", **table)
    check_wrong("03.5", [[1], 2, 3], "no feature named '[1]'", **table)
    check_wrong("03.5", ("a", "b", "dd"), "no feature named 'dd'", **table)


def test_features_may_be_named_as_in_the_text(table):
    named = {**table, "names": ["rms", "zero_crossing_rate", "c", "mfcc_2", "e"]}
    check_right("03.5", ("RMS", "zero-crossing rate", "MFCC 2"), **named)
    check_right("03.5", np.array(["rms", "c", "MFCC_2"]), **named)


@pytest.mark.parametrize(("noise", "may_be_chance"), [(0.0, False), (0.8, False), (1.5, True)])
def test_a_lead_is_judged_by_the_interval_of_the_difference(table, noise, may_be_chance):
    noisy = table["Z"].copy()
    noisy[:, 3] += noise * np.random.default_rng(1).normal(size=120)  # with 0.8, only the accuracies' intervals overlap
    words = check_right("03.5", ("a", "b", "d"), **{**table, "Z": noisy})
    assert ("may be chance" in words) == may_be_chance
    assert ("interval -" in words) == may_be_chance


def test_dither_without_the_tone_is_named():
    for seed in range(5):
        noise = np.random.default_rng(seed).normal(0, 0.25, 22050)
        check_wrong("01.5", np.clip(np.round(noise / 0.5) * 0.5, -1, 0.5), "Is the noise added to `tone`")


def test_complex_samples_are_named():
    song = np.sin(np.arange(22050))[None].repeat(2, axis=0)
    check_wrong("01.4", np.fft.ifft(np.fft.fft(song[0])), "Take the real part", song=song)
    check_wrong("01.5", np.zeros(22050, bool), "values of type bool")


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (np.array([3820, 1180]), "your answer has 2"),
        (torch.tensor([3820.0, 1180.0]), "your answer has 2"),
        (np.ones((2, 3)), "has the shape (2, 3)"),
        (torch.tensor([5000, 1180, 2360]), "8,820 samples per second"),
    ],
)
def test_arrays_and_tensors_get_the_hints_of_lists(answer, words):
    check_wrong("01.2", answer, words)
    check_right("01.2", np.array([[3820, 1180, 2360]]))
    check_right("01.2", torch.tensor([[3820], [1180], [2360]]))


def test_the_mean_of_the_tilt_is_named():
    check_wrong("03.2", (5, -32.7, 0), "√128 times the mean")


def test_flatness_of_nothing_and_of_negative_decibels():
    spectra = {"trio": np.random.default_rng(0).random((50, 7)) + 0.1}
    check_wrong("03.4", {"trio": None}, "no answer yet", spectra=spectra)
    check_wrong("03.4", {"trio": np.full(7, np.nan)}, "the logarithm of a negative number", spectra=spectra)
