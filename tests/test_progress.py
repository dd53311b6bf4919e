"""One progress bar for terminals, notebooks and log files."""

import io

import pytest

from musiclab.core import progress as module
from musiclab.core.progress import progress


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.mark.parametrize("show", [True, False])
def test_it_gives_what_it_is_given(show, capsys):
    assert list(progress(iter("abc"), "reading", total=3, show=show)) == ["a", "b", "c"]
    assert (capsys.readouterr().err != "") == show


def test_a_log_file_gets_whole_lines_with_the_last_state(capsys):
    for _ in progress(range(1000), "reading", unit="clip"):
        pass
    lines = capsys.readouterr().err.splitlines()
    assert 1 <= len(lines) <= 3  # now and then, not one a clip
    assert lines[-1].startswith("reading: 1000/1000 [")
    assert "clip/s" in lines[-1]
    assert not any("\r" in line or "\x1b" in line for line in lines)


def test_a_bar_can_be_moved_by_hand(capsys):
    bar = progress(None, "reading", total=4)
    for _ in range(4):
        bar.update(1)
    bar.close()
    bar.close()  # twice does no harm
    assert capsys.readouterr().err.splitlines()[-1].startswith("reading: 4/4")


def test_the_first_step_waits_for_processes_and_tells_nothing_of_the_speed():
    """Twelve seconds until the first of 40 clips, then 20 per second."""
    bar = module._Bar(None, "scanning", 40, unit="clip", bar_format=module._LINE, file=io.StringIO())
    clock = iter([12.0, 12.5, 13.95])
    bar.start_t, bar._time = 0.0, lambda: now
    texts = []
    for steps in (1, 10, 29):
        now = next(clock)
        bar.n += steps
        texts.append(str(bar))
    assert texts == ["scanning: 1/40 [00:12]", "scanning: 11/40 [00:12<00:01, 20.00clip/s]",
                     "scanning: 40/40 [00:13<00:00, 20.00clip/s]"]  # fmt: skip


def test_a_terminal_is_left_clean(monkeypatch):
    screen = Terminal()
    monkeypatch.setattr(module.sys, "stderr", screen)
    for _ in progress(range(3), "reading"):
        pass
    assert "reading" in screen.getvalue()
    assert screen.getvalue().split("\r")[-1].strip() == ""
    assert "\n" not in screen.getvalue()


class Display:
    """Stands for IPython's display: keeps what was shown in the one place."""

    def __init__(self):
        self.made, self.shown = 0, []

    def __call__(self, data, raw, display_id):
        assert raw
        assert display_id is True
        self.made += 1
        self.shown.append(data["text/plain"])
        return self

    def update(self, data, raw):
        self.shown.append(data["text/plain"])


def test_a_notebook_has_one_line_that_is_replaced(monkeypatch, capsys):
    display = Display()
    monkeypatch.setattr(module, "_in_notebook", lambda: True)
    monkeypatch.setattr("IPython.display.display", display)
    bar = progress(range(5), "training", unit="epoch")
    for _ in bar:
        bar.set_postfix({"loss": "0.5"}, refresh=False)
    assert display.made == 1
    assert "5/5" in display.shown[-1]
    assert "loss=0.5" in display.shown[-1]
    printed = capsys.readouterr()
    assert (printed.out, printed.err) == ("", "")  # text on stderr would be red


def test_a_test_run_is_no_notebook():
    assert not module._in_notebook()
