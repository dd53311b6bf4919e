"""Pictures: what they draw, where, and with which units."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from conftest import SAMPLE_RATE, sine
from matplotlib.colors import to_rgb

from musiclab import plots
from musiclab.features import MelConfig, log_mel


@pytest.fixture(autouse=True)
def no_figure_stays():
    yield
    plt.close("all")


EPOCHS = pd.DataFrame(
    {"epoch": [1, 2, 3], "train_loss": [2.0, 1.5, 1.2], "valid_loss": [2.1, 1.4, 1.6],
     "train_accuracy": [0.2, 0.5, 0.6], "valid_accuracy": [0.3, 0.6, 0.5]}
)  # fmt: skip
TABLE = pd.DataFrame(
    {"name": ["best", "next", "last"], "accuracy": [0.9, 0.7, 0.7], "low": [0.85, 0.6, 0.5], "high": [0.93, 0.8, 0.9],
     "generated": [False, True, False]}
)  # fmt: skip
GAINS = pd.DataFrame(
    {"difference": [0.1, -0.02], "low": [0.04, -0.1], "high": [0.16, 0.06]}, index=["network", "table"]
)
SHARES = np.array([[0.9, 0.1], [0.5, 0.5], [0.2, 0.8]])
SPECTRUM = np.zeros((513, 20))
DRAWINGS = {
    "waveform": (lambda ax: plots.waveform(sine(440), SAMPLE_RATE, ax=ax), "time (s)", "amplitude"),
    "spectrum": (lambda ax: plots.spectrum(sine(440), SAMPLE_RATE, ax=ax), "frequency (Hz)", "level (dB)"),
    "log_mel": (lambda ax: plots.log_mel(log_mel(sine(440)), ax=ax), "time (s)", "frequency (Hz, mel scale)"),
    "spectrogram": (lambda ax: plots.spectrogram(SPECTRUM, SAMPLE_RATE, ax=ax), "time (s)", "frequency (Hz)"),
    "chroma": (lambda ax: plots.chroma(np.eye(12), SAMPLE_RATE, ax=ax), "time (s)", "pitch class"),
    "history": (lambda ax: plots.history(EPOCHS, ax=ax), "epoch", "loss (nats)"),
    "fold_histories": (lambda ax: plots.fold_histories(EPOCHS.assign(fold=1), ax=ax), "epoch", "loss (nats)"),
    "confusion": (lambda ax: plots.confusion(np.eye(3, dtype=int), "abc", ax=ax), "predicted", "true"),
    "comparison": (lambda ax: plots.comparison(TABLE, ax=ax), "accuracy (%) with its 95 % interval", ""),
    "differences": (
        lambda ax: plots.differences(GAINS, ax=ax),
        "difference of the accuracies (points), with its 95 % interval",
        "",
    ),
    "timeline": (lambda ax: plots.timeline(np.arange(4), SHARES, "ab", ax=ax), "time (s)", ""),
}


@pytest.mark.parametrize(("draw", "across", "up"), DRAWINGS.values(), ids=DRAWINGS)
def test_a_drawing_names_its_axes_and_draws_where_it_is_told(draw, across, up):
    _, (first, second) = plt.subplots(1, 2)
    assert draw(second) is second
    assert (second.get_xlabel(), second.get_ylabel()) == (across, up)
    assert second.has_data()
    assert not first.has_data()
    alone = draw(None)
    assert alone.figure is not second.figure
    alone.figure.canvas.draw()


def test_a_waveform_has_its_times():
    ax = plots.waveform(sine(440), SAMPLE_RATE, start=2.0)
    times, values = ax.lines[0].get_data()
    assert (times[0], times[-1]) == (2.0, pytest.approx(3.0, abs=1e-4))
    np.testing.assert_array_equal(values, sine(440))
    few = plots.waveform(sine(440)[:50], SAMPLE_RATE)
    assert few.lines[0].get_marker() == "o"  # samples are points
    assert len(few.lines[0].get_xdata()) == 50


def test_a_spectrum_peaks_at_0_db_where_the_tone_is():
    frequencies, levels = plots.spectrum(sine(440), SAMPLE_RATE).lines[0].get_data()
    assert frequencies[levels.argmax()] == 440
    assert levels.max() == pytest.approx(0)
    octave_up = sine(440) + 0.1 * sine(880)
    levels = plots.spectrum(octave_up, SAMPLE_RATE).lines[0].get_ydata()
    assert levels[880] == pytest.approx(-20, abs=0.1)  # a tenth of the amplitude
    assert np.isfinite(plots.spectrum(np.zeros(1000), SAMPLE_RATE).lines[0].get_ydata()).all()


@pytest.mark.parametrize("frequency", [500, 1000, 4000])
def test_frequencies_on_the_picture_are_where_the_tone_is(frequency):
    config = MelConfig(n_fft=4096)
    picture = log_mel(sine(frequency), config)
    ax = plots.log_mel(picture, config)
    marks = dict(zip([label.get_text() for label in ax.get_yticklabels()], ax.get_yticks(), strict=True))
    assert marks[f"{frequency:,}"] == pytest.approx(picture[:, 20].argmax() + 0.5, abs=0.5)
    left, right, bottom, top = ax.images[0].get_extent()
    assert (left, bottom, top) == (0, 0, 128)
    assert right == pytest.approx(44 * 512 / SAMPLE_RATE)


def test_a_bin_of_a_spectrogram_is_centred_on_its_frequency_and_a_frame_on_its_time():
    levels = np.zeros((513, 40))
    ax = plots.spectrogram(levels, sample_rate=22050, hop_length=256, top=4000, colorbar=False)
    left, right, low, high = ax.images[0].get_extent()
    assert (low + high) / 2 == pytest.approx(256 * 22050 / 1024)  # the middle of 513 bins is bin 256
    assert (left + right) / 2 == pytest.approx(19.5 * 256 / 22050)
    assert ax.get_ylim() == (0, 4000)
    assert ax.get_xlim() == pytest.approx((0, 39.5 * 256 / 22050))  # up to the end of the image
    assert ax.get_xlim()[1] == right


def test_a_chroma_picture_has_c_at_the_bottom_and_one_scale_for_all():
    ax = plots.chroma(np.eye(12)[:, :1], 22050)
    assert [label.get_text() for label in ax.get_yticklabels()][::11] == ["C", "B"]
    assert ax.images[0].get_clim() == (0, 1)


def test_marks_stay_within_the_bands_and_the_colours_have_a_unit():
    config = MelConfig(fmin=300, fmax=6000, scaling="decibel")
    ax = plots.log_mel(log_mel(sine(440), config), config)
    assert [label.get_text() for label in ax.get_yticklabels()] == ["500", "1,000", "2,000", "4,000"]
    assert [other.get_ylabel() for other in ax.figure.axes if other is not ax] == ["level (dB)"]
    assert len(plots.log_mel(log_mel(sine(440)), colorbar=False).figure.axes) == 1
    steep = MelConfig(scaling="log10(1+10000x)")
    assert plots.log_mel(log_mel(sine(440), steep), steep).figure.axes[1].get_ylabel() == "log10(1 + 10,000 mel)"


def test_a_history_shows_both_parts_and_the_best_epoch():
    ax = plots.history(EPOCHS, "accuracy", best_epoch=2)
    assert ax.get_ylabel() == "accuracy"
    named = {line.get_label(): line for line in ax.lines}
    assert list(named) == ["training (augmented)", "validation", "best epoch (2)"]
    assert named["validation"].get_ydata().tolist() == [0.3, 0.6, 0.5]
    assert set(named["best epoch (2)"].get_xdata()) == {2}
    alone = plots.history(EPOCHS[["epoch", "train_loss"]], best_epoch=3)
    assert [line.get_label() for line in alone.lines] == ["training (augmented)"]


def test_one_epoch_is_marked_as_a_whole_number():
    ax = plots.history(EPOCHS[:1])
    low, high = ax.get_xlim()
    assert [tick for tick in ax.get_xticks() if low <= tick <= high] == [1]


def test_folds_are_faint_and_their_mean_is_strong():
    longer = pd.DataFrame({"epoch": [1, 2, 3, 4], "train_loss": [4.0, 2.5, 2.2, 1.0]})
    ax = plots.fold_histories(pd.concat([EPOCHS.assign(fold=1), longer.assign(fold=2)]))
    strong = {line.get_label(): line for line in ax.lines if line.get_alpha() is None}
    assert list(strong) == ["training, mean of 2", "validation, mean of 2"]
    np.testing.assert_allclose(strong["training, mean of 2"].get_ydata(), [3, 2, 1.7, 1])  # of those that got so far
    np.testing.assert_allclose(strong["validation, mean of 2"].get_ydata()[:3], EPOCHS["valid_loss"])
    assert len([line for line in ax.lines if line.get_alpha() == 0.3]) == 3


def test_a_comparison_has_the_best_on_top_and_its_intervals():
    ax = plots.comparison(TABLE[::-1].sort_values("accuracy", ascending=False, kind="stable"))
    assert [label.get_text() for label in ax.get_yticklabels()] == ["next (generated data)", "last", "best"]
    points, _, (bars,) = ax.containers[0]
    np.testing.assert_allclose(points.get_xdata(), [70, 70, 90])
    np.testing.assert_allclose([bar[:, 0] for bar in bars.get_segments()], [[60, 80], [50, 90], [85, 93]])
    assert [text.get_text() for text in ax.texts] == ["70.0", "70.0", "90.0"]
    assert ax.get_ylim()[0] < ax.get_ylim()[1]


def test_differences_are_in_points_with_hollow_marks_where_0_is_inside():
    ax = plots.differences({"one": GAINS, "other": GAINS[::-1]}, label="what it adds")
    marks = [line for line in ax.lines if line.get_linestyle() == "None" and len(line.get_xdata()) == 1]
    marks = [line for line in marks if line.get_marker() in "os"]
    assert [line.get_xdata()[0] for line in marks] == pytest.approx([10, -2, 10, -2])  # rows of the first table
    assert [line.get_markerfacecolor() == "white" for line in marks] == [False, True, False, True]
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["one", "other"]
    assert [label.get_text() for label in ax.get_yticklabels()] == ["network", "table"]
    assert ax.yaxis_inverted()
    bars = ax.collections[0].get_segments()[0]
    assert bars[:, 0] == pytest.approx([4, 16])
    assert plots.differences(GAINS).get_legend() is None


def test_a_timeline_has_a_row_a_class_and_its_times():
    ax = plots.timeline(np.array([0.0, 1.5, 2, 6]), SHARES, ["a", "b"])
    (mesh,) = ax.collections
    np.testing.assert_allclose(np.reshape(mesh.get_array(), (2, 3)), 100 * SHARES.T)
    np.testing.assert_allclose(mesh.get_coordinates()[0, :, 0], [0, 1.5, 2, 6])
    assert [label.get_text() for label in ax.get_yticklabels()] == ["a", "b"]
    low, high = ax.get_ylim()
    assert low > high  # the first class on top
    assert [other.get_ylabel() for other in ax.figure.axes if other is not ax] == ["probability (%)"]


def test_a_confusion_matrix_shows_counts_and_shares():
    counts = np.array([[8, 2, 0], [0, 5, 0], [0, 0, 0]])  # nothing of the third class was tested
    ax = plots.confusion(counts, ["a", "b", "c"])
    texts = {tuple(map(int, text.get_position())): text.get_text() for text in ax.texts}
    assert texts == {(0, 0): "8", (1, 0): "2", (1, 1): "5"}  # column, row
    np.testing.assert_allclose(ax.images[0].get_array(), [[80, 20, 0], [0, 100, 0], [0, 0, 0]])
    assert [label.get_text() for label in ax.get_xticklabels()] == ["a", "b", "c"]


def test_the_palette_can_be_told_apart_in_grey():
    greys = [np.dot(to_rgb(colour), (0.299, 0.587, 0.114)) for colour in plots.PALETTE]
    assert len(set(plots.PALETTE)) == 10
    assert max(greys) - min(greys) > 0.4
    for first, second in zip(plots.PALETTE, plots.PALETTE[1:], strict=False):
        assert np.abs(np.subtract(to_rgb(first), to_rgb(second))).max() > 0.1
