"""BEIR folders: `corpus.jsonl`, `queries.jsonl` and judgements in `qrels/*.tsv`."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nic.errors import UserError
from pairs.reading.columnar import PARTS, hash_files
from pairs.reading.delimited import open_table
from pairs.reading.formats import HEAD, Detected
from pairs.reading.json_rows import read_jsonl
from pairs.reading.packing import open_binary
from pairs.reading.records import DataFile, Place, Record
from pairs.words import comparable

CORPUS, QUERIES, QRELS = "corpus.jsonl", "queries.jsonl", "qrels"
COLUMNS = ["query", "positive", "negative"]
QRELS_COLUMNS = ("query-id", "corpus-id", "score")
NOT_KEPT = ("text", "_id")
MOST_NEGATIVES = 100
UTF8 = Detected("JSONL", "utf-8")


@dataclass(frozen=True)
class Judgement:
    """One line of a file of judgements.

    Attributes:
        place: Where it stands.
        query: Id of the query.
        passage: Id of the passage.
        score: How well it answers; 0 or less: not at all.
    """

    place: Place
    query: str
    passage: str
    score: float

    @property
    def asked(self) -> tuple[str, str]:
        """Returns the file of judgements and the query."""
        return self.place.section, self.query


def is_beir(folder: Path) -> bool:
    """Returns whether a folder has the files of a BEIR data set."""
    return bool(_find(folder, CORPUS) and _find(folder, QUERIES) and _qrels(folder))


def open_beir(folder: Path) -> DataFile:
    """Opens a BEIR folder: one row for each query and passage that is judged relevant.

    Title and text of a passage are joined by a space. Up to 100 passages that are judged not
    relevant to a query are its negatives. Fields of a query beside its text are fields of its rows.

    Raises:
        UserError: A file of it is not what it should be.
    """
    corpus, queries, qrels = _find(folder, CORPUS), _find(folder, QUERIES), _qrels(folder)
    assert corpus and queries
    judged = _read_all(folder, qrels)
    used = _used_passages(judged)

    def rows() -> Iterator[Record]:
        return _rows(judged, _objects(queries), _passages(corpus, used))

    def further() -> Iterator[tuple[str, str]]:
        for number, id_, item in _items(corpus):
            if id_ not in used:
                yield f"c{number}", _joined(item)

    names = ", ".join(file.name.split(".")[0] for file in qrels)
    fields = dict.fromkeys(key for item in _objects(queries).values() for key in item)
    return DataFile(
        folder,
        f"a BEIR folder with judgements for {names}",
        [*COLUMNS, *(name for name in fields if name not in NOT_KEPT)],
        rows,
        further_passages=further,
        has_split=any(judgement.place.part for judgement in judged),
        digest=lambda: hash_files(folder, [corpus, queries, *qrels]),
    )


def _rows(
    judged: list[Judgement], queries: dict[str, dict[str, Any]], passages: dict[str, str]
) -> Iterator[Record]:
    wrong = _wrong_passages(judged)
    for one in judged:
        if one.score <= 0:
            continue
        if one.query not in queries or one.passage not in passages:
            file, id_ = (QUERIES, one.query) if one.query not in queries else (CORPUS, one.passage)
            yield Record(one.place, {}, f'"{id_}" is no _id of {file}')
            continue
        query, positive = queries[one.query], passages[one.passage]
        row = {key: value for key, value in query.items() if key not in NOT_KEPT}
        row |= {"query": query["text"], "positive": positive}
        texts = [passages[id_] for id_ in wrong[one.asked] if id_ in passages]
        if negatives := [text for text in texts if comparable(text) != comparable(positive)]:
            row["negative"] = negatives
        yield Record(one.place, row)


def _wrong_passages(judged: list[Judgement]) -> dict[tuple[str, str], list[str]]:
    """Returns the ids of up to 100 passages that are judged not relevant, by who asks."""
    wrong: dict[tuple[str, str], list[str]] = defaultdict(list)
    for one in judged:
        if one.score <= 0 and len(wrong[one.asked]) < MOST_NEGATIVES:
            wrong[one.asked].append(one.passage)
    return wrong


def _used_passages(judged: list[Judgement]) -> set[str]:
    """Returns the ids of the passages that are a positive or a negative of a row."""
    relevant = {one.passage for one in judged if one.score > 0}
    asked = {one.asked for one in judged if one.score > 0}
    wrong = _wrong_passages(judged)
    return relevant | {id_ for query in asked for id_ in wrong[query]}


def _read_all(folder: Path, files: list[Path]) -> list[Judgement]:
    found: list[Judgement] = []
    for file in files:
        offset = found[-1].place.number if found else 0
        found += _read_qrels(folder, file, offset)
    return found


def _read_qrels(folder: Path, file: Path, offset: int) -> Iterator[Judgement]:
    """Yields the judgements of a file.

    Raises:
        UserError: It has other columns, or a score is no number.
    """
    with open_binary(file) as start:
        head = start.read(HEAD).decode("utf-8", "replace")
    table = open_table(file, Detected("CSV", "utf-8", head=head), QRELS_COLUMNS)
    if not set(QRELS_COLUMNS) <= set(table.columns):
        raise UserError(f"{file}: needs the columns {', '.join(QRELS_COLUMNS)}, divided by tabs")
    section = file.relative_to(folder).as_posix()
    part = PARTS.get(file.name.split(".")[0].lower(), "")
    for place, row, problem, _ in table.rows():
        try:
            query, passage, score = (row[column] for column in QRELS_COLUMNS)
            value = float(score)
        except (KeyError, ValueError) as error:
            reason = problem or "needs query-id, corpus-id and a number as score"
            raise UserError(f"{place}: {reason}") from error
        at = place._replace(path=folder, section=section, offset=offset, part=part)
        yield Judgement(at, query, passage, value)


def _items(path: Path) -> Iterator[tuple[int, str, dict[str, Any]]]:
    """Yields number, id and content of each line of a JSONL file with ids.

    Raises:
        UserError: A line is no object with an id and a text.
    """
    for place, item, problem, _ in read_jsonl(path, UTF8):
        text = item.get("text")
        if problem or "_id" not in item or not isinstance(text, str):
            raise UserError(f"{place}: {problem or 'needs the fields _id and text'}")
        yield place.line, str(item["_id"]), item


def _objects(path: Path) -> dict[str, dict[str, Any]]:
    """Returns the queries by id; fields of `metadata` stand beside the others."""
    found = {}
    for _, id_, item in _items(path):
        metadata = item.pop("metadata", None)
        found[id_] = {**metadata, **item} if isinstance(metadata, dict) else item
    return found


def _passages(path: Path, wanted: set[str]) -> dict[str, str]:
    return {id_: _joined(item) for _, id_, item in _items(path) if id_ in wanted}


def _joined(item: dict[str, Any]) -> str:
    title = item.get("title")
    text = str(item["text"])
    return f"{title} {text}".strip() if isinstance(title, str) else text.strip()


def _find(folder: Path, name: str) -> Path | None:
    names = (name, f"{name}.gz", f"{name}.zst")
    return next((folder / given for given in names if (folder / given).is_file()), None)


def _qrels(folder: Path) -> list[Path]:
    """Returns the files of judgements, those of the training first."""
    order = ("train", "validation", "test", "")
    files = [path for path in (folder / QRELS).glob("*.tsv*") if path.is_file()]

    def place(path: Path) -> tuple[int, str]:
        return order.index(PARTS.get(path.name.split(".")[0].lower(), "")), path.name

    return sorted(files, key=place)
