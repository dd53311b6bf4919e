"""UMTN's pipeline as published: codes, companding, decoding, splitting, segments of files, and the command."""

import pickle
import re
import shutil
import subprocess
from types import SimpleNamespace

import h5py
import numpy as np
import pandas as pd
import pytest
import torch
from conftest import sine
from hypothesis import given
from hypothesis import strategies as st

from musiclab import umtn
from musiclab.audio import load_audio, save_audio
from musiclab.core.errors import AudioError, DatasetError
from musiclab.umtn import companding
from musiclab.umtn.encoded import decode

EVERY = np.arange(-32768, 32768)


def ramp(length: int, start: int = 0) -> np.ndarray:
    """Samples that name their own place: a segment of them tells where it was cut."""
    return (np.arange(start, start + length) % 30000).astype(np.int16)


@pytest.fixture
def domain(tmp_path):
    """A domain as ``train.sh`` wants it: ``train`` with two files, ``val`` with one."""
    umtn.write_h5(tmp_path / "domain" / "train" / "a.h5", ramp(3000))
    umtn.write_h5(tmp_path / "domain" / "train" / "b" / "c.h5", ramp(2500, 10000))
    umtn.write_h5(tmp_path / "domain" / "val" / "d.h5", ramp(2000, 20000))
    return tmp_path / "domain"


def test_mu_law_is_the_published_formula_on_every_16_bit_value():
    x = EVERY / 2**15
    published = ((np.sign(x) * np.log(1 + 255 * np.abs(x)) / np.log(256) + 1) / 2 * 255).astype("int16")
    np.testing.assert_array_equal(umtn.mu_law(x), published)
    np.testing.assert_array_equal(umtn.encode(EVERY.astype(np.int16)), published)
    assert umtn.mu_law(x).dtype == np.int16
    assert (published.min(), published.max()) == (0, 254)  # 255 is of +1.0 alone


def test_inv_mu_law_is_the_published_formula_and_undoes_mu_law():
    codes = np.arange(256)
    y = 2.0 * (codes.astype(np.float32) - 128.0) / 256.0
    published = np.sign(y) * (1 / 255.0) * (256.0 ** np.abs(y) - 1)
    np.testing.assert_allclose(umtn.inv_mu_law(codes), published, atol=1e-6)
    x = EVERY / 2**15
    error = np.abs(umtn.inv_mu_law(umtn.mu_law(x)) - x)
    assert error.max() < 0.084
    assert error[np.abs(x) < 0.01].max() < 0.001  # fine steps where the sound is soft


def test_encode_wants_16_bit_samples():
    with pytest.raises(TypeError, match="expected int16 samples, found float32"):
        umtn.encode(np.zeros(3, np.float32))


@pytest.mark.parametrize(("level", "expected"), [(-100, -105), (-80, -85), (-40, -18.33), (-20, -11.67), (-3, -6)])
def test_companding_curve_has_the_published_points(level, expected):
    """60 dB in become 20 dB out above the knee, nothing is raised below -70 dB, and 5 dB are taken off."""
    out = level + companding.gain(np.array([10 ** (level / 20)]))[0] * 20 / np.log(10)
    assert out == pytest.approx(expected, abs=0.01)


def test_companding_curve_is_smooth_and_never_falls():
    decibels = np.linspace(-100, 0, 20001)
    gain = companding.gain(10 ** (decibels / 20)) * 20 / np.log(10)
    assert np.abs(np.diff(gain)).max() < 0.005 * 4.1  # the steepest line gains 4 dB a dB, and nothing jumps
    assert (np.diff(decibels + gain) > -1e-9).all()


def test_meter_rises_and_falls_with_its_time_constants():
    rate = 16000
    level = companding.follow(np.concatenate([np.ones(rate), np.zeros(rate)]), rate)
    assert level[int(0.3 * rate) - 1] == pytest.approx(1 - np.exp(-1), abs=1e-3)
    assert level[-1] / level[rate - 1] == pytest.approx(np.exp(-1), abs=1e-3)


