"""Train a model on one data set, test it on another, and measure in which features the two differ."""

import copy
import logging
import re
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pandas as pd

from musiclab import features, models
from musiclab.core.checks import check_known
from musiclab.core.errors import DatasetError, Problems, RunError, StoreError, differing
from musiclab.core.extras import MissingExtraError, require
from musiclab.core.files import check_can_write
from musiclab.datasets import Dataset, splits
from musiclab.metrics import Result, group_interval
from musiclab.runs.experiments import (
    check_train,
    data_name,
    mean_and_deviation,
    mean_embeddings,
    raise_if_interrupted,
)
from musiclab.runs.experiments import train as train_model
from musiclab.runs.run import Run, are_among, check_out, clip_digests, open_with_warning
from musiclab.runs.settings import RunSettings
from musiclab.runs.shifts import Distance, choose_typical, measure_distance, measure_shifts
from musiclab.store import Store, create, must_render, open_data, open_index
from musiclab.training import Recipe, recipe
from musiclab.training.devices import is_main

log = logging.getLogger(__name__)


@dataclass(frozen=True, eq=False)
class Transfer:
    """Results of a model on its own data set ("at home") and on another one ("away"). ``print`` shows them.

    Attributes
    ----------
    run : Run
        Run of the model, which was trained on the common classes of ``train`` alone. Its result is ``home``.
    away : musiclab.metrics.Result
        Result on all clips of ``test`` that belong to a common class and are not in ``train``.
    unadapted : musiclab.metrics.Result or None
        Result on the same clips before the input was standardised by them. None without ``standardise``.
    shifts : pandas.DataFrame
        One row per class and feature, the largest shift first. ``train`` and ``test`` are the means of the feature over
        the clips of the class. ``shift`` is their difference (train minus test) in standard deviations of the test
        clips of this class, and ``error`` is its standard error, which treats clips as independent. Rows of the class
        "all" have the means over all classes, and the root mean square of their standard deviations. The features are
        those of :class:`musiclab.features.SummaryConfig`, without deltas. A shift is NaN if a class has fewer than two
        test clips, or if they all have the same value.
    distance : Distance
        Distance between the two sets.
    typical : pandas.DataFrame
        Path of a typical ``train`` and ``test`` clip of each ``class``: the clip with the smallest sum of distances to
        all others, in the features of ``shifts``.
    names : dict of str to str
        Class of the model for each class of ``test`` that was used. They differ only if the names were not written the
        same way.
    only_train : list of str
        Classes of ``train`` that were left out.
    only_test : list of str
        Classes of ``test`` that were left out.
    test : dict
        Name, licence and other properties of the test data.

    Examples
    --------
    >>> result = transfer("studio", "folder:songs")  # doctest: +SKIP
    >>> print(result)  # doctest: +SKIP
    >>> result.shifts.head()  # doctest: +SKIP
    >>> result.report("transfer.html")  # doctest: +SKIP
    """

    run: Run
    away: Result
    unadapted: Result | None
    shifts: pd.DataFrame
    distance: Distance
    typical: pd.DataFrame
    names: dict[str, str]
    only_train: list[str]
    only_test: list[str]
    test: dict

    @property
    def home(self) -> Result:
        """Result on the test clips of the data set that the model was trained on."""
        return self.run.result

    @property
    def title(self) -> str:
        """Names of the model and both data sets, in one line."""
        train, test = (
            f"{data.get('name', 'unnamed data')}{' (generated sound)' if data.get('generated') else ''}"
            for data in (self.run.settings.data, self.test)
        )
        return f"{self.run.settings.model} trained on {train}, tested on {test}"

    @cached_property
    def per_class(self) -> pd.DataFrame:
        """Table with one row per class: its accuracy at home and away, its mistakes and its largest shift.

        The columns are ``home``, ``home_low``, ``home_high`` and ``home_n``: the share of the clips that were
        classified correctly, in [0, 1], its 95 % interval, and the number of clips. Four columns that begin with
        ``away`` have the same numbers for the test set. Without clips, shares are NaN. ``mistaken_for`` is the most
        frequent incorrect prediction away, or "". ``shift`` and ``feature`` are the largest shift of the class and its
        feature.
        """
        rows, confusion = {}, self.away.confusion * (1 - np.eye(len(self.away.classes), dtype=int))
        largest = self.shifts.dropna(subset="shift").drop_duplicates("class").set_index("class")
        for index, name in enumerate(self.away.classes):
            row = _recall(self.home, index, "home") | _recall(self.away, index, "away")
            row["mistaken_for"] = self.away.classes[confusion[index].argmax()] if confusion[index].any() else ""
            has_shift = name in largest.index
            row["shift"] = largest.loc[name, "shift"] if has_shift else np.nan
            row["feature"] = largest.loc[name, "feature"] if has_shift else ""
            rows[name] = row
        return pd.DataFrame.from_dict(rows, orient="index")

    @property
    def overall(self) -> pd.DataFrame:
        """Rows of ``shifts`` for the class "all", without those that could not be measured."""
        return self.shifts[self.shifts["class"] == "all"].dropna(subset="shift")

    @property
    def notes(self) -> list[str]:
        """Sentences on what was left out, and on what the results are worth."""
        notes = []
        train, test = self.run.settings.data.get("name"), self.test.get("name")
        for data, classes in ((train, self.only_train), (test, self.only_test)):
            if classes:
                notes.append(f"Left out, because only {data} has {_these(classes)}: {', '.join(classes)}.")
        if renamed := [f"{other} as {name}" for other, name in self.names.items() if other != name]:
            notes.append(f"Classes of {test} count as classes of {train}: {', '.join(renamed)}.")
        if self.run.is_generated:
            notes.append("The model was trained on generated sound, so its accuracy at home is not a benchmark.")
        if self.test.get("generated"):
            notes.append("The model was tested on generated sound, so its accuracy away is not a benchmark.")
        return notes

    def __str__(self) -> str:
        lines = [self.title, f"  home: {self.home}"]
        if self.unadapted is not None:
            lines.append(f"  away: {self.unadapted}")
        adapted = "away, standardised by the test set" if self.unadapted is not None else "away"
        lines += [f"  {adapted}: {self.away}", *self.notes, "", "correct, with 95 % intervals:"]
        table = pd.DataFrame(
            {
                "home (%)": [format_share(row, "home") for _, row in self.per_class.iterrows()],
                "n": self.per_class["home_n"].to_numpy(),
                "away (%)": [format_share(row, "away") for _, row in self.per_class.iterrows()],
                "n ": self.per_class["away_n"].to_numpy(),
                "mistaken for": self.per_class["mistaken_for"].to_numpy(),
                "largest shift": [format_shift(row) for _, row in self.per_class.iterrows()],
            },
            index=self.per_class.index,
        )
        lines += [table.to_string(), ""]
        lines.append("largest shifts over all classes (train minus test, in standard deviations of the test clips):")
        lines += [
            f"  {row.feature:24} {row.shift:+6.2f} (standard error {row.error:.2f})  train {row.train:.5g}, "
            f"test {row.test:.5g}"
            for row in self.overall.head(5).itertuples()
        ]
        return "\n".join([*lines, f"distance between the sets: {self.distance}"])

    def to_dict(self) -> dict:
        """Return the results as a dictionary that can be saved as JSON.

        Returns
        -------
        dict
            ``run``, ``home``, ``away`` and ``unadapted``, ``shifts``, ``distance``, ``typical``, ``names``,
            ``only_train``, ``only_test`` and ``test``. Missing values are None. On the command line, ``--json`` prints
            this dictionary.
        """
        tables = {name: getattr(self, name) for name in ("shifts", "typical")}
        tables = {name: table.astype(object).where(table.notna(), None) for name, table in tables.items()}
        distance = {name: None if np.isnan(value) else value for name, value in vars(self.distance).items()}
        return {
            "run": self.run.to_dict(),
            "home": self.home.to_dict(),
            "away": self.away.to_dict(),
            "unadapted": None if self.unadapted is None else self.unadapted.to_dict(),
            **{name: table.to_dict("records") for name, table in tables.items()},
            "distance": distance,
            **{name: getattr(self, name) for name in ("names", "only_train", "only_test", "test")},
        }

    def report(self, path: str | Path) -> Path:
        """Write a page with tables, figures, and typical sounds of both sets side by side.

        Parameters
        ----------
        path : path
            Path of the page (``.html``), which contains all figures and sounds.

        Returns
        -------
        pathlib.Path
            Path of the page.

        Raises
        ------
        RunError
            The extension is not ``.html``.
        """
        require("page", "lessons", "matplotlib")
        from musiclab.runs.report import write_transfer  # imported late, because training works without matplotlib

        return write_transfer(self, check_page(path))


