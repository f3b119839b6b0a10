"""Write the default data set and the forgetting probe: `python data/make_pairs.py`.

Each `data/manuals/DOMAIN.yaml` holds the passages of one fictitious machine, the queries that
each of them answers and the shop-floor words that the queries use; `data/probe/general.yaml` holds
everyday passages with their queries. The same sources give the same files, byte for byte.
`--check` writes nothing and fails where a committed file differs.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from collections import Counter, defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

HERE = Path(__file__).resolve().parent
MANUALS = HERE / "manuals"
PAIRS = HERE / "finetuning" / "training_pairs.jsonl"
GENERAL = HERE / "probe" / "general.yaml"
# Below a package, so that it is installed with it.
PROBE = HERE.parent / "evaluation" / "retrieval" / "probe_data" / "general.jsonl"

PASSAGES_THAT_A_TERM_RECURS_IN = 4
OPENING_WORDS = 4
QUERIES_OF_AN_OPENING = 3


@dataclass(frozen=True)
class Rules:
    """The limits that a set must keep.

    Attributes:
        words: Smallest and largest number of words of a passage.
        queries: Smallest and largest number of queries of a passage.
    """

    words: tuple[int, int]
    queries: tuple[int, int]


PAIRS_RULES = Rules(words=(50, 130), queries=(3, 6))
PROBE_RULES = Rules(words=(40, 80), queries=(2, 3))


@dataclass(frozen=True)
class Passage:
    """One passage of a manual with the queries that it answers.

    Attributes:
        id: Unique within the manual.
        section: Heading under which the passage stands in the manual.
        text: The passage, on one line.
        queries: Queries that this passage answers and no other.
        confusable: Ids of passages of the same manual that look relevant and are not.
    """

    id: str
    section: str
    text: str
    queries: list[str]
    confusable: list[str]


@dataclass(frozen=True)
class Manual:
    """The passages of one domain.

    Attributes:
        domain: Name of the domain.
        glossary: Shop-floor term, as the queries use it, and what the manual calls it; empty in
            the probe.
        passages: The passages in the order of the manual.
    """

    domain: str
    glossary: dict[str, str]
    passages: list[Passage]


def read_manual(path: Path) -> Manual:
    """Reads one manual; line breaks in texts become spaces."""
    raw = yaml.safe_load(path.read_text(encoding="utf-8"))
    glossary = {str(term): meaning for term, meaning in raw["glossary"].items()}
    return Manual(raw["domain"], glossary, [read_passage(item) for item in raw["passages"]])


def read_probe(path: Path) -> list[Manual]:
    """Reads the passages of the probe, as one manual without a glossary per domain."""
    by_domain: dict[str, list[Passage]] = defaultdict(list)
    for item in yaml.safe_load(path.read_text(encoding="utf-8"))["passages"]:
        by_domain[item["domain"]].append(read_passage(item))
    return [Manual(domain, {}, passages) for domain, passages in by_domain.items()]


def read_passage(item: dict[str, Any]) -> Passage:
    """Returns one passage from its YAML mapping."""
    return Passage(
        id=item["id"],
        section=item["section"],
        text=" ".join(item["text"].split()),
        queries=[" ".join(str(query).split()) for query in item["queries"]],
        confusable=list(item["confusable"]),
    )


def find_faults(manual: Manual, rules: Rules) -> list[str]:
    """Returns what breaks the rules of the data set in a manual; empty where nothing does."""
    faults = []
    ids = Counter(passage.id for passage in manual.passages)
    faults += [f"id {id_} stands {count} times" for id_, count in ids.items() if count > 1]
    queries = Counter(query.lower() for passage in manual.passages for query in passage.queries)
    faults += [f"query {query!r} stands {n} times" for query, n in queries.items() if n > 1]
    for passage in manual.passages:
        faults += [
            f"{passage.id}: {fault}" for fault in find_passage_faults(passage, set(ids), rules)
        ]
    for term in manual.glossary:
        faults += [f"term {term!r}: {fault}" for fault in find_term_faults(term, manual.passages)]
    return faults


def find_passage_faults(passage: Passage, ids: set[str], rules: Rules) -> list[str]:
    """Checks the length of a passage, the number of its queries and its references."""
    faults = []
    words = len(passage.text.split())
    low, high = rules.words
    if not low <= words <= high:
        faults.append(f"{words} words, not {low} to {high}")
    low, high = rules.queries
    if not low <= len(passage.queries) <= high:
        faults.append(f"{len(passage.queries)} queries, not {low} to {high}")
    if not passage.confusable:
        faults.append("names no confusable passage")
    unknown = [id_ for id_ in passage.confusable if id_ not in ids or id_ == passage.id]
    faults += [f"confusable {id_!r} is no other passage of this manual" for id_ in unknown]
    return faults


def find_term_faults(term: str, passages: list[Passage]) -> list[str]:
    """Checks that queries of several passages use a shop-floor term and that no passage does."""
    pattern = re.compile(rf"(?<!\w){re.escape(term)}(?!\w)", re.IGNORECASE)
    faults = [f"stands in the passage {p.id}" for p in passages if pattern.search(p.text)]
    used = sum(any(pattern.search(query) for query in p.queries) for p in passages)
    if used < PASSAGES_THAT_A_TERM_RECURS_IN:
        faults.append(f"in queries of {used} passages, not {PASSAGES_THAT_A_TERM_RECURS_IN}")
    return faults


def find_worn_openings(manuals: list[Manual]) -> list[str]:
    """Checks that no four words begin more than three queries of the whole set."""
    openings = Counter(
        " ".join(query.lower().split()[:OPENING_WORDS])
        for manual in manuals
        for passage in manual.passages
        for query in passage.queries
    )
    return [
        f"{count} queries begin with {opening!r}, not {QUERIES_OF_AN_OPENING} or fewer"
        for opening, count in openings.items()
        if count > QUERIES_OF_AN_OPENING
    ]


def make_rows(manual: Manual) -> list[dict[str, Any]]:
    """Returns one row per query; the confusable passages take turns as the negative."""
    texts = {passage.id: passage.text for passage in manual.passages}
    return [
        {
            "query": query,
            "positive": passage.text,
            "negative": texts[passage.confusable[number % len(passage.confusable)]],
            "domain": manual.domain,
            "source_section": passage.section,
            "synthetic": True,
            "hard_negative": True,
        }
        for passage in manual.passages
        for number, query in enumerate(passage.queries)
    ]


def make_training_set(paths: list[Path]) -> str:
    """Returns the text of the training set, manuals in the order of their file names."""
    return make_jsonl([read_manual(path) for path in sorted(paths)], PAIRS_RULES)


def make_probe(path: Path) -> str:
    """Returns the text of the probe, in the order of its source."""
    return make_jsonl(read_probe(path), PROBE_RULES)


def make_jsonl(manuals: list[Manual], rules: Rules) -> str:
    """Returns the text of a JSONL file.

    Raises:
        SystemExit: A manual breaks the rules; each fault is named.
    """
    faults = [
        f"{manual.domain}: {fault}" for manual in manuals for fault in find_faults(manual, rules)
    ]
    faults += find_worn_openings(manuals)
    if faults:
        raise SystemExit("\n".join([*faults, f"{len(faults)} faults, nothing written"]))
    rows = [row for manual in manuals for row in make_rows(manual)]
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)


def main() -> None:
    """Writes both files, or compares them with the committed ones."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--check", action="store_true", help="write nothing, fail if one differs")
    arguments = parser.parse_args()
    made = {PAIRS: make_training_set(list(MANUALS.glob("*.yaml"))), PROBE: make_probe(GENERAL)}
    for path, text in made.items():
        if not arguments.check:
            path.write_text(text, encoding="utf-8", newline="\n")
        elif path.read_text(encoding="utf-8") != text:
            raise SystemExit(
                f"{path} is not what its source gives: run `python data/make_pairs.py`"
            )
        sys.stdout.write(f"{path.name}: {text.count(chr(10))} pairs\n")


if __name__ == "__main__":
    main()