def test_compand_brings_loud_and_soft_together_and_keeps_the_length():
    quiet, loud = sine(440, 4, 16000, amplitude=0.01), sine(440, 4, 16000, amplitude=0.5)
    out = umtn.compand(np.concatenate([quiet, loud]), 16000)
    rms = [np.sqrt(np.mean(part**2)) for part in (out[32000:56000], out[-24000:])]
    assert out.shape == (128000,)
    assert 20 * np.log10(rms[1] / rms[0]) == pytest.approx(34 / 3, abs=0.5)  # 34 dB were there
    stereo = umtn.compand(np.stack([quiet, loud]), 16000)
    np.testing.assert_allclose(stereo[0], stereo[1] / 50, atol=1e-6)  # one gain for both channels


def test_compand_clips_a_loud_beginning():
    out = umtn.compand(sine(440, 2, 16000, amplitude=0.9), 16000)
    assert np.abs(out[:3200]).max() == 1.0
    assert np.abs(out[16000:]).max() < 0.9


def test_compand_refuses_what_is_no_sound():
    with pytest.raises(AudioError, match="finite"):
        umtn.compand(np.array([0.0, np.nan]), 16000)


@pytest.mark.skipif(not shutil.which("sox"), reason="sox is not installed")
@pytest.mark.parametrize(("seconds", "amplitude", "swell"), [(0.1, 0.01, 0), (2.0, 0.9, 3), (2.0, 0.9, 0)])
def test_compand_is_that_of_sox(tmp_path, seconds, amplitude, swell):
    """A file shorter than the look ahead, one that swells, one that is loud at once; sox is called as UMTN does."""
    noise = np.tanh(np.random.default_rng(0).standard_normal((2, round(16000 * seconds))))
    waveform = amplitude * noise * np.linspace(0, 1, noise.shape[1]) ** swell
    save_audio(tmp_path / "in.wav", waveform, 16000)
    effect = ["compand", "0.3,1", "6:-70,-60,-20", "-5", "-90", "0.2"]
    subprocess.run(["sox", "-G", tmp_path / "in.wav", tmp_path / "out.wav", *effect], check=True, capture_output=True)
    waveform, _ = load_audio(tmp_path / "in.wav", None, mono=False)
    expected, _ = load_audio(tmp_path / "out.wav", None, mono=False)
    np.testing.assert_allclose(umtn.compand(waveform, 16000), expected, atol=1e-4)  # three 16-bit steps: sox dithers


def test_dump_to_folder_keeps_16_bit_16_khz_under_the_same_names(tmp_path):
    save_audio(tmp_path / "in" / "deep" / "high.flac", sine(1000, 1, 44100), 44100)
    save_audio(tmp_path / "in" / "own.wav", np.stack([ramp(4000), ramp(4000)]), 16000)
    (tmp_path / "in" / "notes.txt").write_text("no sound")
    made = umtn.EncodedFilesDataset(tmp_path / "in").dump_to_folder(tmp_path / "out")
    assert made == [tmp_path / "out" / "deep" / "high.h5", tmp_path / "out" / "own.h5"]
    with h5py.File(made[0]) as file:
        wav = file["wav"]
        assert (list(file), wav.dtype, wav.shape, wav.attrs["sample_rate"]) == (["wav"], np.int16, (16000,), 16000)
        assert (wav.chunks, wav.compression) == (None, None)  # in one piece
        assert np.abs(np.fft.rfft(wav[:])).argmax() == 1000
    with h5py.File(made[1]) as file:
        np.testing.assert_array_equal(file["wav"][:], ramp(4000))


def test_dump_to_folder_names_what_it_cannot_decode_once(tmp_path, caplog):
    save_audio(tmp_path / "in" / "good.wav", sine(440), 22050)
    (tmp_path / "in" / "bad.mp3").write_bytes(b"not sound at all")
    dataset = umtn.EncodedFilesDataset(tmp_path / "in")
    dataset.dump_to_folder(tmp_path / "out")
    assert [name.endswith("bad.mp3") for name, _ in dataset.failures] == [True]
    assert len(caplog.records) == 1
    assert "bad.mp3: the file cannot be decoded" in caplog.text
    (tmp_path / "in" / "good.wav").unlink()
    reason = r"\n.*bad.mp3: the file cannot be decoded"
    with pytest.raises(DatasetError, match=r"no usable sound" + reason):
        umtn.EncodedFilesDataset(tmp_path / "in").dump_to_folder(tmp_path / "none")


