"""What the studio is built of: theory, patterns, tones, drums and the desk, against known answers."""

import math
from dataclasses import replace

import numpy as np
import pytest

from musiclab.core.random import stream
from musiclab.studio import GENRES, artists, mixing, patterns, stems
from musiclab.studio.artist import in_session
from musiclab.studio.drums import KITS, hit
from musiclab.studio.genre import SOUND
from musiclab.studio.instruments import INSTRUMENTS
from musiclab.studio.parts import LOUD
from musiclab.studio.performance import swung
from musiclab.studio.synthesis import SAMPLE_RATE, Plucked, Struck, Sustained
from musiclab.studio.theory import Chord, nearest, parse_chord, parse_progression, voice
from musiclab.studio.voices import VOICES, VOWELS, Voice, _vowel_cycle

PIECES = (
    "kick",
    "snare",
    "rim",
    "clap",
    "hat",
    "open hat",
    "ride",
    "crash",
    "shaker",
    "high tom",
    "mid tom",
    "low tom",
)


def spectrum(tone):
    """Power and frequencies, with a window that has no side lobes to speak of."""
    window = np.blackman(len(tone))
    return np.abs(np.fft.rfft(tone * window, 4 * len(tone))) ** 2, np.fft.rfftfreq(4 * len(tone), 1 / SAMPLE_RATE)


def test_streams_are_independent_of_each_other():
    assert stream(3, "key").random() == stream(3, "key").random()
    draws = {stream(seed, name).random() for seed in range(5) for name in ("key", "tempo", "swing")}
    assert len(draws) == 15


def test_roman_numerals_in_c_minor():
    bars = parse_progression("i | bVI | bVII V7 | iihdim7")
    assert [[chord.name for chord in bar] for bar in bars] == [["C:min"], ["Ab:maj"], ["Bb:maj", "G:7"], ["D:hdim7"]]


def test_voice_leading_moves_less_than_root_position_would():
    chords = [parse_chord(numeral) for numeral in ("I", "vi", "IV", "V", "I")]
    previous, moved = voice(chords[0], "close", 60), 0
    for chord in chords[1:]:
        pitches = voice(chord, "close", 60, previous)
        assert {pitch % 12 for pitch in pitches} == set(chord.pitch_classes)
        moved += sum(abs(a - b) for a, b in zip(pitches, previous, strict=True))
        previous = pitches
    assert moved <= 20  # in root position the four changes take 9 + 12 + 6 + 15 semitones or so


def test_voicings():
    assert voice(Chord(4, "min"), "power", 46) == [40, 47, 52]
    shell = voice(Chord(2, "min7"), "shell", 57)
    assert {pitch % 12 for pitch in shell} == {5, 9, 0}
    opened = voice(Chord(0, "maj"), "open", 60)
    assert opened[-1] - opened[0] > 12


@pytest.mark.parametrize(("pitch", "expected"), [(60, 60), (61, 60), (62, 60), (63, 64), (66, 67)])
def test_nearest_chord_tone(pitch, expected):
    assert nearest(pitch, (0, 4, 7)) in (expected, 2 * pitch - expected)


def test_every_pattern_can_be_read():
    for groove in patterns.DRUMS.values():
        assert set(groove) <= set(PIECES)
        assert set("".join(groove.values())) <= set("Xxo. ")
    assert set("".join(patterns.BASS.values())) <= set("135678a-. ")
    assert set("".join(patterns.COMPING.values())) <= set("1234-. ") | set(LOUD)
    for cells in patterns.MELODIES.values():
        assert len(cells) >= 2
        assert set("".join(cells)) <= set("x-. ")
    lengths = {len(patterns.steps(line)) for groove in patterns.DRUMS.values() for line in groove.values()}
    assert lengths <= {12, 16}


def test_swing_moves_off_beats_and_leaves_triplets():
    assert swung(1.5, 0.66, 0.5) == pytest.approx(1.66)
    assert swung(1.25, 0.66, 0.25) == pytest.approx(1.33)
    assert swung(1 + 1 / 3, 0.66, 0.5) == pytest.approx(1 + 1 / 3)
    assert [swung(beat / 4, 0.5, 0.5) for beat in range(8)] == [beat / 4 for beat in range(8)]


