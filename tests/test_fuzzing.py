"""Whatever a file says, a command ends as documented: no traceback, nothing half-written.

Twenty cases of each kind by default, always the same ones. Longer, with new ones each time:

    NIC_FUZZ_CASES=2000 pytest tests/test_fuzzing.py
"""

from __future__ import annotations

import copy
import json
import os
import shutil
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from conftest import make_row, write_metadata_of
from hub_workers import make_version
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from evaluation.pipeline import evaluate_models
from evaluation.run import parse_arguments
from model_card.local_hub.hub import LocalHub
from model_card.package.build import build_package
from model_card.package.integrity import hash_facts
from pairs.loading import load_pairs
from pairs.split import split_pairs
from pairs.split_file import save_split

CASES = int(os.environ.get("NIC_FUZZ_CASES", "20"))
REPO = "org/nic-tiny"
bounded = settings(
    max_examples=CASES,
    derandomize="NIC_FUZZ_CASES" not in os.environ,
    deadline=None,
    database=None,
    suppress_health_check=list(HealthCheck),
)
LEAVES = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.sampled_from([10**30, -1, 2**63])
    | st.floats()
    | st.text(max_size=20)
    | st.sampled_from(["", "../x", "/etc/passwd", "a\0b", "\ud800", "main", "v1.0", "9" * 200])
)
VALUES = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=6,
)


@st.composite
def damaged_json(draw: st.DrawFn, content: Any) -> bytes:
    """A JSON document with another value somewhere, or with bytes cut, changed or added.

    One in ten is nested too deeply, or a number that Python does not read.
    """
    if not draw(st.integers(0, 9)):
        return draw(st.sampled_from([b"[" * 100_000, b"9" * 5_000]))
    content = copy.deepcopy(content)
    if draw(st.booleans()):
        content = replaced(draw, content)
    text = json.dumps(content).encode()
    if draw(st.integers(0, 2)):
        return text
    return damaged_bytes(draw, text)


@st.composite
def another_value(draw: st.DrawFn, content: Any) -> Any:
    """The content with another value somewhere."""
    return replaced(draw, copy.deepcopy(content))


def replaced(draw: st.DrawFn, content: Any) -> Any:
    """The content with another value at a place that is drawn."""
    keys: Sequence[Any] = []
    if isinstance(content, dict):
        keys = list(content)
    elif isinstance(content, list):
        keys = range(min(len(content), 5))
    if not keys or not draw(st.integers(0, 3)):
        return draw(VALUES)
    key = draw(st.sampled_from(keys))
    if isinstance(content, dict) and not draw(st.integers(0, 4)):
        del content[key]
    else:
        content[key] = replaced(draw, content[key])
    return content


def damaged_bytes(draw: st.DrawFn, text: bytes) -> bytes:
    """The bytes, cut, changed or with others in between."""
    at = draw(st.integers(0, len(text)))
    until = draw(st.integers(at, min(len(text), at + 20)))
    return text[:at] + draw(st.binary(max_size=20)) + text[until:]


@contextmanager
def arguments_of(words: list[str]) -> Iterator[None]:
    """The command line of the process."""
    before = sys.argv
    sys.argv = ["command", *words]
    try:
        yield
    finally:
        sys.argv = before