@pytest.mark.parametrize("norm_db", [False, True])
def test_dump_to_folder_leaves_a_file_of_one_sample_out(tmp_path, norm_db):
    save_audio(tmp_path / "in" / "good.wav", sine(440), 22050)
    save_audio(tmp_path / "in" / "one.wav", np.array([0.5]), 44100)
    dataset = umtn.EncodedFilesDataset(tmp_path / "in")
    assert dataset.dump_to_folder(tmp_path / "out", norm_db) == [tmp_path / "out" / "good.h5"]
    ((path, reason),) = dataset.failures
    assert path == str(tmp_path / "in" / "one.wav")
    assert re.match(rf"{re.escape(path)}: nothing is left after resampling .*16,000 Hz", reason)


def test_dump_to_folder_refuses_two_files_of_one_name(tmp_path):
    for ending in ("wav", "flac"):
        save_audio(tmp_path / f"a.{ending}", sine(440), 22050)
    with pytest.raises(
        DatasetError, match=r"out/a.h5: found 2 files that would be written to it \(\S+/a.flac, \S+/a.wav"
    ):
        umtn.EncodedFilesDataset(tmp_path).dump_to_folder(tmp_path / "out")
    assert len(umtn.EncodedFilesDataset(tmp_path, file_type="flac").dump_to_folder(tmp_path / "out")) == 1


def test_norm_db_raises_a_soft_file(tmp_path):
    save_audio(tmp_path / "in" / "soft.wav", sine(440, 3, 16000, amplitude=0.01), 16000)
    umtn.EncodedFilesDataset(tmp_path / "in").dump_to_folder(tmp_path / "out", norm_db=True)
    with h5py.File(tmp_path / "out" / "soft.h5") as file:
        assert np.abs(file["wav"][32000:]).max() > 0.1 * 32768


def test_encoded_files_give_segments_cut_from_the_file(tmp_path):
    save_audio(tmp_path / "long.wav", ramp(20000), 16000)
    dataset = umtn.EncodedFilesDataset(tmp_path, 1000, epoch_len=7)
    assert len(dataset) == 7
    torch.manual_seed(0)
    segments = [dataset[0] for _ in range(5)]
    for segment in segments:
        assert (segment.dtype, segment.shape) == (torch.float32, (1000,))
        np.testing.assert_array_equal(np.diff(segment.numpy()), 1)
    assert len({float(segment[0]) for segment in segments}) > 1
    padded = umtn.EncodedFilesDataset(tmp_path, 30000)[0]
    np.testing.assert_array_equal(padded, np.pad(ramp(20000), (0, 10000)))


def test_a_format_of_ffmpeg_says_what_is_missing(tmp_path, monkeypatch):
    (tmp_path / "song.m4a").write_bytes(b"\0" * 100)
    monkeypatch.setattr(shutil, "which", lambda name: None)
    with pytest.raises(AudioError, match=r"song.m4a: ffmpeg is needed to decode .m4a files"):
        decode(tmp_path / "song.m4a")


@pytest.mark.skipif(not shutil.which("ffmpeg"), reason="ffmpeg is not installed")
def test_ffmpeg_decodes_what_libsndfile_does_not(tmp_path):
    save_audio(tmp_path / "tone.wav", sine(1000, 1, 44100), 44100)
    subprocess.run(["ffmpeg", "-v", "error", "-i", tmp_path / "tone.wav", tmp_path / "tone.m4a"], check=True)
    samples = decode(tmp_path / "tone.m4a")
    assert len(samples) == pytest.approx(16000, rel=0.1)
    assert np.abs(np.fft.rfft(samples, 16000)).argmax() == pytest.approx(1000, abs=2)


@given(n=st.integers(3, 60), train=st.floats(0.1, 0.85), seed=st.integers(0, 99))
def test_divide_leaves_nothing_out_nothing_twice_and_no_part_empty(n, train, seed):
    names = [str(file) for file in range(n)]
    parts = umtn.divide(names, train, 0.1, seed)
    assert sorted(file for files in parts.values() for file in files) == list(range(n))
    assert all(parts.values())
    assert parts == umtn.divide(names, train, 0.1, seed)


