"""Recipes: what a training does when nothing else is asked for."""

import inspect
import re
from dataclasses import fields, replace

import pytest

from musiclab.core.errors import RunError
from musiclab.features import FEATURES
from musiclab.models import MODELS, create
from musiclab.training import Augmentation, TrainConfig, recipe
from musiclab.training.recipes import RECIPES


def test_every_model_has_a_recipe_that_it_can_be_made_by():
    assert RECIPES.keys() == MODELS.keys()
    for name in RECIPES:
        sizes = recipe(name).sizes
        made = create(name, classes=3, **sizes)
        assert {key: made.sizes[key] for key in sizes} == sizes


def test_every_recipe_fits_what_its_model_hears():
    for name, kind in MODELS.items():
        assert isinstance(recipe(name).feature_config, FEATURES[kind.feature]), name
        recipe(name).training.augmentation.check(kind.feature)  # raises if there is one that does not fit
        if kind.dimensions:
            dimensions = len(recipe(name).feature_config.names)
            assert (
                create(name, 3, **{kind.dimensions: dimensions}, **recipe(name).sizes).sizes[kind.dimensions]
                == dimensions
            )


def test_what_is_not_named_does_not_change():
    usual, changed = recipe("cnn"), recipe("cnn", epochs=3, width=4)
    assert changed.training == replace(usual.training, epochs=3)
    assert changed.sizes == {**usual.sizes, "width": 4}
    assert changed.feature_config == usual.feature_config
    assert recipe("cnn") == usual  # nothing is left behind


def test_an_augmentation_is_changed_by_name_or_replaced():
    usual = recipe("cnn").training.augmentation
    assert recipe("cnn", augmentation={"mixup": 0.1}).training.augmentation == replace(usual, mixup=0.1)
    assert recipe("cnn", augmentation=Augmentation(mixup=0.1)).training.augmentation == Augmentation(mixup=0.1)
    with pytest.raises(RunError, match=r"expected an augmentation among .*did you mean mixup"):
        recipe("cnn", augmentation={"mixupp": 0.1})


@pytest.mark.parametrize("name", RECIPES)
def test_a_size_and_a_setting_never_have_the_same_name(name):
    sizes = set(inspect.signature(MODELS[name]).parameters)
    assert not sizes & {field.name for field in fields(TrainConfig)}


@pytest.mark.parametrize(
    ("overrides", "words"),
    [
        ({"epoch": 3}, "epoch: model cnn has no such setting; did you mean epochs?; its sizes are width, "),
        ({"classes": 3}, "classes: model cnn has no such setting"),
        ({"epochs": 0}, "expected epochs to be a whole number of at least 1, found 0"),
    ],
)
def test_a_setting_that_cannot_be_is_refused(overrides, words):
    with pytest.raises(RunError, match=re.escape(words)):
        recipe("cnn", **overrides)


def test_an_unknown_model_is_named_with_the_near_one():
    with pytest.raises(RunError, match=r"expected a model among .*, found 'cmn'; did you mean cnn"):
        recipe("cmn")
