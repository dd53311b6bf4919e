"""Ask a few questions about a lesson, and explain every answer.

A TOML file holds the questions of each lesson. They are shown as plain HTML without a script, which also works in a
book, in a notebook that isn't trusted, and without a kernel.
"""

import html
import re
import tomllib
from dataclasses import dataclass
from pathlib import Path

from musiclab.core.errors import MusiclabError, counted, did_you_mean


@dataclass(frozen=True)
class Quiz:
    """Questions about a lesson, shown in a notebook as text with answers that open.

    Attributes
    ----------
    lesson : str
        Number of the lesson, such as ``"05"``.
    questions : list of dict
        Each has the text ``ask`` and a list ``answers``. An answer has a ``text``, and an explanation under the key
        ``correct`` or ``wrong``.
    """

    lesson: str
    questions: list[dict]

    def __repr__(self) -> str:
        return f"Quiz of lesson {self.lesson}: {counted(len(self.questions), 'question')}"

    def _repr_html_(self) -> str:
        lines = []
        for number, question in enumerate(self.questions, start=1):
            lines.append(f'<p style="margin: 1.2em 0 0.3em"><strong>{number}.</strong> {_format(question["ask"])}</p>')
            for answer in question["answers"]:
                verdict, why = ("Correct.", answer["correct"]) if "correct" in answer else ("No.", answer["wrong"])
                lines.append(f'<details style="margin-left: 1.2em"><summary>{_format(answer["text"])}</summary>')
                lines.append(f'<p style="margin: 0 0 0.6em"><strong>{verdict}</strong> {_format(why)}</p></details>')
        return "\n".join(lines)


def quiz(lesson: str) -> Quiz:
    """Show questions about a lesson.

    Click on an answer, or press Enter on it, to see whether it is correct and why.

    Parameters
    ----------
    lesson : str
        Number of the lesson, such as ``"05"``.

    Returns
    -------
    Quiz
        Questions with their answers and explanations, which a notebook shows if this is the last line of a cell.

    Raises
    ------
    MusiclabError
        If there is no such lesson.

    Examples
    --------
    >>> quiz("05")
    Quiz of lesson 05: 5 questions
    """
    files = {path.stem: path for path in sorted(Path(__file__).parent.glob("*.toml"))}
    if lesson not in files:
        raise MusiclabError(f"no quiz for lesson {lesson!r}{did_you_mean(str(lesson), files)}")
    return Quiz(lesson, tomllib.loads(files[lesson].read_text(encoding="utf-8"))["questions"])


def _format(text: str) -> str:
    """Convert a text with code between backticks, and emphasis between stars, to HTML."""
    text = re.sub(r"`([^`]+)`", r"<code>\1</code>", html.escape(text, quote=False))
    return re.sub(r"\*(\S[^*]*)\*", r"<em>\1</em>", text)
