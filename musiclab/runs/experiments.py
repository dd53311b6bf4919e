"""Whole experiments: train, cross-validate, repeat with other seeds, test again; for notebooks and the command line."""

import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from musiclab import models
from musiclab.core.errors import DatasetError, RunError
from musiclab.core.files import write_json
from musiclab.datasets import Dataset, splits
from musiclab.metrics import Result, mean_and_deviation
from musiclab.runs import checkpoint
from musiclab.runs.outcome import Outcome, check_out, is_whole, save_run
from musiclab.runs.run import Run, digest
from musiclab.store import Store, open_data
from musiclab.store.segments import Segments
from musiclab.store.values import open_values
from musiclab.training import TrainConfig, evaluate, pick_device
from musiclab.training.devices import is_main, main_first
from musiclab.training.recipes import feature_config, planned

log = logging.getLogger(__name__)


def train(
    name: str,
    data: str | Path | Dataset | Store,
    out: str | Path | None = None,
    fold: int | None = None,
    config: TrainConfig | None = None,
    show_progress: bool = True,
    resume: bool = False,
    command: str = "",
    **sizes,
) -> Outcome:
    """Train a model on one part of the data, choose the epoch by a second, and test it once on a third.

    Parameters
    ----------
    name
        Of the model.
    data
        As for :func:`open_data`; what the model hears is prepared and cached where that is not a store.
    out
        Run folder to make; after each epoch it holds where the training is.
    fold
        Official fold that tests, 1 if there are any; the next one validates. Data without folds are split as their
        column ``split`` says, or else by group.
    config
        The settings. Left out, they and the sizes are those of the model's recipe (:mod:`musiclab.training.recipes`).
    show_progress
        Draw a progress bar.
    resume
        Go on from the last whole epoch of a training in ``out`` that was stopped or killed: the result is the same
        as if it had not been. A run that is whole in there is taken over, and nothing is trained.
    command
        That asked for the run, to be kept with it.
    **sizes
        Of the model.

    Raises
    ------
    MusiclabError
        The data, the model or the settings do not fit; the message says which.
    """
    check_out(out)
    config, sizes = planned(name, config, sizes)
    store = open_for(name, data, config.device)[0]
    split = splits.choose_split(store.index, fold, config.seed)
    run = Run(name, store, split, config, sizes, command)
    if resume and out is not None and is_whole(out):
        return run.take_over(out)
    outcome = run.train_and_test(show_progress, out, resume)
    if out is not None and is_main():
        save_run(out, outcome)
    return outcome


def crossval(
    name: str,
    data: str | Path | Dataset | Store,
    folds: Sequence[int] | None = None,
    out: str | Path | None = None,
    config: TrainConfig | None = None,
    show_progress: bool = True,
    command: str = "",
    **sizes,
) -> Outcome:
    """Test each fold once with a model that was trained on the others.

    As the data set's protocol says, the fold after the tested one chooses the epoch (UrbanSound8K, Street), or all
    the others train, for a fixed number of epochs: then nothing is chosen by looking at any clip.

    Parameters
    ----------
    folds
        Folds to test; all when left out. Data without official folds get five, by group.
    out
        Folder that gets a run folder ``fold1``, ``fold2`` ... for each. A fold that is whole in there, from a
        cross-validation that was stopped, is taken over and not trained again; one that is not goes on from its
        last whole epoch.
    config, show_progress, command, **sizes
        As for :func:`train`.

    Returns
    -------
    Outcome
        ``result`` holds the clips of all tested folds.

    Raises
    ------
    RunError
        A fold in ``out`` was made with another model, other settings or other data; both are named.
    """
    check_out(out)
    config, sizes = planned(name, config, sizes)
    store = open_for(name, data, config.device)[0]
    official = bool((store.index["fold"] > 0).any())
    index = splits.with_folds(store.index, seed=config.seed)
    known = sorted(set(index["fold"]) - {0})
    chosen = known if folds is None else sorted(set(folds))  # a fold named twice must not count twice
    outcomes = []
    for fold in chosen:
        following = splits.next_fold(index, fold) if store.source.get("validates") else None
        run = Run(name, store, splits.by_fold(index, fold, following), config, sizes, command)
        outcomes.append(_run_or_take_over(run, None if out is None else Path(out) / f"fold{fold}", show_progress))
    kind = "official folds" if official else "folds by group"
    tested = (
        f"all {len(known)} {kind}"
        if chosen == known
        else (f"{len(outcomes)} of {len(known)} {kind}: not comparable with results on all")
    )
    whole = replace(
        outcomes[-1],
        result=Result.join([outcome.result for outcome in outcomes]),
        card=replace(outcomes[-1].card, split=tested, test_paths=[]),
        seconds=sum(outcome.seconds for outcome in outcomes),
        folds=tuple(
            {"fold": int(fold), "accuracy": outcome.result.accuracy, "n": outcome.result.n}
            for fold, outcome in zip(chosen, outcomes, strict=True)
        ),
    )
    if out is not None and is_main():
        whole.result.save(Path(out) / "predictions.csv")
        write_json(Path(out) / "metrics.json", whole.to_dict())
    return whole


