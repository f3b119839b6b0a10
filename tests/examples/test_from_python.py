"""The example in Python trains, evaluates and publishes a model that loads."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from sentence_transformers import SentenceTransformer

from model_card import open_hub

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "examples"))

from from_python import main  # noqa: E402


def test_the_example_publishes_a_model_that_loads(
    tiny_model_folder: Path, two_domains: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    main(str(two_domains), str(tmp_path / "mine"), str(tmp_path / "hub"), str(tiny_model_folder))
    printed = capsys.readouterr().out
    assert printed.startswith("40 pairs, ")
    assert "\nrecall_at_5: 0." in printed
    assert printed.endswith("example/nic-embeddings v1\n")
    folder = open_hub(tmp_path / "hub").fetch("example/nic-embeddings", "v1", tmp_path / "loaded")
    model = SentenceTransformer(str(folder), device="cpu")
    assert model.encode("why is the pump noisy").shape == (32,)