def transfer(
    train: str | Path | Dataset | Store,
    test: str | Path | Dataset | Store,
    model: str = "probe",
    out: str | Path | None = None,
    *,
    classes: Mapping[str, str] | None = None,
    standardise: bool = False,
    fold: int | None = None,
    overwrite: bool = False,
    split_seed: int | None = None,
    show_progress: bool = True,
    command: str = "",
    **overrides,
) -> Transfer:
    """Train a model on one data set, test it on another, and measure in which features the two differ.

    The model is trained as :func:`musiclab.train` does, on the classes that both data sets have. Classes match if their
    names are equal, apart from case, spaces, hyphens and underscores. All clips of ``test`` that belong to one of them
    are tested, except for those that are also in ``train``, even in another format. If the same artists are in both
    data sets, the accuracy away is too high, because nothing can recognise them.

    Parameters
    ----------
    train : Store, Dataset, path or str
        Data to train on, as in :func:`musiclab.train`, such as ``"studio"``.
    test : Store, Dataset, path or str
        Data to test on, such as ``"folder:songs"``. A store needs the feature of the model and ``summary``.
    model : str, default "probe"
        Name of the model, one of :data:`musiclab.models.NAMES`.
    out : path, optional
        Run folder, which receives the run, the page ``transfer.html``, and the predictions for the test set in
        ``away.csv``. By default, nothing is saved.
    classes : dict of str to str, optional
        Classes with other names: the name in ``test`` for a name in ``train``, such as ``{"dog_bark": "dog"}``.
    standardise : bool, default False
        Replace the mean and the standard deviation by which the model standardises its input, which come from the
        training set, by those of the test set. This needs no labels. It repairs a constant difference, such as another
        level. It does harm if the classes have other shares in ``test``.
    fold : int, optional
        As in :func:`musiclab.train`.
    overwrite : bool, default False
        As in :func:`musiclab.train`.
    split_seed : int, optional
        As in :func:`musiclab.train`.
    show_progress : bool, default True
        As in :func:`musiclab.train`.
    command : str, default ""
        As in :func:`musiclab.train`.
    **overrides
        As in :func:`musiclab.train`.

    Returns
    -------
    Transfer
        Results at home and away, the shift of each feature, and the distance between the two data sets.

    Raises
    ------
    MusiclabError
        The data, the model and the settings do not fit together. As much as possible is checked before any clip is
        decoded, and all problems are reported at once.
    DatasetError
        The data have fewer than two classes in common, or all test clips are also in the training data.

    Examples
    --------
    >>> print(transfer("studio", "folder:songs"))  # doctest: +SKIP
    >>> transfer("street", "esc10:DIR", classes={"dog_bark": "dog", "drilling": "chainsaw"})  # doctest: +SKIP
    """
    plan = {"fold": fold, "overwrite": overwrite, "split_seed": split_seed}
    model_recipe, train_data, test_data, names = check_transfer(train, test, model, out, classes, **plan, **overrides)
    feature = models.find(model).feature
    train_store = open_with_warning(train_data, feature, model_recipe.feature_config)
    feature_settings = features.config(feature, train_store.config[feature])
    test_store = open_with_warning(test_data, feature, feature_settings)
    own, summary = {name: name for name in names.values()}, _choose_summary(train_data, test_data)
    with ExitStack() as stack:
        home_store = stack.enter_context(_select(train_store, feature, own))
        clips = _without_copies(test_store, feature, names, home_store)
        away_store = stack.enter_context(_select(test_store, feature, names, clips))
        train_table = _tabulate(train_data, summary, home_store.index)  # before the training, because it can fail
        test_table = _tabulate(test_data, summary, away_store.index)
        run = train_model(model, home_store, out, **plan, show_progress=show_progress, command=command, **overrides)
        raise_if_interrupted(run)
        device, unadapted = model_recipe.training.device, None
        away = run.evaluate(away_store, device).result
        if standardise:
            unadapted, away = away, _standardise_by(run, away_store).evaluate(away_store, device).result
    result = Transfer(
        run=run,
        away=away,
        unadapted=unadapted,
        shifts=measure_shifts(train_table, test_table),
        distance=measure_distance(train_table, test_table, model_recipe.training.seed),
        typical=choose_typical(train_table, test_table),
        names=names,
        only_train=_list_others(train_data, own),
        only_test=_list_others(test_data, names),
        test=dict(test_store.source),
    )
    if out is not None and is_main():
        away.save(Path(out) / "away.csv")
        try:
            result.report(Path(out) / "transfer.html")
        except MissingExtraError as error:
            log.warning("no page was written. %s", error)
    return result