@pytest.mark.parametrize("instrument", [Plucked(), Struck(), Sustained()])
@pytest.mark.parametrize("frequency", [82.41, 440.0, 1318.5])
def test_tones_are_in_tune(instrument, frequency):
    power, hertz = spectrum(instrument.tone(frequency, 1.0)[: SAMPLE_RATE // 2])
    near = np.abs(hertz / frequency - 1) < 0.03
    strongest = hertz[near][power[near].argmax()]
    assert abs(1200 * np.log2(strongest / frequency)) < 5  # cents


@pytest.mark.parametrize("instrument", [Plucked(), Struck(), Sustained()])
def test_nothing_aliases(instrument):
    frequency = 1318.5
    tone = instrument.tone(frequency, 1.0, brightness=1.5)[200:-3000]
    power, hertz = spectrum(tone)
    between = np.abs(hertz / frequency - np.round(hertz / frequency)) > 0.1
    assert 10 * np.log10(power[between].max() / power.max()) < -50


def test_a_plucked_string_decays_as_asked():
    tone = Plucked(ring=2.0, damping=0.0).tone(220.0, 2.0)
    levels = [np.std(tone[int(at * SAMPLE_RATE) :][:2000]) for at in (0.2, 1.2)]
    assert 20 * np.log10(levels[0] / levels[1]) == pytest.approx(30, abs=2)  # 60 dB in 2 s


@pytest.mark.parametrize("name", INSTRUMENTS)
def test_instruments_are_level_bounded_and_end_in_silence(name):
    for pitch in (33, 60, 84):
        note = INSTRUMENTS[name].play(pitch, 0.4)
        assert note.dtype == np.float32
        assert np.isfinite(note).all()
        assert 0.1 < np.sqrt(np.mean(note[: SAMPLE_RATE // 5] ** 2)) < 0.4
        assert abs(note[0]) < 0.01
        assert abs(note[-1]) < 0.01


def test_a_note_does_not_swell_before_its_end():
    for name in ("upright bass", "banjo", "nylon guitar", "piano"):
        note = INSTRUMENTS[name].play(40, 1.5)
        eighths = [np.std(part) for part in np.array_split(note, 8)]
        assert eighths[-1] < 0.1 * eighths[0]


@pytest.mark.parametrize("kit", KITS)
def test_drums(kit):
    for piece in PIECES:
        sound = hit(piece, KITS[kit])
        assert np.isfinite(sound).all()
        assert 0.02 < np.abs(sound).max() < 1.5
        assert np.abs(sound[-50:]).max() < 0.02
    power, hertz = spectrum(hit("kick", KITS[kit]))
    assert hertz[power.argmax()] < 120
    power, hertz = spectrum(hit("hat", KITS[kit]))
    assert hertz[power.argmax()] > 3000
    assert not np.array_equal(hit("snare", KITS[kit], take=0), hit("snare", KITS[kit], take=1))


def test_the_amplifier_adds_harmonics_and_no_others():
    time = np.arange(SAMPLE_RATE) / SAMPLE_RATE
    clean = (0.3 * np.sin(2 * np.pi * 440 * time)).astype(np.float32)
    power, hertz = spectrum(mixing.amplifier(clean, 9.0)[2000:-2000])
    harmonic = np.abs(hertz / 440 - np.round(hertz / 440)) < 0.05
    assert power[np.abs(hertz - 1320) < 20].max() > 1e-2 * power.max()
    assert 10 * np.log10(power[~harmonic].max() / power.max()) < -40


@pytest.mark.parametrize("pitch", [50, 62])
def test_a_singer_hits_the_note_in_any_octave(pitch):
    """Notes are moved by octaves to the register of the voice, so D3 and D4 are both D4 here."""
    voice = Voice(62, vibrato=0.0)
    tone = voice.sing([(0.2, 1.0, pitch, 1.0)], SAMPLE_RATE, 0.0, 1.0, seed=1)[SAMPLE_RATE // 2 :]
    power, hertz = spectrum(tone)
    d4 = 440 * 2 ** ((62 - 69) / 12)
    harmonic = np.abs(hertz / d4 - np.round(hertz / d4)) < 0.1
    assert power[harmonic & (hertz > 100)].sum() > 5 * power[~harmonic & (hertz > 100)].sum()
    near = np.abs(hertz / d4 - 1) < 0.1
    assert abs(12 * np.log2(hertz[near][power[near].argmax()] / d4)) < 0.4  # semitones: nobody sings perfectly


def test_a_low_voice_has_the_formants_of_its_vowel():
    for vowel in ("i", "a", "u"):
        amplitudes = np.abs(np.fft.rfft(_vowel_cycle(vowel, 36, 1.0, 0.0, 1.0)[:-1]))  # partials of C2, 65 Hz apart
        first = amplitudes[: round(1000 / 65.4)].argmax() * 65.4
        assert abs(first - VOWELS[vowel][0]) < 70


@pytest.mark.parametrize("name", VOICES)
def test_voices_are_finite_and_silent_when_they_rest(name):
    notes = [(0.3 * index, 0.25, 60 + index, 0.8) for index in range(3)]
    sung = VOICES[name].sing(notes, 2 * SAMPLE_RATE, 0.1, 1.0, seed=2)
    assert sung.dtype == np.float32
    assert len(sung) == 2 * SAMPLE_RATE
    assert 0.02 < np.abs(sung).max() < 4  # its level is set in the mix
    assert np.abs(sung[round(1.3 * SAMPLE_RATE) :]).max() < 1e-6


def test_a_band_without_drummer_or_singer_is_silent_there():
    alone = replace(GENRES["jazz"], kits=("none",), vocals=("none",))
    parts = stems(alone, seed=1, seconds=2)
    assert not parts["drums"].any()
    assert not parts["vocals"].any()
    assert parts["bass"].any()


def test_artists_are_spread_evenly_over_a_trait():
    brightness = np.array([artist.brightness for artist in artists("rock")])
    low, high = GENRES["rock"].sound.get("brightness", SOUND["brightness"])
    assert sorted(np.floor(10 * (brightness - low) / (high - low))) == list(range(10))


def test_mastering_gives_a_mix_the_tonal_balance_of_its_artist():
    artist = in_session(artists("reggae")[4], stream(3, "session"))
    noise = stream(4, "noise").standard_normal(5 * SAMPLE_RATE).astype(np.float32) * 0.1
    mastered = mixing.apply_gains(noise, mixing.band_gains(noise, artist))
    change = mixing.band_gains(mastered, replace(artist, steady=1.0, ratio=1.0))  # what is still to be done
    assert np.abs(change[:, :-1]).mean() < 1.0  # dB


def test_an_artist_without_balance_leaves_the_mix_as_it_is():
    artist = replace(artists("reggae")[4], balance=(), steady=1.0, ratio=1.0)
    noise = stream(4, "noise").standard_normal(SAMPLE_RATE + 7).astype(np.float32)
    gains = mixing.band_gains(noise, artist)
    assert np.abs(gains).max() < 1e-6
    mastered = mixing.apply_gains(noise, gains)
    assert len(mastered) == len(noise)
    assert np.corrcoef(mastered, noise)[0, 1] > 0.999


def test_songs_of_an_artist_vary_less_than_those_of_a_genre():
    def balances(genre, artist_count):
        genre = replace(GENRES[genre], artist_count=artist_count)
        bands = artists(genre)
        return np.array([in_session(bands[i % artist_count], stream(i, "session")).balance for i in range(60)])

    assert balances("disco", 1).std(axis=0).mean() < balances("disco", 60).std(axis=0).mean()


def test_the_compressor_evens_out_quiet_and_loud_passages():
    artist = replace(artists("pop")[0], steady=1.0, ratio=2.0)
    noise = stream(5, "noise").standard_normal(4 * SAMPLE_RATE).astype(np.float32) * 0.1
    noise[: 2 * SAMPLE_RATE] *= 0.1  # 20 dB softer
    mastered = mixing.apply_gains(noise, mixing.band_gains(noise, artist))
    soft, loud = mastered[SAMPLE_RATE // 2 : SAMPLE_RATE], mastered[3 * SAMPLE_RATE :]
    assert 20 * math.log10(loud.std() / soft.std()) == pytest.approx(10, abs=1)


def test_the_desk_is_linear():
    artist = artists("jazz")[0]
    rng = np.random.default_rng(0)
    stems = {name: rng.standard_normal(8000).astype(np.float32) * 0.1 for name in ("drums", "bass", "lead")}
    together = mixing.desk(stems, artist)
    apart = sum(mixing.desk({name: waveform}, artist) for name, waveform in stems.items())
    np.testing.assert_allclose(together, apart, atol=1e-5)


def test_the_master_is_as_loud_as_the_artist_wants_and_never_over_the_ceiling():
    rng = np.random.default_rng(1)
    for artist in artists("jazz"):
        beat = np.exp(-(np.arange(66_150) % 11_025) / 3000)
        mix = (rng.standard_normal(66_150) * beat).astype(np.float32)
        master = mix * mixing.master_gain(mix, artist)
        assert np.abs(master).max() <= mixing.CEILING + 1e-6
        level = 20 * np.log10(np.sqrt(np.mean(master**2)))
        assert level == pytest.approx(artist.loudness, abs=1.0)
        assert abs(master[0]) < 1e-6
        assert abs(master[-1]) < 1e-6
