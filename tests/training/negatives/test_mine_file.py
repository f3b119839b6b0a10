"""nic-mine writes a new file with mined negatives, each with its rank and score."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest
from conftest import WORDS, MakePairs

from nic.chunked_model import ChunkedSentenceTransformer
from nic.errors import UserError
from pairs.loading import load_pairs
from training import MineArguments, mine_negatives
from training.negatives import mine_file
from training.negatives.arguments import parse_arguments

ROWS = 40


def bare(number: int, **more: Any) -> dict[str, Any]:
    """A pair without negatives, which a random model too finds by its words."""
    words = [WORDS[(number * step + step) % len(WORDS)] for step in (1, 7, 11)]
    text = " ".join([*words, *words, str(number), str(number)])
    return {"query": f"why {text}", "positive": f"{text} is", "domain": "hvac", **more}


@pytest.fixture
def mine(tiny_model_folder: Path, tmp_path: Path) -> Any:
    """A function that mines a file with the tiny model, and gives the summary and the rows."""

    def run(path: Path, name: str = "mined.jsonl", **options: Any) -> Any:
        output = tmp_path / name
        defaults = {"base_model": str(tiny_model_folder), "rank_range": (2, 30), "device": "cpu"}
        summary = mine_negatives(MineArguments(output, path, **{**defaults, **options}))
        return summary, [json.loads(line) for line in output.read_text("utf-8").splitlines()]

    return run


def test_each_row_stays_and_gets_negatives_with_the_rank_and_score_of_the_model(
    mine: Any, write_pairs: MakePairs, tiny_model: ChunkedSentenceTransformer
) -> None:
    rows = [bare(n, page=n) for n in range(ROWS)]
    path = write_pairs(rows)
    before = path.read_bytes()
    summary, mined = mine(path, negatives_per_row=3)
    assert path.read_bytes() == before
    assert [{name: row[name] for name in rows[0]} for row in mined] == rows
    positives = [row["positive"] for row in rows]
    passages = tiny_model.encode_document(positives, normalize_embeddings=True)
    queries = tiny_model.encode_query([row["query"] for row in rows], normalize_embeddings=True)
    scores = queries @ passages.T
    got = [n for n, row in enumerate(mined) if "negative" in row]
    assert len(got) > ROWS / 2
    for number in got:
        row, of_row = mined[number], scores[number]
        assert list(row)[-3:] == ["negative", "negative_ranks", "negative_scores"]
        own = [of_row[positives.index(text)] for text in row["negative"]]
        assert row["negative_scores"] == pytest.approx(own, abs=1e-5)
        assert row["negative_ranks"] == [1 + sum(of_row > score + 1e-6) for score in own]
        assert min(row["negative_ranks"]) > 2
    loaded = load_pairs(path.parent / "mined.jsonl")
    assert loaded.negatives() == [row.get("negative", []) for row in mined]
    assert (summary.rows, summary.passages) == (ROWS, ROWS)
    counts = [len(texts) for texts in loaded.negatives()]
    full, without = counts.count(3), counts.count(0)
    assert (summary.full, summary.without) == (full, without)
    assert (summary.fewer, summary.added) == (ROWS - full - without, sum(counts))


def test_a_row_gets_as_many_as_it_lacks_and_one_that_lacks_none_keeps_its_bytes(
    mine: Any, write_pairs: MakePairs
) -> None:
    rows = [bare(n) for n in range(ROWS)]
    rows[3]["negative"] = "brake"
    rows[4] |= {"negative_1": "chain", "negative_2": "mast"}
    path = write_pairs(rows)
    line = json.dumps(rows[4], separators=(",", ":"))
    path.write_text(path.read_text("utf-8").replace(json.dumps(rows[4]), line), "utf-8")
    _, mined = mine(path, negatives_per_row=2)
    assert mined[3]["negative"][0] == "brake"
    assert len(mined[3]["negative"]) == len(mined[3]["negative_ranks"]) == 2
    assert mined[4] == rows[4]
    assert line in (path.parent / "mined.jsonl").read_text("utf-8").splitlines()
    _, mined = mine(path, "three.jsonl", negatives_per_row=3)
    assert "negative_1" not in mined[4]
    assert mined[4]["negative"][:2] == ["chain", "mast"]
    assert len(mined[4]["negative_scores"]) == 3


def test_a_second_round_ranks_with_the_tuned_model(
    mine: Any, write_pairs: MakePairs, tiny_model_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []
    find = mine_file.find_model

    def spy(name: str, *more: Any) -> Any:
        asked.append(name)
        return find(name, *more)

    monkeypatch.setattr(mine_file, "find_model", spy)
    path = write_pairs([bare(n) for n in range(ROWS)])
    mine(path, base_model="no/such-model", model=str(tiny_model_folder))
    assert asked == [str(tiny_model_folder)]


def test_the_output_is_gzipped_by_its_name_and_never_replaces_a_file(
    mine: Any, write_pairs: MakePairs, tmp_path: Path, tiny_model_folder: Path
) -> None:
    path = write_pairs([bare(n) for n in range(ROWS)])
    packed = tmp_path / "mined.jsonl.gz"
    options: dict[str, Any] = {"base_model": str(tiny_model_folder), "device": "cpu"}
    mine_negatives(MineArguments(packed, path, **options))
    with gzip.open(packed, "rt", encoding="utf-8") as file:
        assert len(file.readlines()) == ROWS
    for taken in (packed, path):
        with pytest.raises(UserError, match="exists; nothing is ever changed in place"):
            MineArguments(taken, path)
    with pytest.raises(UserError, match="no such folder; create it, or change --output"):
        MineArguments(tmp_path / "no" / "mined.jsonl", path)


def test_nothing_is_left_where_writing_stops(
    mine: Any, write_pairs: MakePairs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stop(*_: Any) -> bytes:
        raise KeyboardInterrupt

    path = write_pairs([bare(n) for n in range(ROWS)])
    monkeypatch.setattr(mine_file, "as_line", stop)
    with pytest.raises(KeyboardInterrupt):
        mine(path)
    assert [file.name for file in tmp_path.iterdir() if file.is_file()] == [path.name]


def test_the_log_states_counts_and_seconds_and_quotes_nothing(
    mine: Any, write_pairs: MakePairs, capsys: pytest.CaptureFixture[str]
) -> None:
    mine(write_pairs([bare(n) for n in range(ROWS)]), negatives_per_row=20, rank_range=(10, 30))
    said = capsys.readouterr().err
    assert "[INFO] Mining from 40 passages" in said
    assert " s per 1,000 passages)" in said
    assert "[INFO] Of 40 rows " in said
    assert "For more: a wider --rank-range than 10 30" in said
    assert "why" not in said


def test_the_flags_are_those_of_the_arguments(tmp_path: Path) -> None:
    output = str(tmp_path / "out.jsonl")
    given = parse_arguments(["--output", output])
    assert given == MineArguments(output)
    words = ["--negatives-per-row", "4", "--rank-range", "0", "100", "--relative-margin", "0.1"]
    given = parse_arguments(["--output", output, *words, "--model", "models/tuned"])
    assert (given.negatives_per_row, given.rank_range) == (4, (0, 100))
    assert (given.relative_margin, given.model) == (0.1, "models/tuned")
    with pytest.raises(UserError, match="--rank-range 50 10: must be two places"):
        parse_arguments(["--output", output, "--rank-range", "50", "10"])
    with pytest.raises(UserError, match="required: --output"):
        parse_arguments([])
