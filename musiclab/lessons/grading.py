"""Grade a folder of submitted notebooks: ``musiclab class grade``.

Each submission runs in a process of its own, with limits (:mod:`musiclab.lessons.submission`). It yields answers as
data, and the tests run here, where the student's code can't reach them.
"""

import contextlib
import io
import json
import os
import queue
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import nbformat
import numpy as np
import pandas as pd

from musiclab.core.errors import MusiclabError
from musiclab.core.files import cache_folder
from musiclab.lessons import judge
from musiclab.lessons.submission import LONGEST_CALLS, decode, encode

LARGEST_NOTEBOOK = 50_000_000  # bytes
SYSTEM = ("/usr", "/lib", "/lib64", "/etc", "/sys", "/proc", "/dev")  # folders that a submission may read
MOST_DATA = 400_000_000  # characters that a submission may send


def preview(number: int, answer) -> None:
    """Print how a grader will read an answer. Whether it is correct stays hidden.

    Parameters
    ----------
    number : int
        Number of the exercise.
    answer : object
        Your answer. None stands for no answer yet.

    Examples
    --------
    >>> preview(1, 4096)
    Exercise 1: your answer is 4096
    >>> preview(1, None)
    Exercise 1: no answer yet
    """
    if answer is None:
        print(f"Exercise {number}: no answer yet")
        return
    try:
        value = decode(encode(answer, {}), call=lambda *_: None)
    except ValueError as error:
        print(f"Exercise {number}: {error}")
        return
    print(f"Exercise {number}: your answer is {'a function' if callable(value) else value}")


def compare(answer, truth, within: float | None = None, absolute: float = 0.0):
    """Compare an answer with that of the solution.

    Parameters
    ----------
    answer, truth : number, text, array or sequence of numbers
        Answer of the student, and of the solution.
    within, absolute : float
        Tolerances, as in :func:`musiclab.lessons.judge.number`.

    Returns
    -------
    Verdict or list of Verdict
        One verdict per number.

    Examples
    --------
    >>> [verdict.is_right for verdict in compare((440, 880.1), (440, 220))]
    [True, False]
    """
    if isinstance(truth, str):
        is_right = isinstance(answer, str) and answer.strip().lower() == truth.lower()
        return judge.accept() if is_right else judge.reject("not the right text")
    if np.ndim(truth) == 0:
        return judge.number(answer, truth, within=within, absolute=absolute)
    if np.size(truth) > 10:
        return judge.array(answer, np.asarray(truth), absolute, within=within or 0.005)
    truths = {f"number {index}": value for index, value in enumerate(np.asarray(truth).tolist(), start=1)}
    return judge.numbers(answer, truths, within=within, absolute=absolute)


@dataclass
class Submission:
    """What a submitted notebook yielded: answers as JSON, and what went wrong."""

    answers: dict = field(default_factory=dict)
    messages: list[str] = field(default_factory=list)


