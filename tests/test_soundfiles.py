"""Sound files whose headers are wrong: what is read is what their bytes hold."""

import errno
import io
import struct
from pathlib import Path
from time import process_time

import numpy as np
import pytest
import soundfile
import torch
from conftest import SAMPLE_RATE, noisy_sine, sine

from musiclab import audio, features
from musiclab.audio import containers, count_samples, decoding, load_audio, load_parts
from musiclab.core.errors import AudioError
from musiclab.datasets import AudioFolder
from musiclab.store import Store, extract, prepare

RATE, FRAMES = 44100, 88200
ENDS_EARLY = "the file is incomplete and ends early"


def encode(waveform, rate=RATE, **form):
    """Bytes of a sound file."""
    file = io.BytesIO()
    soundfile.write(file, waveform, rate, **form)
    return file.getvalue()


def patch(data, position, form, value):
    """The same bytes with a number replaced."""
    width = struct.calcsize(form)
    return data[:position] + struct.pack(form, value) + data[position + width :]


@pytest.fixture(scope="module")
def noise():
    """Two seconds on which codecs spend many bits at times, and few at others."""
    seconds = np.arange(FRAMES) / RATE
    loud = (np.sin(5 * seconds) > 0) * np.random.default_rng(0).uniform(-0.4, 0.4, FRAMES)
    return (loud + 0.3 * np.sin(2 * np.pi * 440 * seconds)).astype(np.float32)


@pytest.fixture
def load(tmp_path):
    """A function that writes bytes to a file and loads them at the file's own rate."""

    def write_and_load(data, name="sound.wav", **part):
        path = tmp_path / name
        path.write_bytes(data)
        waveform, _ = load_audio(path, None, **part)
        if not part:
            assert count_samples(path)[0] == len(waveform)
        return waveform

    return write_and_load


# MP3: frames are counted


@pytest.fixture(scope="module")
def vbr():
    """Five seconds of VBR mp3: a frame with the Xing and LAME tags, and 193 frames of sound."""
    seconds = np.arange(5 * RATE) / RATE
    swell = 0.5 * np.sin(2 * np.pi * 440 * seconds) * seconds / 5
    bursts = 0.1 * np.random.default_rng(0).standard_normal(5 * RATE) * (seconds * 4 % 2 > 1)
    data = encode((swell + bursts).astype(np.float32), format="MP3", compression_level=0.9, bitrate_mode="VARIABLE")
    assert data.index(b"Xing") == 21
    return data


def first_frame(data):
    """Bytes of the first frame, which is 128 kbit/s at 44,100 Hz in these files."""
    return 144 * 128000 // RATE + (data[2] >> 1 & 1)


def picture(size=300_000):
    """An ID3v2 tag with a picture in it, of random bytes."""
    length = bytes(size >> shift & 127 for shift in (21, 14, 7, 0))
    return b"ID3\x03\x00\x00" + length + np.random.default_rng(1).bytes(size)


def test_vbr_mp3_without_its_first_frame_has_all_its_samples(load, vbr):
    whole, stripped = load(vbr, "a.mp3"), load(vbr[first_frame(vbr) :], "b.mp3")
    assert (len(whole), len(stripped)) == (220500, 193 * 1152)
    delay = len(stripped) - len(whole) - 731  # of the encoder and the decoder; 731 samples of padding follow
    np.testing.assert_allclose(stripped[delay : delay + len(whole)], whole, atol=1e-6)


