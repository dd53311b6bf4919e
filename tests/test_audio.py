"""Sound files and waveforms."""

import struct

import numpy as np
import pytest
import soundfile
from conftest import sine
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from musiclab import audio
from musiclab.audio import find_audio, fix_length, from_int16, load_audio, resample, save_audio, to_int16
from musiclab.core.errors import AudioError


def loudest_frequency(waveform, sample_rate):
    """In Hz, to half a bin."""
    spectrum = np.abs(np.fft.rfft(waveform * np.hanning(len(waveform))))
    return spectrum.argmax() * sample_rate / len(waveform)


# Loading


@pytest.mark.parametrize(
    ("suffix", "subtype", "tolerance"),
    [
        (".wav", "PCM_U8", 2 / 128),
        (".wav", "PCM_16", 2e-4),
        (".wav", "PCM_24", 2e-4),
        (".wav", "FLOAT", 2e-4),
        (".wav", "ULAW", 2e-2),
        (".flac", "PCM_16", 2e-4),
        (".au", "PCM_16", 2e-4),
        (".aiff", "PCM_24", 2e-4),
        (".ogg", None, 3e-2),
        (".mp3", None, 3e-2),
    ],
)
@pytest.mark.parametrize("sample_rate", [16000, 44100])
@pytest.mark.parametrize("channels", [1, 2])
def test_every_format_rate_depth_and_channel_count_gives_the_same_tone(
    tmp_path, suffix, subtype, tolerance, sample_rate, channels
):
    path = tmp_path / f"tone{suffix}"
    tone = sine(440, sample_rate=sample_rate)
    soundfile.write(path, np.stack([tone] * channels, axis=1), sample_rate, subtype=subtype)
    waveform, rate = load_audio(path)
    assert (rate, waveform.dtype, waveform.shape) == (22050, np.float32, (22050,))
    middle = slice(2205, -2205)  # filters ring at the ends
    assert np.abs(waveform - sine(440))[middle].max() < tolerance


def test_mono_is_the_mean_of_the_channels_and_stereo_keeps_them(tmp_path):
    left, right = sine(440), sine(1000, amplitude=0.25)
    path = save_audio(tmp_path / "two.wav", np.stack([left, right]), 22050)
    both, _ = load_audio(path, mono=False)
    assert both.shape == (2, 22050)
    np.testing.assert_allclose(both, [left, right], atol=1 / 32768)
    mono, _ = load_audio(path)
    np.testing.assert_allclose(mono, (left + right) / 2, atol=1 / 32768)


def test_one_channel_is_one_axis_even_when_stereo_is_asked_for(tmp_path, tone):
    path = save_audio(tmp_path / "one.wav", tone, 22050)
    assert load_audio(path, mono=False)[0].shape == (22050,)


def test_the_rate_of_the_file_is_kept_when_none_is_asked_for(tmp_path):
    path = save_audio(tmp_path / "tone.wav", sine(440, sample_rate=48000), 48000)
    waveform, rate = load_audio(path, sample_rate=None)
    assert (rate, len(waveform)) == (48000, 48000)


def test_offset_and_duration_cut_a_part_out(tmp_path):
    noise = np.random.default_rng(0).uniform(-0.5, 0.5, 22050).astype(np.float32)
    path = save_audio(tmp_path / "noise.wav", noise, 22050)
    whole, _ = load_audio(path)
    part, _ = load_audio(path, offset=0.2, duration=0.3)
    np.testing.assert_array_equal(part, whole[4410 : 4410 + 6615])
    rest, _ = load_audio(path, offset=0.9, duration=5)
    np.testing.assert_array_equal(rest, whole[19845:])


def test_a_wav_recorded_to_a_pipe_is_whole(tmp_path, tone):
    """Recorders that cannot go back leave 0xFFFFFFFF as the length of the data."""
    path = save_audio(tmp_path / "piped.wav", tone, 22050)
    data = bytearray(path.read_bytes())
    data[4:8] = data[40:44] = struct.pack("<I", 0xFFFFFFFF)
    path.write_bytes(data)
    assert len(load_audio(path)[0]) == 22050