@given(n=st.integers(9, 40), seed=st.integers(0, 99))
def test_divide_keeps_groups_together(n, seed):
    groups = [str(file // 3) for file in range(n)]
    parts = umtn.divide(groups, 0.6, 0.2, seed)
    sides = [{groups[file] for file in files} for files in parts.values()]
    assert sum(map(len, sides)) == len(set.union(*sides))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"groups": ["a", "b"]}, "expected at least 3 files or groups"),
        ({"groups": ["a", "b", "c"], "train": 1.2}, "expected shares above 0"),
        ({"groups": ["a", "b", "c"], "seed": -1}, "expected seed to be a whole number of at least 0, found -1"),
    ],
)
def test_divide_says_what_does_not_fit(arguments, message):
    with pytest.raises(DatasetError, match=message):
        umtn.divide(**arguments)
    assert set(umtn.divide(["a", "b"], 0.5, 0.5)) == {"train", "val"}  # no test part was asked for


def test_split_dir_copies_each_file_once_and_movements_together(tmp_path):
    for work in range(5):
        for movement in range(3):
            path = tmp_path / "in" / f"work{work}-{movement}.wav"
            save_audio(path, ramp(100, 100 * work + movement), 16000)
    parts = umtn.split_dir(tmp_path / "in", tmp_path / "out", train=0.6, val=0.2, group=r"^(work\d)-")
    assert {part: len(files) for part, files in parts.items()} == {"train": 9, "val": 3, "test": 3}
    for files in parts.values():
        for file in files:
            assert file.read_bytes() == (tmp_path / "in" / file.name).read_bytes()
    with pytest.raises(DatasetError, match="the folder is not empty"):
        umtn.split_dir(tmp_path / "in", tmp_path / "out", seed=3)
    with pytest.raises(DatasetError, match="no group found with the mapping"):
        umtn.split_dir(tmp_path / "in", tmp_path / "other", group={"work0-0": "a"})
    with pytest.raises(DatasetError, match="expected a regular expression"):
        umtn.split_dir(tmp_path / "in", tmp_path / "other", group="(")


def test_split_dir_keeps_copies_together_and_says_how_many_there_are(tmp_path, caplog):
    for number in range(6):
        noise = np.random.default_rng(number).normal(0, 0.1, 16000).astype(np.float32)
        save_audio(tmp_path / "in" / f"{number}.wav", noise, 16000)
    shutil.copy(tmp_path / "in" / "0.wav", tmp_path / "in" / "same.wav")
    save_audio(tmp_path / "in" / "softer.flac", 0.5 * load_audio(tmp_path / "in" / "1.wav", None)[0], 16000)
    (tmp_path / "in" / "broken.wav").write_bytes(b"RIFF and nothing more")
    for seed in range(5):
        parts = umtn.split_dir(tmp_path / "in", tmp_path / str(seed), 0.5, 0.25, seed)
        sides = {file.name: part for part, files in parts.items() for file in files}
        assert sides["same.wav"] == sides["0.wav"]
        assert sides["softer.flac"] == sides["1.wav"]
        assert len(sides) == 9
        assert "in: 4 of 9 files are copies of each other, such as 0.wav and same.wav." in caplog.messages[seed]
    assert len(caplog.records) == 5


def test_h5_segments_are_cut_from_the_files_and_coded(domain):
    dataset = umtn.H5Dataset(domain / "train", 1000)
    assert len(dataset) == 10000
    assert dataset.sample_rate == 16000
    everything = umtn.encode(np.concatenate([ramp(3000), ramp(2500, 10000)]))
    windows = {window.tobytes() for window in np.lib.stride_tricks.sliding_window_view(everything, 1000)}
    for _ in range(20):
        clean, augmented = dataset[0]
        assert (clean.dtype, clean.shape) == (torch.uint8, (1000,))
        assert clean.numpy().tobytes() in windows
        assert torch.equal(clean, augmented)


def test_h5_reads_the_original_float64_files_and_earlier_ones_alike(tmp_path):
    samples = (10000 * sine(440, 1, 16000)).astype(np.int16)
    umtn.write_h5(tmp_path / "ours" / "a.h5", samples)
    (tmp_path / "theirs").mkdir()
    with h5py.File(tmp_path / "theirs" / "a.h5", "w") as file:
        file.create_dataset("wav", data=samples.astype(float), chunks=(10000,))
    (tmp_path / "earlier").mkdir()
    with h5py.File(tmp_path / "earlier" / "a.h5", "w") as file:  # as musiclab 0.1 wrote them
        file.create_dataset("wav", data=samples, chunks=(10000,)).attrs["sample_rate"] = 16000
    pairs = []
    for folder in ("ours", "theirs", "earlier"):
        torch.manual_seed(1)
        pairs.append(umtn.H5Dataset(tmp_path / folder, 4000, augmentation=umtn.WavFrequencyAugmentation(16000))[0])
    for clean, augmented in pairs:
        assert torch.equal(clean, pairs[0][0])
        assert torch.equal(augmented, pairs[0][1])
    assert not torch.equal(*pairs[0])
    sizes = [(tmp_path / folder / "a.h5").stat().st_size for folder in ("ours", "theirs")]
    assert sizes[0] < sizes[1] / 3


