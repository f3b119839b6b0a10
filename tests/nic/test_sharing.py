"""Which process embeds which text of a batch."""

from __future__ import annotations

import pytest

from nic.sharing import Sharing

KEYS = [bytes([0] * 7 + [number]) for number in range(7)]
LENGTHS = [3, 9, 5, 7, 1, 8, 2]


def test_the_shares_of_a_batch_have_as_many_texts_of_similar_length() -> None:
    shares = Sharing(0, 3).shares(KEYS, LENGTHS)
    assert shares == [[1, 2, 4], [5, 0], [3, 6]]
    assert Sharing(2, 3).shares(KEYS, LENGTHS) == shares


@pytest.mark.parametrize("rank", [0, 1, 2])
def test_a_text_that_has_an_owner_has_it_in_every_batch(rank: int) -> None:
    sharing = Sharing(rank, 3, owners={KEYS[6]: 2})
    own = [place for place, key in enumerate(KEYS) if sharing.owns(key)]
    # The others go by their key, which ends in their number.
    assert own == [[0, 3], [1, 4], [2, 5, 6]][rank]
    assert sorted(sharing.shares(KEYS, LENGTHS)[rank]) == own
    assert sharing.shares(KEYS[6:], LENGTHS[6:])[rank] == ([0] if rank == 2 else [])


def test_an_evaluation_is_dealt_out_in_slices() -> None:
    texts = list(range(11))
    assert [texts[part] for part in Sharing(0, 3).slices(11)] == [
        [0, 1, 2, 3],
        [4, 5, 6, 7],
        [8, 9, 10],
    ]


def test_one_process_shares_nothing() -> None:
    assert Sharing.of_run() is None
