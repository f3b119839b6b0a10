"""The ablation repeats no run, and compares recipes on the same held-out queries."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import ablation
import pytest
from ablation import Line, Ranks, against, pool, print_table, read_lines, read_recipes


def line(recipe: str, seed: int, ranks: list[int]) -> Line:
    """A run on queries of two domains, a cluster each; the base finds everything at rank 9."""
    queries = range(len(ranks))
    base, tuned = [[9]] * len(ranks), [[rank] for rank in ranks]
    found = Ranks(["a", "b"], [n % 2 for n in queries], list(queries), base, tuned)
    return Line("pairs", recipe, {"epochs": 1}, seed, "CPU", "fp32", 1.0, 3, 4, found, found)


def write(lines: list[Line], path: Path) -> None:
    path.write_text("".join(json.dumps(asdict(one)) + "\n" for one in lines), encoding="utf-8")


def test_every_recipe_has_flags_of_the_command_and_differs_from_the_others() -> None:
    from training.command.parser import parse_arguments

    recipes = read_recipes()
    for flags in recipes.values():
        parse_arguments(
            [word for name, value in flags.items() for word in (f"--{name}", str(value))]
        )
    assert len({str(sorted(flags.items())) for flags in recipes.values()}) == len(recipes)


def test_a_run_that_was_cut_off_while_it_was_written_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "lines.jsonl"
    write([line("one", 1, [1, 2])], path)
    whole = path.read_text(encoding="utf-8")
    path.write_text(whole + whole[:40], encoding="utf-8")
    assert read_lines(path) == [line("one", 1, [1, 2])]


def test_a_run_with_a_line_is_not_repeated_and_one_with_other_flags_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trained: list[Any] = []

    def stop(flags: Any) -> Any:
        trained.append(flags)
        raise RuntimeError("stopped")

    monkeypatch.setattr(ablation, "train", stop)
    monkeypatch.setattr(ablation, "read_recipes", lambda: {"one": {"epochs": 1}})
    path = tmp_path / "lines.jsonl"
    write([line("one", 1, [1, 2])], path)
    ablation.train_all("pairs.jsonl", [1], [], path)
    assert trained == []
    with pytest.raises(RuntimeError, match="stopped"):
        ablation.train_all("pairs.jsonl", [2], [], path)
    monkeypatch.setattr(ablation, "read_recipes", lambda: {"one": {"epochs": 2}})
    with pytest.raises(RuntimeError, match="stopped"):
        ablation.train_all("pairs.jsonl", [1], [], path)
    assert [(flags["seed"], flags["epochs"]) for flags in trained] == [(2, 1), (1, 2)]


def test_recipes_are_compared_on_the_seeds_that_both_have() -> None:
    reference = [line("one", seed, [9] * 40) for seed in (1, 2)]
    other = [line("two", seed, [1] * 40) for seed in (2, 3)]
    found = against(reference, other).overall
    assert (found.queries, found.clusters) == (40, 40)
    assert found.differences["recipe"]["recall@5"].value == 1


def test_the_table_pools_the_seeds(capsys: pytest.CaptureFixture[str]) -> None:
    lines = [line("one", seed, [1, 9] * 20) for seed in (2, 1)]
    lines += [line("two", seed, [1, 1] * 20) for seed in (1, 2)]
    assert [run.seed for run in pool(lines)["pairs"]["one"]] == [1, 2]
    print_table(lines, "one")
    one, two = capsys.readouterr().out.strip().splitlines()[-2:]
    assert one.startswith("| one | 2 | 0.5000 | 0.5556 | **+0.500")
    assert two.startswith("| two | 2 | 1.0000 | 1.0000 | **+1.000")
    assert "| **+0.500" in two