class Process:
    """A submission in its own process and folder, which are gone when the ``with`` block ends."""

    def __init__(self, seconds: int, megabytes: int, files: Path):
        self.seconds, self.megabytes, self.files = seconds, megabytes, files

    def __enter__(self) -> "Process":
        self.folder = Path(tempfile.mkdtemp(prefix="submission-")).resolve()
        shutil.copytree(self.files, self.folder, dirs_exist_ok=True)
        cache = cache_folder().resolve()
        if cache.is_dir():  # links, so the student's programs can read the files, and write new ones beside them
            ignore = shutil.ignore_patterns("*.lock")
            shutil.copytree(cache, self.folder / ".cache", copy_function=os.symlink, ignore=ignore)
        package = Path(__file__).parents[1]
        self.mark = secrets.token_hex(16)
        environment = {
            "PATH": "/usr/bin:/bin", "LANG": "C.UTF-8", "PYTHONPATH": str(package.parent),
            "OMP_NUM_THREADS": "1", "LOKY_MAX_CPU_COUNT": "1",  # one core, and no processes of its own
            "HOME": str(self.folder), "TMPDIR": str(self.folder), "MUSICLAB_CACHE": str(self.folder / ".cache"),
            "IPYTHONDIR": str(self.folder), "MPLCONFIGDIR": str(self.folder), "MPLBACKEND": "Agg",
            "MUSICLAB_SUBMISSION": self.mark,
        }  # fmt: skip
        self.readable = [*SYSTEM, *map(str, (sys.prefix, sys.base_prefix, package, cache))]
        self.process = subprocess.Popen(
            [sys.executable, "-m", "musiclab.lessons.submission"],
            cwd=self.folder, env=environment, start_new_session=True, text=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        self.lines: queue.Queue = queue.Queue()
        threading.Thread(target=self._read, daemon=True).start()
        self.deadline = time.monotonic() + self.seconds
        return self

    def __exit__(self, *_) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        for pause in (0, 0.1):  # s, because a program that is just starting has no environment to be found by
            time.sleep(pause)
            for pid in _find_processes(self.mark):  # those that left the group
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
        self.process.stdin.close()
        shutil.rmtree(self.folder, ignore_errors=True)

    def _read(self) -> None:
        size = 0
        while (line := self.process.stdout.readline(MOST_DATA)) and (size := size + len(line)) < MOST_DATA:
            self.lines.put(line)
        self.lines.put(None)

    def send(self, **message) -> None:
        with contextlib.suppress(OSError):  # the process has ended, which the next receive() reports
            self.process.stdin.write(json.dumps(message) + "\n")
            self.process.stdin.flush()

    def receive(self, seconds: float | None = None) -> dict:
        """Return the next message, or raise TimeoutError, or EOFError if the process has ended."""
        remaining = self.deadline - time.monotonic()
        try:
            line = self.lines.get(timeout=max(0.0, min(remaining, seconds or remaining)))
        except queue.Empty:
            raise TimeoutError from None
        if line is None:
            raise EOFError
        message = json.loads(line)
        if not isinstance(message, dict):
            raise ValueError("not a message")
        return message

    def run(self, cells: list[str], names: list[str]) -> Submission:
        """Run the cells, and collect the answers with these names, as many as there are until the process ends."""
        submission = Submission()
        limits = {"seconds": self.seconds, "megabytes": self.megabytes, "readable": self.readable}
        self.send(cells=cells, names=names, **limits)
        try:
            while not (message := self.receive()).get("done"):
                if message.get("name") in names:
                    submission.answers[message["name"]] = message.get("answer")
                elif "error" in message:
                    submission.messages.append(str(message["error"]).replace("\n", " ")[:300])
        except TimeoutError:
            submission.messages.append(f"stopped after {self.seconds} s")
        except EOFError:
            submission.messages.append("the notebook ended its own process, or a limit ended it")
        except ValueError:
            submission.messages.append("the notebook disturbed the transfer of its answers")
        self.deadline = time.monotonic() + LONGEST_CALLS
        return submission

    def call(self, key: str, arguments: tuple):
        """Call a function of the student, in the student's process."""
        self.send(call=key, arguments=encode(list(arguments)))
        try:
            message = self.receive()
        except TimeoutError:
            raise judge.AnswerRejected("your function takes too long") from None
        except (EOFError, ValueError):
            raise judge.AnswerRejected("your function ended its process") from None
        if "failed" in message:
            raise judge.AnswerRejected(f"your function stopped with {str(message['failed'])[:300]}")
        return decode(message.get("result"))


def _find_processes(mark: str) -> Iterator[int]:
    for path in Path("/proc").glob("[0-9]*/environ"):
        with contextlib.suppress(OSError):
            if mark.encode() in path.read_bytes():
                yield int(path.parent.name)


class HiddenTests:
    """The hidden tests of one variant: the solution, run in this process, with a test for each question."""

    def __init__(self, path: Path):
        self.notebook = nbformat.read(path, as_version=4)
        self.folder = path.parent
        self.settings = self.notebook.metadata["musiclab"]
        self.questions = self.settings["questions"]
        self.namespace: dict = {}

    def prepare(self) -> None:
        """Run the solution, once."""
        if self.namespace:
            return
        namespace = {"__name__": "hidden"}
        try:
            with contextlib.redirect_stdout(io.StringIO()), contextlib.chdir(self.folder / "student"):
                for cell in self.notebook.cells:
                    if cell.cell_type == "code":
                        exec(compile(cell.source, str(self.folder / "hidden.ipynb"), "exec"), namespace)
        except Exception as error:
            raise MusiclabError(
                f"{self.folder / 'hidden.ipynb'}: the solution fails ({type(error).__name__}: {error}). "
                "Make the assignment again."
            ) from error
        self.namespace = namespace

    def grade(self, notebook: nbformat.NotebookNode, seconds: int, megabytes: int) -> dict:
        """Run a submission, test its answers, and return its row of the table."""
        self.prepare()
        cells = [cell.source for cell in notebook.cells if cell.cell_type == "code"]
        by_program = [question for question in self.questions if not question["by_hand"]]
        names = [f"answer_{question['number']}" for question in by_program]
        row = {}
        with Process(seconds, megabytes, self.folder / "student") as process:
            submission = process.run(cells, names)
            messages = submission.messages[:3]
            for question, name in zip(by_program, names, strict=True):
                share, message = self._test(question, submission.answers.get(name), process)
                row[question["column"]] = round(question["points"] * share, 2)
                if message:
                    messages.append(f"{question['column']}: {message}")
        row |= {question["column"]: None for question in self.questions if question["by_hand"]}
        return row | {"message": "; ".join(messages)}

    def _test(self, question: Mapping, encoded, process: Process) -> tuple[float, str]:
        if encoded is None:
            return 0.0, "no answer"
        try:
            answer = decode(encoded, process.call)
        except Exception as error:  # also data that a program made up
            return 0.0, str(error)[:300] or "not data"
        verdicts = judge.apply(self.namespace[f"test_{question['number']}"], answer)
        wrong = [verdict.text for verdict in verdicts if not verdict.is_right]
        return 1 - len(wrong) / len(verdicts), " | ".join(wrong)


def grade(submissions: Path, assignment: Path, seconds: int = 300, megabytes: int = 4096) -> pd.DataFrame:
    """Grade all notebooks in a folder.

    Parameters
    ----------
    submissions : Path
        Folder of notebooks. The name of a file, without its ending, is the name of the student.
    assignment : Path
        Folder that ``make assignment`` wrote, for one seed or for several.
    seconds, megabytes : int
        Limits of one submission: time, and memory of a process.

    Returns
    -------
    pandas.DataFrame
        One row per student: the points of each question, their total, and what went wrong. Questions that a person
        has to read are empty, and don't count in the total.

    Raises
    ------
    MusiclabError
        If there are no submissions or no hidden tests, or if the system can't limit a process.

    Examples
    --------
    >>> grade(Path("submissions"), Path("build/assignments/05")).to_csv("points.csv")  # doctest: +SKIP
    """
    if os.name != "posix":
        raise MusiclabError("grading needs Linux or macOS, which can limit a process. On Windows, use WSL.")
    paths = sorted(path for path in Path(submissions).rglob("*.ipynb") if ".ipynb_checkpoints" not in path.parts)
    if not paths:
        raise MusiclabError(f"{submissions}: no notebooks. Put one .ipynb file for each student there.")
    variants = {}
    for path in sorted(Path(assignment).rglob("hidden.ipynb")):
        tests = HiddenTests(path)
        variants[tests.settings["variant"]] = tests
    if not variants:
        raise MusiclabError(f"{assignment}: no hidden tests. Write them with `make assignment N=05 SEED=7`.")
    rows = []
    for path in paths:
        row = {"student": path.relative_to(submissions).with_suffix("").as_posix(), "seed": None}
        try:
            notebook = _read(path)
            tests = variants.get(notebook.metadata.get("musiclab", {}).get("variant"))
            if tests is None:
                raise MusiclabError("this isn't a notebook of this assignment, or its seed has no folder")
        except MusiclabError as error:
            rows.append(row | {"message": str(error)})
            continue
        row["seed"] = tests.settings["seed"]
        rows.append(row | tests.grade(notebook, seconds, megabytes))
    return _to_table(rows, next(iter(variants.values())).questions)


def _read(path: Path) -> nbformat.NotebookNode:
    try:
        if path.stat().st_size > LARGEST_NOTEBOOK:
            raise ValueError("too large")
        return nbformat.read(path, as_version=4)
    except Exception as error:
        raise MusiclabError(f"the notebook can't be read ({str(error)[:100]})") from None


def _to_table(rows: list[dict], questions: list[dict]) -> pd.DataFrame:
    columns = [question["column"] for question in questions]
    by_program = [question["column"] for question in questions if not question["by_hand"]]
    table = pd.DataFrame(rows, columns=["student", "seed", *columns, "message"])
    table["seed"] = table["seed"].astype("Int64")
    total = table[by_program].astype(float).sum(axis=1).round(2).where(table["seed"].notna())
    table.insert(len(table.columns) - 1, "total", total)
    table.insert(
        len(table.columns) - 1, "out of", sum(question["points"] for question in questions if not question["by_hand"])
    )
    return table