def check_transfer(
    train, test, model="probe", out=None, classes=None, *, fold=None, overwrite=False, split_seed=None, **overrides
) -> tuple[Recipe, Dataset | Store, Dataset | Store, dict[str, str]]:
    """Check the arguments of :func:`transfer` before any clip is decoded, and return the opened data.

    Parameters
    ----------
    train : Store, Dataset, path or str
        As in :func:`transfer`.
    test : Store, Dataset, path or str
        As in :func:`transfer`.
    model : str, default "probe"
        As in :func:`transfer`.
    out : path, optional
        As in :func:`transfer`.
    classes : dict of str to str, optional
        As in :func:`transfer`.
    fold : int, optional
        As in :func:`transfer`.
    overwrite : bool, default False
        As in :func:`transfer`.
    split_seed : int, optional
        As in :func:`transfer`.
    **overrides
        As in :func:`transfer`.

    Returns
    -------
    recipe : musiclab.training.Recipe
        Recipe of the model with the ``overrides``.
    train : Dataset or Store
        The opened training data.
    test : Dataset or Store
        The opened test data.
    names : dict of str to str
        Class of ``train`` for each class of ``test`` that both have.

    Raises
    ------
    MusiclabError
        All problems that were found, in one message, as in :func:`check_train`.
    """
    problems, opened, names = Problems(), {}, None
    model_recipe = problems.check(recipe, model, **overrides)
    problems.check(check_out, out, overwrite)
    for role, data in sorted({"train": train, "test": test}.items(), key=lambda item: must_render(item[1])):
        if not (problems.errors and must_render(data)):
            opened[role] = problems.check(open_index, data)
    train_data, test_data = opened.get("train"), opened.get("test")
    if train_data is not None and test_data is not None:
        names = problems.check(_match_classes, train_data, test_data, classes or {})
        problems.check(_choose_summary, train_data, test_data)
    if names is not None:
        plan = {"fold": fold, "overwrite": overwrite, "split_seed": split_seed}
        problems.check(check_train, model, _keep_classes(train_data, set(names.values())), out, **plan, **overrides)
    if model_recipe is not None and isinstance(test_data, Store):
        problems.check(_check_feature, model_recipe, train_data, test_data)
    problems.raise_if_any()
    return model_recipe, train_data, test_data, names


