"""A file is there whole or not at all."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from nic.errors import UserError
from nic.files import (
    atomic_write,
    atomic_write_text,
    check_writable,
    read_mapping,
    replace_folder,
)


def test_a_file_is_replaced_once_all_is_written(tmp_path: Path) -> None:
    path = tmp_path / "report.json"
    path.write_text("before", encoding="utf-8")
    with atomic_write(path) as staged:
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
    with pytest.raises(type(error)), atomic_write(path) as staged:
        staged.write_text("half", encoding="utf-8")
        raise error
    assert path.read_text(encoding="utf-8") == "before"
    assert list(tmp_path.iterdir()) == [path]


def test_text_is_written_in_utf_8_with_its_own_line_ends(tmp_path: Path) -> None:
    atomic_write_text(tmp_path / "a.txt", "é\n")
    assert (tmp_path / "a.txt").read_bytes() == b"\xc3\xa9\n"


def test_what_could_not_be_written_is_refused_before_the_work(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    check_writable(tmp_path / "check.json", "--json")
    with pytest.raises(UserError, match="nowhere: no such folder; create it, or change --json"):
        check_writable(tmp_path / "nowhere" / "check.json", "--json")
    with pytest.raises(UserError, match="is not a file that can be replaced"):
        check_writable(tmp_path, "--json")
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    with pytest.raises(UserError, match="may not be written to"):
        check_writable(tmp_path / "check.json", "--json")


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no named pipes in folders")
def test_a_pipe_or_device_is_never_replaced_by_a_file(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    with pytest.raises(UserError, match="pipe: is not a file that can be replaced"):
        atomic_write_text(pipe, "text")
    assert pipe.is_fifo()


@pytest.mark.skipif(sys.platform == "win32", reason="links need a privilege on Windows")
def test_a_link_stays_a_link_and_its_file_is_replaced(tmp_path: Path) -> None:
    (tmp_path / "real.txt").write_text("before", encoding="utf-8")
    (tmp_path / "link.txt").symlink_to("real.txt")
    atomic_write_text(tmp_path / "link.txt", "after")
    assert (tmp_path / "link.txt").is_symlink()
    assert (tmp_path / "real.txt").read_text(encoding="utf-8") == "after"


def test_a_refusal_of_the_system_is_one_line_and_other_errors_stay_what_they_are(
    tmp_path: Path,
) -> None:
    with pytest.raises(UserError, match=r"a\.txt: cannot be written \(No such file"):
        atomic_write_text(tmp_path / "nowhere" / "a.txt", "text")
    with pytest.raises(FileNotFoundError, match="other"), atomic_write(tmp_path / "a.txt"):
        (tmp_path / "other").read_bytes()


def test_a_replaced_folder_takes_no_other_folder_with_it(tmp_path: Path) -> None:
    for name in ("new", "model", "model.old", "model.old-mine"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "x").write_text(name, encoding="utf-8")
    replace_folder(tmp_path / "new", tmp_path / "model")
    left = {path.name: (path / "x").read_text(encoding="utf-8") for path in tmp_path.iterdir()}
    kept = {"model.old": "model.old", "model.old-mine": "model.old-mine"}
    assert left == {"model": "new", **kept}


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("epochs: " + "9" * 5000, "Exceeds the limit"),
        ("epochs: " + "[" * 3000 + "]" * 3000, "nested too deeply"),
    ],
    ids=["digits", "depth"],
)
def test_yaml_beyond_what_python_reads_is_one_line(tmp_path: Path, text: str, says: str) -> None:
    path = tmp_path / "recipe.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(UserError, match=f"recipe.yaml: not valid YAML .{says}"):
        read_mapping(path, "--config")