@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize("rate", [8000, 16000, 22050, 24000, 44100, 48000])
@pytest.mark.parametrize("mode", ["VARIABLE", "CONSTANT"])
def test_mp3_of_every_rate_without_a_tag_has_all_its_samples(load, noise, rate, channels, mode):
    data = encode(np.stack([noise] * channels, 1), rate, format="MP3", bitrate_mode=mode)
    tag = max(data.find(b"Xing", 0, 60), data.find(b"Info", 0, 60))
    size, samples = containers._frame_size(data[1], data[2])
    frames = -(-(FRAMES + 576 + 529) // samples)  # the encoder's delay and the decoder's
    waveform = load(data[size:] if tag >= 0 else data, "a.mp3")
    assert len(waveform) / samples in (frames, frames + 1)


def test_an_mp3_with_a_picture_or_tags_behind_is_whole(load, vbr, noise):
    constant = encode(noise, format="MP3", bitrate_mode="CONSTANT")
    whole = load(constant, "a.mp3")
    tags = b"APETAGEX" + bytes(500) + b"TAG" + b"x" * 125
    for data in (constant, picture() + constant, picture() + picture(90) + constant + tags, b"\0" * 999 + constant):
        np.testing.assert_array_equal(load(data, "a.mp3"), whole)
    stripped = vbr[first_frame(vbr) :]
    np.testing.assert_array_equal(load(picture() + stripped + tags, "b.mp3"), load(stripped, "b.mp3"))


@pytest.mark.parametrize("claimed", [0, 1, 100, 192, 193, 2**31 - 1, 2**32 - 1])
def test_an_mp3_whose_header_counts_wrong_has_all_its_samples(load, vbr, claimed, caplog):
    whole = load(vbr, "a.mp3")
    np.testing.assert_array_equal(load(patch(vbr, 21 + 8, ">I", claimed), "a.mp3"), whole)
    assert (f"the header claims {claimed:,} frames, found 193" in caplog.text) == (claimed != 193)


def test_an_mp3_that_is_cut_off_is_found_out(load, vbr, caplog):
    starts = [first_frame(vbr)]
    while starts[-1] < len(vbr):
        starts.append(starts[-1] + containers._frame_size(*vbr[starts[-1] + 1 : starts[-1] + 3])[0])
    assert len(starts) == 194
    for end in (len(vbr) // 2, starts[143], starts[-3], starts[-2] - 1):
        with pytest.raises(AudioError, match=rf"a\.mp3: {ENDS_EARLY} \(after \d\.\d\d s\)"):
            load(vbr[:end], "a.mp3")
    assert not caplog.text
    assert 220500 - 1152 <= len(load(vbr[:-1], "a.mp3")) < 220500
    assert "the header claims 220,500 samples, found 220,079" in caplog.text


def test_an_mp3_in_a_wav_is_counted_too(load, vbr):
    stripped = vbr[first_frame(vbr) :]
    settings = struct.pack("<HHIIHHHHIHHH", 0x55, 1, RATE, 16000, 1, 0, 12, 1, 2, 417, 1, 1393)
    header = b"WAVEfmt " + struct.pack("<I", len(settings)) + settings + b"data"
    for sound in (vbr, stripped):
        for size in (len(sound), 0, 0x7FFFFFFF):
            body = header + struct.pack("<I", size) + sound
            np.testing.assert_array_equal(load(b"RIFF" + struct.pack("<I", len(body)) + body), load(sound, "a.mp3"))
    cut = header + struct.pack("<I", len(stripped)) + stripped[:-3000]
    with pytest.raises(AudioError, match=ENDS_EARLY):
        load(b"RIFF" + struct.pack("<I", len(cut)) + cut)


def test_the_frames_of_layers_1_and_2_are_counted(load):
    """Frames of nothing but zeros after the header are silence."""
    for header, size, samples in ((b"\xff\xfd\x80\xc0", 417, 1152), (b"\xff\xff\x90\xc0", 312, 384)):
        frame = header + bytes(size - 4)
        np.testing.assert_array_equal(load(picture(999) + 200 * frame, "a.mp3"), np.zeros(200 * samples))


# Flac: the total may be missing or wrong


def with_total(data, total):
    """The same flac file with another number of samples in its header (the last 36 of 64 bits)."""
    (value,) = struct.unpack_from(">Q", data, 18)
    return patch(data, 18, ">Q", value >> 36 << 36 | total)


@pytest.mark.parametrize("total", [0, 1, 44100, FRAMES - 1, FRAMES, FRAMES + 1, 2**36 - 1])
def test_a_flac_is_read_to_its_end_whatever_total_it_claims(load, noise, total, caplog):
    data = encode(noise, format="FLAC")
    whole, _ = soundfile.read(io.BytesIO(data), dtype="float32")
    tagged = b"ID3\x04\0\0\0\0\0\x0a" + bytes(10) + with_total(data, total) + b"TAG" + b"x" * 125
    for variant in (with_total(data, total), tagged):
        np.testing.assert_array_equal(load(variant, "a.flac"), whole)
    assert (f"the header claims {total:,} sample" in caplog.text) == (total not in (0, FRAMES))


def test_a_flac_that_lacks_sound_is_found_out(load, noise, caplog):
    data = encode(noise, format="FLAC")
    with pytest.raises(AudioError, match=rf"a\.flac: {ENDS_EARLY} \(after 2\.00 s\)"):
        load(with_total(data, 2 * FRAMES), "a.flac")
    for damaged in (data[: len(data) // 2], with_total(data[: len(data) // 2], 0)):
        with pytest.raises(AudioError, match=r"a\.flac: .* cannot be decoded"):
            load(damaged, "a.flac")
    caplog.clear()
    whole, _ = soundfile.read(io.BytesIO(data), dtype="float32")
    np.testing.assert_array_equal(load(data[:-1], "a.flac"), whole[: 21 * 4096])  # the 22nd block is incomplete
    assert "the header claims 88,200 samples, found 86,016" in caplog.text


# WAV, AU, AIFF, CAF, W64, RF64: the size of the samples may be missing or wrong


def chunked(noise, form):
    """A file, the position and the format of the size of its samples, and what that size is beyond the samples."""
    data = encode(noise, format=form)
    position = {"WAV": 40, "AU": 8, "RF64": 28}.get(form)
    if form == "AIFF":
        return data, data.index(b"SSND") + 4, ">I", 8
    if form == "CAF":
        return data, data.index(b"data") + 4, ">q", 4
    if form == "W64":
        return data, data.index(b"data\xf3\xac") + 16, "<q", 24
    return data, position, {"WAV": "<I", "AU": ">I", "RF64": "<q"}[form], 0


CHUNKED = ["WAV", "AU", "AIFF", "CAF", "W64", "RF64"]


@pytest.mark.parametrize("form", CHUNKED)
def test_a_sound_from_a_pipe_is_read_to_its_end(load, noise, form, caplog):
    data, position, number, extra = chunked(noise, form)
    whole = load(data)
    assert len(whole) == FRAMES
    unknown = [0, extra, 0x7FFFF000, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF, 0xFFFFFFFF - 36]
    for size in unknown if number[1] == "I" else [*unknown, -1, 2**62]:
        np.testing.assert_array_equal(load(patch(data, position, number, size)), whole)
    assert not caplog.text


@pytest.mark.parametrize("form", CHUNKED)
def test_a_few_bytes_missing_are_noted_and_more_are_refused(load, noise, form, caplog):
    data, position, number, extra = chunked(noise, form)
    whole = load(data)
    for bytes_too_many in (1, 2, 8, 44):
        np.testing.assert_array_equal(load(patch(data, position, number, 2 * FRAMES + extra + bytes_too_many)), whole)
        assert f"sound.wav: {bytes_too_many} byte" in caplog.text
    np.testing.assert_array_equal(load(data[:-1]), whole[:-1])
    assert "1 byte missing at the end" in caplog.text
    for damaged in (data[:-1000], data[: len(data) // 2], patch(data, position, number, 2 * len(data))):
        with pytest.raises(AudioError, match=rf"{ENDS_EARLY} \(after \d\.\d\d s\)"):
            load(damaged)


@pytest.mark.parametrize("form", ["WAV", "AU", "AIFF"])
def test_samples_that_a_header_does_not_count_are_read(load, noise, form, caplog):
    data, position, number, extra = chunked(noise, form)
    np.testing.assert_array_equal(load(patch(data, position, number, FRAMES + extra)), load(data))  # half of it
    assert "the header claims" in caplog.text


def test_a_wav_of_three_gigabytes_is_as_long_as_it_says(tmp_path, noise, caplog):
    path = tmp_path / "long.wav"
    size = 3 * 2**30
    with open(path, "wb") as file:  # which takes no room on the disk
        file.write(patch(encode(noise, format="WAV"), 40, "<I", size))
        file.truncate(44 + size)
        file.seek(44 + size)
        file.write(b"LIST" + struct.pack("<I", 6000) + bytes(6000))
    assert count_samples(path) == (size // 2, RATE)
    late, _ = load_audio(path, 22050, offset=size // 2 / RATE - 1)
    assert (len(late), late.any()) == (22050, False)
    with pytest.raises(AudioError, match="at most 1,073,741,824 samples can be loaded at once"):
        load_audio(path, None)
    assert not caplog.text


def test_chunks_and_tags_behind_the_samples_are_no_sound(load, noise, caplog):
    data = encode(noise, format="WAV")
    chunk = b"LIST" + struct.pack("<I", 6000) + b"INFO" + bytes(5996)
    for behind in (chunk, b"TAG" + b"x" * 125, bytes(10000)):
        assert len(load(data + behind)) == FRAMES
    assert not caplog.text
    with pytest.raises(AudioError, match="the file has no samples; leave the file out"):
        load(patch(data[:44], 40, "<I", 0) + chunk)


@pytest.mark.parametrize(
    ("form", "subtype"), [("NIST", "PCM_16"), ("NIST", "ULAW"), ("VOC", "PCM_16"), ("VOC", "ULAW")]
)
def test_a_sphere_or_voc_file_that_is_cut_off_is_found_out(load, noise, form, subtype):
    data = encode(noise, format=form, subtype=subtype)
    assert len(load(data)) in (FRAMES, FRAMES + 1)
    with pytest.raises(AudioError, match=ENDS_EARLY):
        load(data[:-1000])


# Ogg


@pytest.mark.parametrize("subtype", ["VORBIS", "OPUS"])
def test_a_byte_missing_at_the_end_of_an_ogg_is_noted(load, noise, subtype, caplog):
    data = encode(noise, 48000, format="OGG", subtype=subtype)
    whole = load(data, "a.ogg")
    assert not caplog.text
    cut = load(data[:-1], "a.ogg")
    assert 0 < len(cut) < len(whole)
    np.testing.assert_array_equal(cut, whole[: len(cut)])
    assert "a.ogg: 1 byte missing at the end" in caplog.text
    np.testing.assert_array_equal(load(data + data, "a.ogg"), whole)
    assert "the file has 2 recordings in sequence, but only the first is read" in caplog.text


# Parts


PARTS = [
    ("MP3", None, {"compression_level": 0.9, "bitrate_mode": "VARIABLE"}),
    ("MP3", None, {"bitrate_mode": "CONSTANT"}),
    ("OGG", "VORBIS", {}),
    ("OGG", "OPUS", {}),
    ("FLAC", "PCM_16", {}),
    ("FLAC", "PCM_24", {}),
    ("WAV", "PCM_16", {}),
    ("WAV", "FLOAT", {}),
    ("WAV", "ULAW", {}),
    ("WAV", "IMA_ADPCM", {}),
    ("WAV", "MS_ADPCM", {}),
    ("WAV", "GSM610", {}),
    ("WAV", "G721_32", {}),
    ("WAV", "NMS_ADPCM_16", {}),
    ("AU", "G723_24", {}),
    ("AIFF", "DWVW_16", {}),
    ("AIFF", "PCM_24", {}),
    ("CAF", "ALAC_16", {}),
    ("RF64", "PCM_16", {}),
    ("W64", "MS_ADPCM", {}),
]


@pytest.mark.parametrize(("form", "subtype", "settings"), PARTS, ids=[f"{form}-{sub}" for form, sub, _ in PARTS])
def test_a_part_is_the_slice_of_the_whole_in_every_format(tmp_path, noise, form, subtype, settings):
    rate = 8000 if subtype and subtype[:3] in ("GSM", "G72", "NMS") else 48000
    path = tmp_path / "sound"
    path.write_bytes(encode(noise[:40000], rate, format=form, subtype=subtype, **settings))
    whole, _ = load_audio(path, None)
    starts = np.random.default_rng(0).integers(0, len(whole) - 300, 12)
    for start in [1, *starts, len(whole) - 300]:
        part, _ = load_audio(path, None, offset=start / rate, duration=300 / rate)
        np.testing.assert_array_equal(part, whole[start : start + 300])
    for new_rate in (22050, 11025):
        whole, _ = load_audio(path, new_rate)
        for start in (1, 1000, len(whole) - 300):
            part, _ = load_audio(path, new_rate, offset=start / new_rate, duration=300 / new_rate)
            np.testing.assert_allclose(part, whole[start : start + 300], rtol=0, atol=1e-6)


@pytest.mark.parametrize("form", ["MP3", "WAV", "FLAC"])
@pytest.mark.parametrize("rate", [RATE, 16000])
def test_parts_are_decoded_in_one_pass(tmp_path, noise, form, rate, monkeypatch):
    path = tmp_path / "sound"
    path.write_bytes(encode(np.stack([noise, -0.5 * noise], 1), format=form))
    whole, _ = load_audio(path, rate, mono=False)
    monkeypatch.setattr(decoding, "BLOCK", 3000)
    parts = [(0, 500), (100, 7000), (6000, 6500), (6000, 6000), (20000, 20001), (len(whole[0]) - 9, None)]
    for (start, stop), part in zip(parts, load_parts(path, rate, parts, mono=False), strict=True):
        np.testing.assert_allclose(part, whole[:, start:stop], rtol=0, atol=0 if rate == RATE else 1e-6)
    np.testing.assert_allclose(load_audio(path, rate, mono=False)[0], whole, rtol=0, atol=0 if rate == RATE else 1e-6)


def test_an_offset_behind_the_end_names_the_true_length(load, vbr):
    with pytest.raises(AudioError, match=r"offset must be from 0 to 5\.042 s, the length of the file, found 6 s"):
        load(vbr[first_frame(vbr) :], "a.mp3", offset=6)
    for offset in (np.nan, np.inf):
        with pytest.raises(AudioError, match=r"offset must be from 0 to 5\.000 s"):
            load(vbr, "a.mp3", offset=offset)


# What a header can ask for


@pytest.mark.parametrize("rate", [1, 10, 999, 1_000_001, 2**31 - 1])
def test_a_sample_rate_that_no_sound_has_is_refused(load, noise, rate):
    with pytest.raises(AudioError, match=rf"expected a sample rate from 1,000 to 1,000,000 Hz, found {rate:,} Hz"):
        load(patch(encode(noise, format="WAV"), 24, "<I", rate))


def test_more_samples_than_fit_into_memory_are_refused(tmp_path, noise, monkeypatch):
    path = tmp_path / "a.wav"
    path.write_bytes(encode(noise, 1000, format="WAV"))
    monkeypatch.setattr(decoding, "MOST", 100_000)
    assert len(load_audio(path, None)[0]) == FRAMES
    with pytest.raises(AudioError, match=r"a\.wav: at most 100,000 samples can be loaded at once.*load the file in"):
        load_audio(path, 2000)
    assert len(load_audio(path, 2000, offset=50, duration=1)[0]) == 2000


@pytest.mark.parametrize(
    "error", [MemoryError(), RuntimeError("?"), struct.error("?"), SystemError("?"), OSError(5, "I/O")]
)
def test_whatever_a_decoder_raises_names_the_file(tmp_path, tone, monkeypatch, error):
    path = audio.save_audio(tmp_path / "a.wav", tone, SAMPLE_RATE)

    def fail(*arguments, **settings):
        raise error

    monkeypatch.setattr(decoding._Decoder, "read", fail)
    for load in (load_audio, lambda path: list(load_parts(path, 8000, [(0, 10)]))):
        with pytest.raises(AudioError, match=r"^[^:]*a\.wav: "):
            load(path)


@pytest.mark.parametrize("total", [0, FRAMES])
def test_an_error_of_the_disk_is_not_the_end_of_a_sound(tmp_path, noise, monkeypatch, total):
    path = tmp_path / "a.flac"
    path.write_bytes(with_total(encode(noise, format="FLAC"), total))
    load = containers.Bytes._load

    def fail(data, first, last):
        if last > 60_000:
            raise OSError(errno.EIO, "Input/output error")
        load(data, first, last)

    assert path.stat().st_size > 100_000
    monkeypatch.setattr(containers.Bytes, "_load", fail)
    for function in (load_audio, count_samples):
        with pytest.raises(AudioError, match=r"a\.flac: the file cannot be read: Input/output error"):
            function(path)


# Samples that are no sound


def test_absurd_samples_are_named_as_what_they_are(load):
    tone = sine(440)
    far = tone.copy()
    far[777] = -1e29
    whole_numbers = np.round(tone * 65536)
    cases = {
        "found 1e+29 at sample 777, far beyond full scale": far,
        "found 150 at sample": np.float32(300) * tone,
        r"integers up to 32768 stored as floats; divide them by 32768 \(16 bits\)": whole_numbers,
        r"integers up to 128 stored as floats; divide them by 128 \(8 bits\)": np.round(tone * 256),
        r"divide them by 8388608 \(24 bits\)": np.round(tone * 2**24),
        "expected finite samples": np.where(far < -1, np.inf, tone),
    }
    for words, waveform in cases.items():
        for subtype in ("FLOAT", "DOUBLE"):
            with pytest.raises(AudioError, match=words.replace("+", r"\+")):
                load(encode(waveform, SAMPLE_RATE, format="WAV", subtype=subtype))
    with pytest.raises(AudioError, match=r"expected finite samples, found .*inf. at sample 777"):
        load(encode(far.astype(float) * 1e12, SAMPLE_RATE, format="WAV", subtype="DOUBLE"))


def test_loud_floats_and_square_waves_are_sound(load):
    for waveform in (sine(440, amplitude=20), np.sign(sine(440)), np.zeros(100, np.float32)):
        loaded = load(encode(waveform, SAMPLE_RATE, format="WAV", subtype="FLOAT"))
        np.testing.assert_array_equal(loaded, waveform)


def test_a_sound_too_short_to_be_resampled_is_refused(tmp_path):
    path = tmp_path / "one.wav"
    path.write_bytes(encode(np.array([0.5]), format="WAV"))
    assert load_audio(path, None)[0].tolist() == [0.5]
    with pytest.raises(
        AudioError, match=r"nothing is left after resampling 1 sample from 44,100 Hz to 16,000 Hz; leave"
    ):
        load_audio(path, 16000)


# What enters a store


def test_nothing_that_is_not_finite_enters_a_store(tmp_path, tone, monkeypatch):
    path = audio.save_audio(tmp_path / "a.wav", tone, SAMPLE_RATE)
    compute = features.compute

    def spoil(waveform, configs):
        values = compute(waveform, configs)
        values["logmel"][3, 5] = 1e6  # more than a float16 can hold
        return values

    monkeypatch.setattr(features, "compute", spoil)
    with pytest.raises(AudioError, match=r"a\.wav: logmel has NaN or infinite values; listen"):
        extract(path, {"logmel": features.MelConfig()})
    monkeypatch.setattr(features, "compute", lambda waveform, configs: torch.zeros(2, 3) @ torch.zeros(2, 3))
    with pytest.raises(AudioError, match=r"a\.wav: mat1 and mat2"):
        extract(path, {"logmel": features.MelConfig()})


def test_a_clip_of_one_sample_does_not_enter_a_store(tmp_path):
    path = audio.save_audio(tmp_path / "one.wav", np.array([0.5]), 44100)
    with pytest.raises(AudioError, match=r"one\.wav: nothing is left after resampling 1 sample to 16,000 Hz"):
        extract(path, {"audio": features.AudioConfig(16000)})


def test_bad_files_in_a_folder_are_left_out_of_a_store(tmp_path, noise, vbr):
    folder = tmp_path / "sounds"
    for number in range(3):
        for label in "ab":
            audio.save_audio(folder / label / f"{number}.wav", noise, RATE)
    flac = encode(noise, format="FLAC")
    whole = {"unknown.flac": with_total(flac, 0), "absurd.flac": with_total(flac, 2**36 - 1)}
    whole["stripped.mp3"] = vbr[first_frame(vbr) :]
    bad = {"cut.flac": flac[:9999], "one.wav": encode(np.array([0.5]), format="WAV")}
    bad["loud.wav"] = encode(noise * 1e29, format="WAV", subtype="DOUBLE")
    for name, data in (whole | bad).items():
        (folder / "a" / name).write_bytes(data)
    failures = prepare(AudioFolder(folder), tmp_path / "s.h5", workers=1, progress=False).failures
    with Store(tmp_path / "s.h5") as store:
        lengths = {Path(row.path).name: row.seconds for row in store.index.itertuples()}
        assert {name for name in lengths if name[0] not in "012"} == set(whole)
        assert (lengths["unknown.flac"], lengths["absurd.flac"]) == (2.0, 2.0)
        assert lengths["stripped.mp3"] == pytest.approx(193 * 1152 / RATE)
    assert {Path(path).name for path, _ in failures} == set(bad)


# Time


def test_counting_the_frames_of_an_mp3_takes_little_time(tmp_path):
    """A few percent of decoding; twice the time would be another way of reading."""
    path = tmp_path / "a.mp3"
    path.write_bytes(encode(noisy_sine(440, 0, 20.0), format="MP3"))

    def least(function):
        times = []
        for _ in range(10):
            began = process_time()
            function()
            times.append(process_time() - began)
        return min(times)

    assert least(lambda: load_audio(path, None)) < 2 * least(lambda: soundfile.read(path, dtype="float32"))