def check_page(path: str | Path) -> Path:
    """Return the path of a page to write, or raise RunError if it cannot be one."""
    path = Path(path)
    if path.suffix.lower() != ".html":
        raise RunError(f"{path}: expected a page with the extension .html, found {path.suffix or 'none'}")
    check_can_write(path, "the page", "transfer.html")
    return path


def _match_classes(train: Dataset | Store, test: Dataset | Store, classes: Mapping[str, str]) -> dict[str, str]:
    """Return the class of ``train`` for each class of ``test`` that both have."""
    train_classes, test_classes = (sorted(data.index["label"].unique()) for data in (train, test))
    for own, other in classes.items():
        check_known(own, train_classes, f"a class of {data_name(train)}")
        check_known(other, test_classes, f"a class of {data_name(test)}")
        if len(owns := [name for name, match in classes.items() if match == other]) > 1:
            raise RunError(
                f"{other}, a class of {data_name(test)}, is matched more than once, with {' and '.join(owns)}. Match "
                "it only once."
            )
    by_form = {_form(name): name for name in train_classes}
    names = {name: name if name in train_classes else by_form.get(_form(name)) for name in test_classes}
    names = {name: own for name, own in names.items() if own is not None and own not in classes}
    names |= {other: own for own, other in classes.items()}
    if len(common := set(names.values())) < 2:
        raise DatasetError(
            f"{data_name(train)} and {data_name(test)}: expected at least two common classes, found {len(common)}. The "
            f"first has {', '.join(train_classes)}; the second has {', '.join(test_classes)}. Rename classes, or match "
            'them with classes={"NAME IN TRAIN": "NAME IN TEST"} (--class "TRAIN=TEST" on the command line).'
        )
    if "all" in common:
        raise DatasetError(
            f'{data_name(train)}: rename the class "all", because this name stands for all classes together.'
        )
    return names