def ends_as_documented(module: str, words: list[str], codes: tuple[int, ...], folder: Path) -> int:
    """The exit code of a command, which wrote nothing into a folder but whole files."""
    with arguments_of(words):
        try:
            code = int(import_module(module).main() or 0)
        except SystemExit as end:
            code = int(end.code or 0)
    assert code in codes, code
    unfinished = [path.name for path in folder.rglob("*") if ".incomplete" in path.name]
    assert unfinished == []
    return code


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder for all cases of this module."""
    return tmp_path_factory.mktemp("fuzzing")


@bounded
@given(data=st.data())
def test_any_rows_are_checked_or_refused(
    data: st.DataObject, tiny_model_folder: Path, place: Path
) -> None:
    rows = [make_row(n, ("hvac", "radar")[n % 2]) for n in range(4)]
    lines = [data.draw(damaged_json(row)) for row in rows]
    path = place / "rows.jsonl"
    path.write_bytes(b"\n".join(lines))
    words = ["--data-file", str(path), "--base-model", str(tiny_model_folder)]
    clean = place / "clean.jsonl"
    clean.unlink(missing_ok=True)
    ends_as_documented("pairs.check", [*words, "--write-clean", str(clean)], (0, 1, 2), place)
    assert path.read_bytes() == b"\n".join(lines)


@bounded
@given(data=st.data())
def test_any_recipe_is_refused_before_anything_is_made(data: st.DataObject, place: Path) -> None:
    recipe = {"epochs": 2, "batch_size": 8, "learning_rate": 1e-3, "columns": {"query": "q"}}
    path, output = place / "recipe.yaml", place / "out"
    path.write_bytes(
        data.draw(damaged_json({**recipe, "eval_steps": 5, "lr_scheduler_kwargs": {}}))
    )
    words = ["--config", str(path), "--output-dir", str(output), "--device", "cpu"]
    words += ["--data-file", str(place / "none.jsonl")]
    assert ends_as_documented("training.train", words, (2,), place) == 2
    assert not output.exists()


@pytest.fixture(scope="module")
def package(tiny_model_folder: Path, place: Path) -> Path:
    """A packaged model."""
    model = Path(shutil.copytree(tiny_model_folder, place / "model"))
    card = "---\nlicense: apache-2.0\n---\n\n# nic-tiny\n\nA model for manuals.\n"
    (model / "README.md").write_text(card, encoding="utf-8")
    write_metadata_of(model)
    return build_package(model, place / "package")


@bounded
@given(data=st.data())
def test_any_metadata_is_verified_or_refused(data: st.DataObject, package: Path) -> None:
    path = package / "metadata.json"
    whole = path.read_bytes()
    metadata = json.loads(whole)
    if data.draw(st.booleans()):
        # What somebody wrote who knows how the facts are hashed.
        name = data.draw(st.sampled_from(sorted(metadata)))
        metadata[name] = data.draw(another_value(metadata[name]))
        metadata["metadata_sha256"] = hash_facts(metadata)
        path.write_text(json.dumps(metadata), encoding="utf-8")
    else:
        path.write_bytes(data.draw(damaged_json(metadata)))
    try:
        ends_as_documented("model_card.publish", ["verify", str(package)], (0, 2, 4), package)
    finally:
        path.write_bytes(whole)


@bounded
@given(data=st.data())
def test_any_state_of_a_hub_is_listed_or_named_and_repaired(
    data: st.DataObject, place: Path
) -> None:
    whole, hub = place / "whole-hub", place / "hub"
    if not whole.exists():
        for number, tag in enumerate(("v1.0", "v1.1")):
            LocalHub(whole).publish(make_version(place / tag, number), REPO, tag)
    shutil.rmtree(hub, ignore_errors=True)
    shutil.copytree(whole, hub, symlinks=True)
    repository = hub / "models--org--nic-tiny"
    moves = [json.loads(line) for line in (repository / "history.jsonl").read_text().splitlines()]
    revision = moves[0]["revision"]
    plan = {"tag": "v1.2", "revision": "ab" * 20, "creates": [f"{repository.name}/refs"]}
    files = {
        repository / "refs" / "main": revision,
        repository / "refs" / "v1.0": revision,
        repository / "history.jsonl": moves[0],
        hub / ".locks" / repository.name / "incomplete" / "plan.json": plan,
        repository / "trees" / f"{revision}.json": {},
    }
    for path in data.draw(st.lists(st.sampled_from(sorted(files)), min_size=1, unique=True)):
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(data.draw(damaged_json(files[path])))
    versions = sorted(path.name for path in (repository / "snapshots").iterdir())
    where = ["--local-hub", str(hub)]
    named = [*where, "--repo-id", REPO]
    for words in (["list", *where], ["rollback", *named], ["promote", "v1.0", *named]):
        ends_as_documented("model_card.publish", words, (0, 2, 4), place / "none")
    assert ends_as_documented("model_card.publish", ["repair", *where], (0,), hub) == 0
    assert ends_as_documented("model_card.publish", ["list", *where], (0,), hub) == 0
    assert sorted(path.name for path in (repository / "snapshots").iterdir()) == versions


@pytest.fixture(scope="module")
def results(tiny_model_folder: Path, place: Path) -> tuple[Path, Path]:
    """The folder of an evaluation, and its data."""
    data = place / "pairs.jsonl"
    rows = [make_row(n, ("hvac", "radar")[n % 2]) for n in range(40)]
    data.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    folder = place / "results"
    words = ["--model", str(tiny_model_folder), "--base", str(tiny_model_folder), "--all"]
    words += ["--data-file", str(data), "--probe", "none", "--no-speed", "--device", "cpu"]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("evaluation.report.output.draw_plots", lambda *_: [])
        evaluate_models(parse_arguments([*words, "--output-dir", str(folder)]))
    return folder, data


@bounded
@given(data=st.data())
def test_any_results_are_summarised_or_refused(
    data: st.DataObject, results: tuple[Path, Path]
) -> None:
    folder, pairs = results
    path = data.draw(st.sampled_from([folder / "results.json", folder / "per_query.jsonl"]))
    whole = path.read_bytes()
    lines = [whole] if path.suffix == ".json" else whole.splitlines()
    lines[0] = data.draw(damaged_json(json.loads(lines[0])))
    path.write_bytes(b"\n".join(lines))
    words = ["--from-results", str(folder), "--data-file", str(pairs), "--device", "cpu"]
    try:
        ends_as_documented("evaluation.run", words, (0, 2), folder)
    finally:
        path.write_bytes(whole)


@bounded
@given(data=st.data())
def test_any_split_file_is_taken_or_refused(
    data: st.DataObject, results: tuple[Path, Path], place: Path
) -> None:
    pairs = load_pairs(results[1])
    path = place / "split.json"
    save_split(split_pairs(pairs, 0.2, seed=1), pairs, path)
    path.write_bytes(data.draw(damaged_json(json.loads(path.read_bytes()))))
    words = ["--data-file", str(results[1]), "--split", str(path), "--output-dir", str(place / "o")]
    words += ["--device", "cpu", "--base-model", str(place / "no model")]
    assert ends_as_documented("training.train", words, (2,), place / "o") == 2
    assert not (place / "o").exists()
