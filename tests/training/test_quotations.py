"""A training is not lost to a query that the card's own words happen to be."""

from __future__ import annotations

from pathlib import Path

import pytest
from conftest import MakePairs, make_row
from tiny_runs import train_tiny

from nic.errors import UserError


@pytest.fixture
def awkward(write_pairs: MakePairs) -> Path:
    """Queries that the card says of every model, one that is a domain's name, and others."""
    rows = [make_row(n, "pump that runs too hot") for n in range(40)]
    rows[0]["query"] = "pump runs but nothing moves"
    rows[1]["query"] = "pump that runs too hot"
    rows[2]["query"] = "The same queries chose the checkpoint"
    rows[3]["query"] = "cosine, restarted every epoch"
    rows[4]["query"] = "none of 1, 1 not distinguishable"
    return write_pairs(rows)


def test_a_query_that_the_card_says_of_every_model_ends_no_training(
    awkward: Path, tiny_model_folder: Path, tmp_path: Path
) -> None:
    train_tiny(tiny_model_folder, awkward, tmp_path / "model", "--epochs", "1")
    card = (tmp_path / "model" / "README.md").read_text(encoding="utf-8")
    assert "pump runs but nothing moves" in card
    assert "pump that runs too hot" in card
    assert "cosine, restarted every epoch" in card
    assert "none of 1, 1 not distinguishable" in card


@pytest.mark.parametrize(
    ("flag", "value"),
    [
        ("--query-prompt", "hvac query 7 of the unit: "),
        ("--output-dir", "hvac query 7 of the unit"),
    ],
)
def test_what_the_card_would_quote_is_refused_before_the_training(
    flag: str, value: str, write_pairs: MakePairs, tiny_model_folder: Path, tmp_path: Path
) -> None:
    rows = [make_row(n, "hvac") for n in range(40)]
    rows[7]["query"] = "hvac query 7 of the unit"
    given = str(tmp_path / value) if flag == "--output-dir" else value
    with pytest.raises(UserError, match=f"{flag} .*is a sentence of the training data"):
        train_tiny(tiny_model_folder, write_pairs(rows), tmp_path / "model", flag, given)
    assert not (tmp_path / "model").exists()