def _form(name: str) -> str:
    """Return a class name without what people write differently: case, spaces, hyphens and underscores."""
    return re.sub(r"[\s_-]", "", name).casefold()


def _choose_summary(train: Dataset | Store, test: Dataset | Store) -> features.SummaryConfig:
    """Return the settings of the summary features: those of the stores, or by default those of the model mlp."""
    stores = [data for data in (train, test) if isinstance(data, Store)]
    for store in stores:
        store.check_has("summary")
    if len(stores) == 2 and (difference := differing(*(store.config["summary"] for store in stores))):
        raise StoreError(
            f"{stores[1].path}: expected summary with {difference[0]}, as in {stores[0].path}, found {difference[1]}. "
            "Prepare one of the stores again."
        )
    return features.config("summary", stores[0].config["summary"] if stores else {"kind": "full"})


def _check_feature(model_recipe: Recipe, train: Dataset | Store | None, test: Store) -> None:
    """Raise an error if a store to test on does not have the feature of the model with the same settings."""
    feature, settings = models.find(model_recipe.model).feature, model_recipe.feature_config.to_dict()
    test.check_has(feature)
    if isinstance(train, Store):
        settings = train.config.get(feature, settings)
    RunSettings(model_recipe.model, {}, test.classes, feature, settings).check_features(test)


def _keep_classes(data: Dataset | Store, classes: set[str]) -> Dataset | Store:
    """Return a copy of data whose index has only these classes. It is for checks alone."""
    kept = copy.copy(data)
    kept.index = data.index[data.index["label"].isin(classes)].reset_index(drop=True)
    return kept


def _without_copies(store: Store, feature: str, names: Mapping[str, str], home: Store) -> np.ndarray:
    """Return the clips of a store that belong to these classes and are not in the training data."""
    clips = np.flatnonzero(store.index["label"].isin(names))
    digests = dict(zip(home.index["path"], clip_digests(home, feature), strict=True))
    is_real = not (home.source.get("generated") or store.source.get("generated"))
    is_copy = are_among(store, feature, digests, listen=is_real)[clips]
    if is_copy.all():
        raise DatasetError(
            f"{data_name(store)}: all {len(clips)} clips, such as {store.index['path'][clips[0]]}, are also in the "
            "training data. Test with other clips."
        )
    if is_copy.any():
        log.warning(
            "%s: skipping %d of %d clips, such as %s, because they are also in the training data",
            *(data_name(store), is_copy.sum(), len(clips), store.index["path"][clips[is_copy][0]]),
        )
    return clips[~is_copy]


