"""Recipes: what a training does when nothing else is asked for."""

import pytest

from musiclab.core.errors import RunError
from musiclab.features import FEATURES
from musiclab.models import MODELS, create
from musiclab.training import TrainConfig
from musiclab.training.recipes import RECIPES, feature_config, planned, recipe


def test_every_model_has_a_recipe_that_it_can_be_made_by():
    assert RECIPES.keys() == MODELS.keys()
    for name in RECIPES:
        sizes = recipe(name).sizes
        made = create(name, classes=3, **sizes)
        assert {key: made.sizes[key] for key in sizes} == sizes


def test_every_recipe_fits_what_its_model_hears():
    for name, kind in MODELS.items():
        assert isinstance(feature_config(name), FEATURES[kind.feature]), name
        recipe(name).training.augmentation.check(kind.feature)  # raises if there is one that does not fit
        if kind.dimensions:
            dimensions = len(feature_config(name).names)
            assert (
                create(name, 3, **{kind.dimensions: dimensions}, **recipe(name).sizes).sizes[kind.dimensions]
                == dimensions
            )


def test_settings_that_are_given_stand_alone():
    config = TrainConfig(epochs=3)
    assert planned("cnn", config, {"width": 4}) == (config, {"width": 4})


def test_without_settings_the_recipe_counts_and_sizes_given_win():
    config, sizes = planned("cnn", None, {"width": 4})
    assert config == recipe("cnn").training
    assert sizes == {**recipe("cnn").sizes, "width": 4}


def test_an_unknown_model_is_named_with_the_near_one():
    with pytest.raises(RunError, match=r"expected a model among .*, found 'cmn'; did you mean cnn"):
        recipe("cmn")
