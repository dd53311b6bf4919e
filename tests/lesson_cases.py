"""How the tests of the lessons' exercises ask for a verdict on an answer."""

from musiclab import lessons
from musiclab.lessons.judge import Verdict


def verdict(name: str, answer, **context) -> Verdict:
    """Return the only verdict of an exercise on an answer."""
    (only,) = lessons.verdicts(name, answer, **context)
    return only


def check_right(name: str, answer, **context) -> str:
    """Check that every verdict accepts the answer, and return their texts."""
    verdicts = lessons.verdicts(name, answer, **context)
    assert verdicts
    assert all(each.is_right for each in verdicts), verdicts
    return " | ".join(each.text for each in verdicts)


def check_wrong(name: str, answer, *words: str, hidden: tuple = (), **context) -> None:
    """Check that some verdict rejects the answer with the words, and that none gives a text in ``hidden`` away."""
    verdicts = lessons.verdicts(name, answer, **context)
    texts = " | ".join(each.text for each in verdicts if not each.is_right)
    assert texts, verdicts
    for word in words:
        assert word in texts, texts
    for truth in hidden:
        assert str(truth) not in texts.replace(",", ""), texts
    assert "cannot be checked" not in texts
