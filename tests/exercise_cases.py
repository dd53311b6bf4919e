"""How the tests of the lessons' exercises ask what is said of an answer."""

from musiclab import lessons
from musiclab.lessons.judging import Verdict


def verdicts(name: str, answer, **given) -> list[Verdict]:
    """What the check of an exercise says, not printed."""
    return lessons.judge(lessons.find(name), answer, **given)


def check_right(name: str, answer, **given) -> str:
    """Every verdict is right; gives what is said."""
    found = verdicts(name, answer, **given)
    assert found
    assert all(verdict.right for verdict in found), found
    return " | ".join(verdict.text for verdict in found)


def check_wrong(name: str, answer, *words: str, hidden: tuple = (), **given) -> None:
    """Some verdict is wrong; the wrong ones have the words, and none of them has a text in ``hidden``: the truth."""
    found = verdicts(name, answer, **given)
    said = " | ".join(verdict.text for verdict in found if not verdict.right)
    assert said, found
    for word in words:
        assert word in said, said
    for truth in hidden:
        assert str(truth) not in said.replace(",", ""), said
    assert "cannot be checked" not in said
