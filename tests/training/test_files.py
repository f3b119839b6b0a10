"""A file is there whole or not at all."""

from __future__ import annotations

from pathlib import Path

import pytest

from training.files import write_text_whole, written_whole


def test_a_file_is_replaced_once_all_is_written(tmp_path: Path) -> None:
    path = tmp_path / "report.json"
    path.write_text("before", encoding="utf-8")
    with written_whole(path) as staged:
        assert staged.suffix == ".json"
        staged.write_text("after", encoding="utf-8")
        assert path.read_text(encoding="utf-8") == "before"
    assert path.read_text(encoding="utf-8") == "after"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), KeyboardInterrupt()])
def test_what_goes_wrong_leaves_the_file_as_it_was_and_nothing_beside_it(
    error: BaseException, tmp_path: Path
) -> None:
    path = tmp_path / "report.json"
    path.write_text("before", encoding="utf-8")
    with pytest.raises(type(error)), written_whole(path) as staged:
        staged.write_text("half", encoding="utf-8")
        raise error
    assert path.read_text(encoding="utf-8") == "before"
    assert list(tmp_path.iterdir()) == [path]


def test_text_is_written_in_utf_8_with_its_own_line_ends(tmp_path: Path) -> None:
    write_text_whole(tmp_path / "a.txt", "é\n")
    assert (tmp_path / "a.txt").read_bytes() == b"\xc3\xa9\n"
