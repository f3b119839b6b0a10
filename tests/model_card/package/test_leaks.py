"""No folder of the machine that trained stands in what is published."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from model_card.package.leaks import check_no_machine_paths
from nic.errors import UserError

PATHS = [
    "/home/somebody/models/v1",
    "/Users/ann/data.jsonl",
    "/root" + "/nic/pairs",
    "/mnt/data",
    r"C:\Users\ann\data",
    "D:/models/v1",
    "file:///srv/models",
    r"\\server\share\x",
]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder to publish, with a metadata.json."""
    folder = tmp_path / "staged"
    folder.mkdir()
    (folder / "metadata.json").write_text("{}")
    return folder


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("name", ["config.json", "metadata.json"])
def test_an_absolute_path_in_json_is_refused(folder: Path, name: str, path: str) -> None:
    (folder / name).write_text(json.dumps({"_name_or_path": path}), encoding="utf-8")
    with pytest.raises(UserError, match=f"^{name}: names a folder of this machine"):
        check_no_machine_paths(folder, folder)


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("name", ["README.md", "LICENSE"])
@pytest.mark.parametrize("around", ["see {} there", '("{}")', "`{}`", "--output={}", "a\n{}\n"])
def test_an_absolute_path_in_text_is_refused(
    folder: Path, name: str, path: str, around: str
) -> None:
    (folder / name).write_text(around.format(path), encoding="utf-8")
    with pytest.raises(UserError, match=f"^{name}: names a folder of this machine"):
        check_no_machine_paths(folder, folder)


@pytest.mark.parametrize("name", ["tokenizer.json", "onnx/model.onnx"])
def test_the_models_own_folder_is_found_in_any_file(
    folder: Path, tmp_path: Path, name: str
) -> None:
    model = tmp_path / "models" / "v1"
    model.mkdir(parents=True)
    (folder / name).parent.mkdir(exist_ok=True)
    (folder / name).write_bytes(b"\x08\x0a\xff" + str(model.resolve()).encode() + b"/model.py")
    with pytest.raises(UserError, match=f"^{name}: names a folder of this machine"):
        check_no_machine_paths(folder, model)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("README.md", "https://example.org/home/page and http://x.org:80/tmp/y"),
        ("README.md", "input/output, path/to/this/folder, 3:/4, ./home/x, and/or, a \\ b"),
        ("README.md", "mean\\_sqrt of \\[a\\]\\(b\\), 5 /tmp, ratio 1:/2"),
        ("metadata.json", '{"name": "org/model", "a": "b\\\\c"}'),
        ("tokenizer.json", '{"/tmp/x": 5, "C:\\\\Users": 6}'),
        ("vocab.txt", "/home/user\n"),
    ],
)
def test_what_is_no_path_of_a_machine_is_not_refused(folder: Path, name: str, text: str) -> None:
    (folder / name).write_text(text, encoding="utf-8")
    check_no_machine_paths(folder, folder)