@contextmanager
def _select(store: Store, feature: str, names: Mapping[str, str], clips: np.ndarray | None = None) -> Iterator[Store]:
    """Yield a temporary store with one feature of some clips, by default all of the classes ``names``, renamed.

    If that changes nothing, yield the store itself, unless it would list its unreadable files once more.
    """
    clips = np.flatnonzero(store.index["label"].isin(names)) if clips is None else clips
    if len(clips) == len(store) and names == {name: name for name in store.classes} and not store.failures:
        yield store
        return
    with TemporaryDirectory() as folder:
        path = Path(folder) / "clips.h5"
        with create(path, {feature: store.config[feature]}, store.source, sorted(set(names.values()))) as writer:
            for clip, row in zip(clips, store.index.iloc[clips].to_dict("records"), strict=True):
                writer.append({**row, "label": names[row["label"]]}, {feature: store.read(feature, clip)})
        with Store(path) as selected:
            yield selected


def _standardise_by(run: Run, store: Store) -> Run:
    """Return a run whose model standardises its input by the clips of a store."""
    if run.settings.model == "probe":  # it is fitted on the mean embedding of each clip
        embeddings = mean_embeddings(store)
        mean, deviation = embeddings.mean(axis=0), embeddings.std(axis=0)
    else:
        mean, deviation = mean_and_deviation(store, run.settings.feature, np.arange(len(store)))
    model = copy.deepcopy(run.model)
    model.standardise_by(mean, deviation)
    return replace(run, model=model)


def _tabulate(data: Dataset | Store, summary: features.SummaryConfig, index: pd.DataFrame) -> pd.DataFrame:
    """Return ``path``, ``label`` and ``group`` of the clips in ``index``, followed by their summary features."""
    frame = open_data(data, "summary", summary).frame("summary")
    names = [name for name in summary.names if "_delta" not in name]
    clips = splits.join_copies(index)[["path", "label", "group"]]
    return clips.merge(frame[["path", *names]], on="path")  # without clips that are too short for the summary


def _list_others(data: Dataset | Store, classes: Mapping[str, str]) -> list[str]:
    return sorted(set(data.index["label"]) - set(classes))


def _recall(result: Result, label: int, prefix: str) -> dict:
    """Return the share of the clips of a class that are correct, its interval, and their number."""
    chosen = result.labels == label
    values = {prefix: np.nan, f"{prefix}_low": np.nan, f"{prefix}_high": np.nan, f"{prefix}_n": int(chosen.sum())}
    if chosen.any():
        correct = result.correct[chosen]
        values[prefix] = correct.mean()
        values[f"{prefix}_low"], values[f"{prefix}_high"] = group_interval(correct, result.groups[chosen])
    return values


def format_shift(row: Mapping, dash: str = "-") -> str:
    """Format the largest shift of a class in :attr:`Transfer.per_class`, or a dash if it could not be measured."""
    return f"{row['feature']} {row['shift']:+.1f}" if row["feature"] else dash


def format_share(row: Mapping, prefix: str, dash: str = "-") -> str:
    """Format an accuracy of :attr:`Transfer.per_class` and its interval in per cent, or a dash without clips."""
    values = [row[name] for name in (prefix, f"{prefix}_low", f"{prefix}_high")]
    return dash if np.isnan(values[0]) else "{:.1f} ({:.1f} to {:.1f})".format(*(100 * value for value in values))


def _these(classes: list[str]) -> str:
    return "this class" if len(classes) == 1 else "these classes"
