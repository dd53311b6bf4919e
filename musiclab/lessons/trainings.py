"""What the open experiments with networks have in common."""

from musiclab.lessons.judging import Verdict, goal, wrong


def lower_loss(answer, history, longest: int | None = None) -> Verdict:
    """Whether a training has reached a lower validation loss than another.

    Parameters
    ----------
    answer : musiclab.runs.experiments.Outcome
        What ``experiments.train`` returns.
    history : musiclab.training.History
        Of the training to beat.
    longest
        Epochs that are allowed; any number where left out.
    """
    from musiclab.runs.experiments import Outcome

    if not isinstance(answer, Outcome) or answer.history is None:
        return wrong(f"expected what experiments.train returns, found an object of type {type(answer).__name__}")
    epochs, to_beat = (each.to_frame() for each in (answer.history, history))
    if "valid_loss" not in epochs:
        return wrong("expected a training with a validation part")
    if longest is not None and len(epochs) > longest:
        return wrong(f"expected at most {longest} epochs, found {len(epochs)}")
    mine, lesson = epochs["valid_loss"].min(), to_beat["valid_loss"].min()
    return goal(mine, lesson, f"lowest validation loss {mine:.3f}, the lesson's {lesson:.3f}", higher=False)