@dataclass(frozen=True)
class Seeds:
    """The same run with several seeds.

    Attributes
    ----------
    outcomes : list of Outcome
        One a seed.
    """

    outcomes: list[Outcome]

    @property
    def mean(self) -> float:
        """Mean accuracy, in [0, 1]."""
        return mean_and_deviation([outcome.result for outcome in self.outcomes])[0]

    @property
    def deviation(self) -> float:
        """Standard deviation of the accuracy over the seeds (n - 1); not a number for one seed."""
        return mean_and_deviation([outcome.result for outcome in self.outcomes])[1]

    def __str__(self) -> str:
        card = self.outcomes[0].card
        note = " (generated data, not a benchmark)" if card.data.get("generated") else ""
        return (
            f"{card.model} on {card.data.get('name')}: accuracy {100 * self.mean:.1f} +- {100 * self.deviation:.1f} % "
            f"(mean and sd of {len(self.outcomes)} seeds), n = {self.outcomes[0].result.n} clips{note}"
        )


def several_seeds(
    run: Callable[..., Outcome],
    name: str,
    data: str | Path | Dataset | Store,
    seeds: Sequence[int] = (0, 1, 2),
    out: str | Path | None = None,
    config: TrainConfig | None = None,
    **settings,
) -> Seeds:
    """Do the same several times, with another seed each time: how far apart can luck alone bring two results?

    Where the data have no official folds the seed decides the split too, and the deviation holds that as well.

    Parameters
    ----------
    run
        :func:`train` or :func:`crossval`.
    name, data, config
        As for that.
    seeds
        In place of ``config.seed``.
    out
        Folder that gets a folder ``seed0``, ``seed1`` ... for each.
    **settings
        All else that ``run`` takes: ``fold``, ``folds``, ``show_progress``, sizes of the model.
    """
    check_out(out)
    config, sizes = planned(name, config, {})
    store = open_for(name, data, config.device)[0]
    folders = {seed: None if out is None else Path(out) / f"seed{seed}" for seed in seeds}
    return Seeds(
        [
            run(name, store, out=folder, config=replace(config, seed=seed), **{**sizes, **settings}).to_the_end()
            for seed, folder in folders.items()
        ]
    )


def open_for(
    name: str, data: str | Path | Dataset | Store, device: str = "auto"
) -> tuple[Store, list[tuple[str, str]]]:
    """The store of what a model hears, prepared and cached where the data are none; of several processes, by the first.

    Returns
    -------
    store : Store
    failures : list of (path, reason)
        Clips that could not be read and were left out.
    """
    kind = models.find(name)
    pick_device(device)  # one that is not there is said before hours of preparing
    with main_first(device):
        store, failures = open_data(data, kind.feature, feature_config(name))
    labels = store.index["label"].unique()
    if len(labels) < 2:
        raise DatasetError(
            f"{store.source.get('name') or store.path}: expected clips of two classes or more, found {len(labels)} "
            f"({', '.join(labels)}); add clips of what it is to be told from"
        )
    return store, failures


def open_for_run(run: str | Path, data: str | Path | Dataset | Store) -> tuple[Store, list[tuple[str, str]]]:
    """The same for a model that was trained: data that are no store are prepared as its own were."""
    card = checkpoint.load(run)[1]
    return open_data(data, card.feature, card.config)


def evaluate_run(run: str | Path, data: str | Path | Dataset | Store, config: TrainConfig = TrainConfig()) -> Outcome:
    """Test a trained model on data: on the clips that were kept from it, if these are the data it was trained on.

    Raises
    ------
    StoreError
        The features were made with other settings than the model's, or a class is not one of the model's.
    RunError
        They are the data it was trained on, moved elsewhere: which clips were kept from it cannot be told.
    """
    started = time.perf_counter()
    model, card = checkpoint.load(run)
    store, _ = open_data(data, card.feature, card.config)
    card.check_fits(store)
    kept = np.flatnonzero(store.index["path"].isin(card.test_paths))
    if card.test_paths and not len(kept) and digest(store, card.feature) == card.data.get("digest"):
        raise RunError(
            f"{store.path}: expected clips that were kept from the model, such as {card.test_paths[0]}, found the data "
            f"it was trained on under other names, such as {store.index['path'][0]}; give the store it was trained from"
        )
    clips = kept if len(kept) else np.arange(len(store))
    labels = store.index["label"].map(card.classes.index).to_numpy()
    segments = Segments(
        open_values(store, card.feature),
        store.offsets(card.feature),
        labels,
        clips,
        len(card.classes),
        length=model.length,
        silence=card.config.silence,
        places="covering",
    )
    if config.precision == "auto":
        config = replace(config, precision=card.precision)
    result = replace(evaluate(model, store, segments, config), classes=card.classes, labels=labels[clips])
    card = replace(card, split=card.split if len(kept) else "all clips", data=store.source)
    return Outcome(result, card, models.count_parameters(model), time.perf_counter() - started, model)


def _run_or_take_over(run: Run, folder: Path | None, show_progress: bool) -> Outcome:
    """A fold: from its folder if it is whole in there, otherwise trained, and then kept."""
    if folder is not None and is_whole(folder):
        outcome = run.take_over(folder)
        log.info("%s: taken over, %s", folder, outcome.card.split)
        return outcome
    outcome = run.train_and_test(show_progress, folder, resume=True).to_the_end()
    if folder is not None and is_main():
        save_run(folder, outcome)
    return outcome
