"""The Python interface of the room: what a notebook imports."""

from __future__ import annotations

import pytest

import model_card


def test_every_exported_name_is_there_and_documented() -> None:
    for name in model_card.__all__:
        assert getattr(model_card, name).__doc__, name


def test_packaging_is_exported_from_where_it_is_defined() -> None:
    from model_card.push import package_model

    assert model_card.package_model is package_model


def test_another_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="module 'model_card' has no attribute 'stage_model'"):
        model_card.stage_model  # noqa: B018