def test_real_recordings_are_whole(recordings):
    for path in find_audio(recordings):
        waveform, _ = load_audio(path, sample_rate=None, duration=0.1)
        assert np.abs(waveform).max() <= 1.5


# Saving


@given(samples=hnp.arrays(np.int16, st.integers(1, 300)))
def test_int16_to_float_and_back_is_the_same(samples):
    waveform = from_int16(samples)
    assert waveform.dtype == np.float32
    assert -1 <= waveform.min() <= waveform.max() < 1
    np.testing.assert_array_equal(to_int16(waveform), samples)


@given(waveform=hnp.arrays(np.float32, st.integers(1, 300), elements=st.floats(-1, 1, width=32)))
def test_rounding_to_int16_moves_a_sample_by_half_a_step_at_most(waveform):
    inside = np.clip(waveform, -1, 32767 / 32768)
    assert np.abs(from_int16(to_int16(waveform)) - inside).max() <= 0.5 / 32768


@pytest.mark.parametrize("suffix", [".wav", ".flac", ".au", ".aiff", ".aif"])
@pytest.mark.parametrize("shape", [(5000,), (2, 5000)])
def test_int16_samples_come_back_from_a_file_as_they_were(tmp_path, suffix, shape):
    samples = np.random.default_rng(0).integers(-32768, 32768, shape).astype(np.int16)
    path = save_audio(tmp_path / "new" / f"noise{suffix}", samples, 8000)
    waveform, rate = load_audio(path, sample_rate=None, mono=False)
    assert rate == 8000
    np.testing.assert_array_equal(to_int16(waveform), samples)


def test_too_loud_is_clipped_in_every_format(tmp_path):
    for suffix in (".wav", ".flac", ".ogg", ".mp3"):
        path = save_audio(tmp_path / f"loud{suffix}", sine(440, amplitude=3), 22050)
        assert 0.9 < np.abs(load_audio(path)[0]).max() < 1.3  # lossy formats go over a clipped edge a little
    path = save_audio(tmp_path / "loud.wav", sine(440, amplitude=3), 22050, subtype="FLOAT")
    assert np.abs(load_audio(path)[0]).max() == 1


def test_minutes_of_stereo_ogg_can_be_written(tmp_path):
    """libsndfile written to in one piece ends the whole process here."""
    noise = np.random.default_rng(0).uniform(-0.3, 0.3, (2, 44100 * 60)).astype(np.float32)
    path = save_audio(tmp_path / "long.ogg", noise, 44100)
    assert soundfile.info(path).frames == 44100 * 60


def test_what_cannot_be_saved_leaves_the_older_file(tmp_path, tone):
    path = save_audio(tmp_path / "tone.wav", tone, 22050)
    before = path.read_bytes()
    with pytest.raises(AudioError, match="the waveform has NaN or infinite values"):
        save_audio(path, np.where(np.arange(22050) == 7, np.nan, tone), 22050)
    assert path.read_bytes() == before
    with pytest.raises(AudioError, match=r"tone\.txt: cannot write '\.txt' files; use one of \.wav"):
        save_audio(tmp_path / "tone.txt", tone, 22050)
    assert [file.name for file in tmp_path.iterdir()] == ["tone.wav"]


# Bad files


def text_as_wav(path):
    path.write_text("This is not sound, whatever its name says.\n" * 20)


def cut_in_half(path):
    soundfile.write(path, sine(440, 2.0), 22050)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def one_nan(path):
    waveform = sine(440)
    waveform[1234] = np.nan
    soundfile.write(path, waveform, 22050, subtype="FLOAT")


BAD = [
    ("missing.wav", lambda path: None, "no such file; check the spelling"),
    ("folder.wav", lambda path: path.mkdir(), "expected an audio file, found a folder"),
    ("empty.wav", lambda path: path.touch(), "the file is empty; copy or download it again"),
    ("text.wav", text_as_wav, "the file cannot be decoded.*check that it plays, or leave it out"),
    ("text.raw", text_as_wav, "cannot be decoded"),
    (
        "song.m4a",
        text_as_wav,
        'not supported. Convert the file first, .* `ffmpeg -i "song.m4a" "song.wav"`',
    ),
    ("cut.ogg", cut_in_half, "ends early.*copy or download it again|cannot be decoded.*check that it plays"),
    ("cut.wav", cut_in_half, r"ends early \(after 1\.00 s\)"),
    ("cut.au", cut_in_half, r"ends early \(after 1\.00 s\)"),
    ("cut.aiff", cut_in_half, r"ends early \(after 1\.00 s\)"),
    ("cut.flac", cut_in_half, "check that it plays"),
    ("cut.mp3", cut_in_half, "cut off|ends early|cannot be decoded"),
    ("nan.wav", one_nan, "expected finite samples, found .* at sample 1234; export the file again"),
    ("silent.wav", lambda path: soundfile.write(path, np.zeros(0), 22050), "the file has no samples"),
]