def test_h5_short_and_other_datasets(domain, tmp_path):
    assert umtn.H5Dataset(domain / "train", 1000, short=True).file_paths == [domain / "train" / "a.h5"]
    with h5py.File(tmp_path / "m.h5", "w") as file:
        file["mel"] = np.arange(40.0).reshape(10, 4)
    values, _ = umtn.H5Dataset(tmp_path, 6, "mel")[0]
    assert values.shape == (4, 6)
    assert (values[:, 1] - values[:, 0]).tolist() == [4.0] * 4


def test_h5_reports_short_and_broken_files_once(domain, caplog):
    umtn.write_h5(domain / "train" / "short.h5", ramp(10))
    (domain / "train" / "broken.h5").write_bytes(b"not HDF5")
    dataset = umtn.H5Dataset(domain / "train", 1000)
    assert [reason.split(": ")[1].split(" (")[0] for _, reason in dataset.failures] == [
        "the file cannot be opened as HDF5",
        "expected at least 1000 samples, found 10; remove it or reduce seq_len",
    ]
    for _ in range(5):
        dataset[0]
    assert len(caplog.records) == 1


def test_h5_says_what_is_wrong_with_a_folder(domain, tmp_path):
    with pytest.raises(DatasetError, match=r"no .h5 files found"):
        umtn.H5Dataset(tmp_path / "empty", 1000)
    with pytest.raises(DatasetError, match="expected a dataset 'wave', found wav"):
        umtn.H5Dataset(domain, 1000, "wave")
    with pytest.raises(DatasetError, match="expected at least 5000 samples, found 3000"):
        umtn.H5Dataset(domain / "train", 5000)
    umtn.write_h5(domain / "train" / "z.h5", ramp(3000), sample_rate=22050)
    with pytest.raises(DatasetError, match="expected files of one sample rate, found 16000, 22050 Hz"):
        umtn.H5Dataset(domain / "train", 1000)


def test_h5_keeps_no_file_open_and_can_be_sent(domain):
    dataset = pickle.loads(pickle.dumps(umtn.H5Dataset(domain / "train", 1000)))
    with h5py.File(domain / "train" / "a.h5", "a") as file:  # HDF5 would refuse if the file were open for reading
        file["wav"][:] = 0
    path, other = dataset.file_paths
    assert not dataset.read(path, 100, 200).any()
    np.testing.assert_array_equal(dataset.read(other, 100, 200), ramp(100, 10100))


def test_h5_workers_draw_differently_and_repeatably(domain):
    dataset = umtn.H5Dataset(domain / "train", 100, epoch_len=8)

    def draw():
        torch.manual_seed(3)
        loader = torch.utils.data.DataLoader(dataset, 4, num_workers=2)
        return [clean for clean, _ in loader]

    first, second = draw(), draw()
    assert all(torch.equal(a, b) for a, b in zip(first, second, strict=True))
    assert not torch.equal(*first)  # each batch comes from another worker


def test_dataset_set_augments_training_alone(domain):
    for part in ("train", "val"):
        noise = np.random.default_rng(len(part)).normal(0, 5000, 4000).astype(np.int16)
        umtn.write_h5(domain / part / "a.h5", noise)
        umtn.write_h5(domain / part / "b" / "c.h5", noise)
        (domain / "val" / "d.h5").unlink(missing_ok=True)
    args = SimpleNamespace(
        data_aug=True, magnitude=0.5, h5_dataset_name="wav", short=False, batch_size=3, num_workers=0
    )
    data = umtn.DatasetSet(domain, 1000, args)
    clean, augmented = umtn.wrap(next(data.train_iter), "cpu")
    assert clean.shape == (3, 1000)
    assert (clean != augmented).any(dim=1).all()
    clean, augmented = next(data.valid_iter)
    assert torch.equal(clean, augmented)
    held_out = umtn.encode(np.random.default_rng(3).normal(0, 5000, 4000).astype(np.int16)).tobytes()
    assert all(row.numpy().tobytes() in held_out for row in clean)
    assert data.train_iter is data.train_iter


