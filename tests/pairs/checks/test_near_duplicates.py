"""Near-duplicates are found, other texts are not, whatever the order and the number."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import closing

import numpy as np
import pytest

from pairs.checks.near_duplicates import NearDuplicates, Shingles
from pairs.checks.split_texts import SplitTexts


@pytest.fixture
def near() -> Iterator[NearDuplicates]:
    with closing(NearDuplicates()) as detector:
        yield detector


def passage(seed: int, words: int = 60) -> list[str]:
    numbers = random.Random(seed)
    return [f"w{numbers.randrange(10_000)}" for _ in range(words)]


def shingles(*texts: str) -> list[list[int]]:
    """The hashes of each text's shingles."""
    hashes, starts = Shingles().of(SplitTexts.of(texts))
    return [part.tolist() for part in np.split(hashes, starts[1:-1].astype(int))]


def test_shingles_are_three_words_in_a_row_in_lower_case() -> None:
    long, first, second = shingles("Open the valve, slowly.", "OPEN the\nvalve", "the valve slowly")
    assert long == [*first, *second]
    assert shingles("valve the open") != [first]


def test_a_text_of_fewer_words_is_one_shingle_of_its_own() -> None:
    texts = ("open it", "it open", "open", "open it it", "---", "***", "")
    found = shingles(*texts)
    assert [len(of_text) for of_text in found] == [1] * len(texts)
    assert len({of_text[0] for of_text in found}) == len(texts)


def test_each_letter_of_a_script_without_spaces_is_a_word() -> None:
    assert [len(of_text) for of_text in shingles("\u6cf5\u6f0f\u6cb9\u4e86\u5417", "a b c d")] == [
        3,
        2,
    ]


def test_the_shingles_of_a_text_do_not_depend_on_those_beside_it() -> None:
    texts = [" ".join(passage(seed)) for seed in range(30)] + ["", "-", "one two"]
    assert shingles(*texts) == [shingles(text)[0] for text in texts]


def test_texts_of_one_changed_word_are_one_group_and_others_their_own(
    near: NearDuplicates,
) -> None:
    first, other = passage(1), passage(2)
    changed = [*first[:30], "otherwise", *first[31:]]
    near.add(SplitTexts.of([" ".join(first), " ".join(other)]))
    near.add(SplitTexts.of([" ".join(changed), " ".join(passage(3)), " ".join(first).upper()]))
    assert near.groups().tolist() == [0, 1, 0, 3, 0]


def test_half_a_text_in_common_is_no_near_duplicate(near: NearDuplicates) -> None:
    near.add(SplitTexts.of([" ".join(passage(1) + passage(2)), " ".join(passage(1) + passage(3))]))
    assert near.groups().tolist() == [0, 1]


def test_every_one_of_two_hundred_near_duplicates_is_found_among_a_thousand_texts(
    near: NearDuplicates,
) -> None:
    # One word of 60 changed leaves 55 of 61 shingles: a Jaccard similarity of 0.9.
    texts = [passage(seed) for seed in range(1000)]
    copies = [[*text[:20], "changed", *text[21:]] for text in texts[:200]]
    near.add(SplitTexts.of([" ".join(text) for text in texts + copies]))
    expected = [*range(1000), *range(200)]
    assert near.groups().tolist() == expected


def test_many_equal_texts_are_one_group(near: NearDuplicates) -> None:
    near.add(SplitTexts.of(["the same short text again"] * 5000))
    assert not near.groups().any()


def test_no_text_is_no_group(near: NearDuplicates) -> None:
    assert np.array_equal(near.groups(), [])