@pytest.mark.parametrize(("name", "make", "words"), BAD, ids=[name for name, _, _ in BAD])
def test_a_bad_file_is_named_with_what_was_expected_and_what_to_do(tmp_path, name, make, words):
    path = tmp_path / name
    make(path)
    with pytest.raises(AudioError, match=words) as error:
        load_audio(path)
    assert str(error.value).startswith(str(path))


@pytest.mark.parametrize("share", [0.1, 0.3, 0.6, 0.9, 0.99])
def test_an_ogg_cut_anywhere_is_found_out(tmp_path, share):
    path = tmp_path / "cut.ogg"
    soundfile.write(path, sine(440, 3.0) + 0.1 * np.random.default_rng(0).standard_normal(66150), 22050)
    path.write_bytes(path.read_bytes()[: int(share * path.stat().st_size)])
    with pytest.raises(AudioError, match="cut\\.ogg"):
        load_audio(path)


def test_an_ogg_that_ends_between_two_pages_is_found_out(tmp_path):
    path = tmp_path / "cut.ogg"
    soundfile.write(path, sine(440, 3.0) + 0.1 * np.random.default_rng(0).standard_normal(66150), 22050)
    data = path.read_bytes()
    path.write_bytes(data[: data.rindex(b"OggS")])
    with pytest.raises(AudioError, match=r"cut\.ogg: the file is incomplete and ends early"):
        load_audio(path)


@pytest.mark.parametrize(("offset", "duration"), [(1.0, None), (7.0, None), (-1.0, None), (0.0, 0.0), (0.0, -1.0)])
def test_a_part_that_is_not_there_is_an_error(tmp_path, tone, offset, duration):
    path = save_audio(tmp_path / "tone.wav", tone, 22050)
    with pytest.raises(
        AudioError, match=r"tone\.wav: (offset must be from 0 to 1\.000 s|duration must be greater than 0 s)"
    ):
        load_audio(path, offset=offset, duration=duration)


# Resampling, cutting, padding


def test_resampling_keeps_what_fits_and_removes_what_does_not():
    tone = resample(sine(440, sample_rate=44100), 44100, 8000)
    assert loudest_frequency(tone, 8000) == pytest.approx(440, abs=1)
    np.testing.assert_allclose(tone[800:-800], sine(440, sample_rate=8000)[800:-800], atol=1e-3)
    too_high = resample(sine(5000), 22050, 8000)  # half of 8 kHz is 4 kHz: without a filter it would sound at 3 kHz
    assert np.abs(too_high[800:-800]).max() < 1e-4 < np.abs(sine(5000)[::3]).max()


@given(
    samples=st.integers(2000, 5000),
    rates=st.tuples(st.sampled_from([8000, 16000, 22050, 44100]), st.sampled_from([8000, 16000, 22050, 48000])),
    channels=st.integers(0, 2),
)
def test_resampled_length(samples, rates, channels):
    shape = (channels, samples) if channels else (samples,)
    resampled = resample(np.zeros(shape), *rates)
    assert resampled.dtype == np.float32
    assert resampled.shape[:-1] == shape[:-1]
    assert abs(resampled.shape[-1] - samples * rates[1] / rates[0]) <= 1


