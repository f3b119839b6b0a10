"""The split beside a model is the one that it was trained with."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from tiny_runs import train_tiny

from evaluation.arguments import EvaluationArguments
from evaluation.collect import choose_rows
from nic.errors import UserError
from pairs.loading import load_pairs


def test_a_split_that_was_changed_since_the_training_is_refused(
    two_domains: Path, tiny_model_folder: Path, tmp_path: Path
) -> None:
    model, pairs = tmp_path / "model", load_pairs(two_domains)
    train_tiny(tiny_model_folder, two_domains, model, "--epochs", "1")
    asked = choose_rows(EvaluationArguments(model=(model,)), pairs).rows
    path = model / "split.json"
    content = json.loads(path.read_text(encoding="utf-8"))
    content["validation_lines"] = sorted(content["validation_lines"])[1:]
    path.write_text(json.dumps(content), encoding="utf-8")
    with pytest.raises(UserError, match="split.json: was changed since the training"):
        choose_rows(EvaluationArguments(model=(model,)), pairs)
    on_purpose = EvaluationArguments(model=(model,), split=path)
    assert choose_rows(on_purpose, pairs).rows == asked[1:]