def test_dataset_set_says_which_part_is_missing(domain):
    shutil.rmtree(domain / "val")
    with pytest.raises(DatasetError, match=r"val: no .h5 files found. Create them with `musiclab umtn split`"):
        umtn.DatasetSet(domain, 1000)


def test_musicnet_gives_the_six_domains(tmp_path):
    rows = []
    for name, (composer, ensemble) in enumerate([*umtn.DOMAINS, umtn.DOMAINS[0], ("Ravel", "Solo Piano")], 1700):
        rows.append(dict(id=name, composer=composer, composition="Suite", movement=1, ensemble=ensemble, seconds=9))
        folder = "train_data" if name % 2 else "test_data"
        save_audio(tmp_path / "musicnet" / folder / f"{name}.wav", ramp(100), 16000)
    pd.DataFrame(rows).to_csv(tmp_path / "musicnet_metadata.csv", index=False)
    table = umtn.musicnet_domains(tmp_path, tmp_path / "parsed")
    assert table.columns.tolist() == ["id", "path", "domain", "group", "seconds"]
    assert len(table) == 7
    assert table["domain"].unique().tolist() == [
        "Bach_Solo_Cello",
        "Beethoven_Solo_Piano",
        "Cambini_Wind_Quintet",
        "Bach_Solo_Piano",
        "Beethoven_Accompanied_Violin",
        "Beethoven_String_Quartet",
    ]
    assert sorted(path.name for path in (tmp_path / "parsed" / "Bach_Solo_Cello").iterdir()) == ["1700.wav", "1706.wav"]
    (tmp_path / "musicnet" / "train_data" / "1701.wav").unlink()
    with pytest.raises(DatasetError, match=r"1 of .* missing in .*, such as 1701.wav"):
        umtn.musicnet_domains(tmp_path)
    with pytest.raises(DatasetError, match=r"musicnet_metadata.csv: not MusicNet's table .*No such file"):
        umtn.musicnet_domains(tmp_path / "nowhere")
    pd.DataFrame(rows[1:3]).to_csv(tmp_path / "musicnet_metadata.csv", index=False)
    with pytest.raises(DatasetError, match="no recordings of Bach, Solo Cello"):
        umtn.musicnet_domains(tmp_path)
    pd.DataFrame(rows).drop(columns="seconds").to_csv(tmp_path / "musicnet_metadata.csv", index=False)
    with pytest.raises(DatasetError, match=r"not MusicNet's table .*seconds"):
        umtn.musicnet_domains(tmp_path)


def test_command_runs_the_pipeline_and_names_what_is_short(tmp_path):
    from typer.testing import CliRunner

    from musiclab.cli.umtn import app

    def run(*arguments):
        return CliRunner().invoke(app, [str(argument) for argument in arguments])

    for number in range(5):
        save_audio(tmp_path / "in" / f"{number}.wav", sine(220 + number, 1), 22050)
    assert run("split", "-i", tmp_path / "in", "-o", tmp_path / "split").output.endswith("train 3, val 1, test 1\n")
    assert run("split", "-i", tmp_path / "in", "-o", tmp_path / "no", "--seed", -1).exit_code == 2
    assert run("studio", "-o", tmp_path / "no", "--seed", -1).exit_code == 2
    done = run("preprocess", "-i", tmp_path / "split", "-o", tmp_path / "pre", "--norm-db")
    assert done.output.endswith(f"{tmp_path / 'pre'}: 5 files written, 0 left out\n")
    done = run("inspect", tmp_path / "pre", "--seq-len", 12000)
    assert done.exit_code == 0
    assert [line.split()[:2] for line in done.output.splitlines()[1:]] == [["test", "1"], ["train", "3"], ["val", "1"]]
    done = run("inspect", tmp_path / "pre", "--seq-len", 20000)
    assert done.exit_code == 1
    assert "found 16000; remove it" in done.output
    assert isinstance(run("inspect", tmp_path / "in").exception, DatasetError)