@given(
    length=st.integers(0, 50), samples=st.integers(0, 50), channels=st.integers(0, 2), position=st.sampled_from("sc")
)
def test_fix_length_keeps_or_pads_and_nothing_else(length, samples, channels, position):
    shape = (channels, length) if channels else (length,)
    waveform = 1 + np.arange(np.prod(shape), dtype=np.float32).reshape(shape)
    fixed = fix_length(waveform, samples, "start" if position == "s" else "centre")
    assert fixed.shape == (*shape[:-1], samples)
    assert fixed.dtype == waveform.dtype
    if samples <= length:
        first = 0 if position == "s" else (length - samples) // 2
        np.testing.assert_array_equal(fixed, waveform[..., first : first + samples])
    else:
        first = 0 if position == "s" else (samples - length) // 2
        np.testing.assert_array_equal(fixed[..., first : first + length], waveform)
        assert np.count_nonzero(fixed) == waveform.size


def test_fix_length_knows_two_positions():
    with pytest.raises(ValueError, match='"start" or "centre", not \'end\''):
        fix_length(np.zeros(3), 2, position="end")


# Finding


def test_find_audio_is_sorted_deep_and_leaves_hidden_and_other_files_out(tmp_path):
    hidden = (".hidden.wav", "b/.x.ogg", "b/.y/z.wav", "__MACOSX/a.mp3")
    for name in ("b/2.WAV", "b/1.flac", "a.mp3", "b/c/d/3.ogg", "notes.txt", *hidden):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    (tmp_path / "folder.wav").mkdir()
    found = [path.relative_to(tmp_path).as_posix() for path in find_audio(tmp_path)]
    assert found == ["a.mp3", "b/1.flac", "b/2.WAV", "b/c/d/3.ogg"]


def test_every_suffix_can_be_saved_and_found(tmp_path, tone):
    for suffix in audio.WRITABLE:
        save_audio(tmp_path / f"tone{suffix}", tone, 22050)
    assert len(find_audio(tmp_path)) == len(audio.WRITABLE)


@pytest.mark.parametrize(
    ("waveform", "rate", "subtype", "words"),
    [
        (np.zeros(100, np.int32), 8000, "PCM_16", "expected samples in .*found int32"),
        (np.zeros((22050, 2)), 8000, "PCM_16", r"found \(22050, 2\); transpose it"),
        (np.zeros(100), 0, "PCM_16", "expected sample_rate to be a whole number of at least 1, found 0"),
        (np.zeros(100), 8000, "PCM_99", "at 8,000 Hz as PCM_99"),
    ],
)
def test_what_a_file_cannot_hold_is_refused_by_its_name(tmp_path, waveform, rate, subtype, words):
    with pytest.raises(AudioError, match=rf"sound\.wav: .*{words}"):
        save_audio(tmp_path / "sound.wav", waveform, rate, subtype)
    assert list(tmp_path.iterdir()) == []


def test_wrong_arguments_are_not_the_fault_of_the_file(tmp_path, tone):
    path = save_audio(tmp_path / "tone.wav", tone, 22050)
    for arguments, words in [
        ({"sample_rate": 22050.0}, "expected sample_rate to be a whole number of at least 1, found 22050.0"),
        ({"sample_rate": -5}, "expected sample_rate"),
        ({"sample_rate": 0}, "expected sample_rate"),
        ({"offset": "1"}, "expected offset to be a number of seconds, found '1'"),
        ({"duration": "1"}, "expected duration to be a number of seconds"),
    ]:
        with pytest.raises(AudioError, match=f"tone.wav: {words}"):
            load_audio(path, **arguments)
    assert load_audio(path, duration=1e-9)[0].shape == (1,)
    with pytest.raises(AudioError, match=r"a part starts at sample 10, before the last one \(7000\)"):
        list(audio.load_parts(path, 22050, [(0, 1000), (7000, 8000), (10, 20)]))
    with pytest.raises(ValueError, match="expected samples to be a whole number of at least 0, found -1"):
        fix_length(tone, -1)


def test_integers_and_floats_are_not_mistaken_for_each_other(tone):
    with pytest.raises(ValueError, match="found integers; convert int16"):
        resample(to_int16(tone), 22050, 8000)
    with pytest.raises(ValueError, match="found float32; they need no conversion"):
        from_int16(tone)


@pytest.mark.parametrize(("values", "words"), [([1, 2], "found int64; see audio.from_int16"), ([np.nan], "NaN")])
def test_what_is_no_waveform_is_not_made_int16(values, words):
    with pytest.raises(ValueError, match=words):
        to_int16(np.array(values))
