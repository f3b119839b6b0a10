"""Which files of a model folder are published, and what is refused among them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open

from nic.errors import UserError
from nic.files import load_json
from nic.model_checks import ROUTER, ROUTES, read_routed_modules
from nic.model_files import (
    METADATA,
    MODULE_FILES,
    MODULES,
    PUBLISHED_FILES,
    PUBLISHED_FOLDERS,
    is_never_published,
    matches,
)

PICKLE_SUFFIXES = (".bin", ".pt", ".pth", ".pkl", ".pickle", ".ckpt", ".joblib")
# A pickle of protocol 2 and later; the zip file that torch.save writes around one.
PICKLE_STARTS = (*(b"\x80" + bytes([protocol]) for protocol in range(2, 6)), b"PK\x03\x04")
PNG_START = b"\x89PNG\r\n\x1a\n"


def publishable_files(model: Path) -> list[str]:
    """Returns the names of the files of a model that are published, sorted, with forward slashes.

    Other files of its folder, such as checkpoints, logs and the split, are left out.

    Raises:
        UserError: `modules.json` or a folder that it names is missing; a symbolic link, a pickle
            or a damaged file is among the files to publish.
    """
    folders = {"": PUBLISHED_FILES, **PUBLISHED_FOLDERS}
    for module in read_modules(model):
        path = module["path"]
        if module["type"].split(".")[-1] == ROUTER:
            folders[path] = (ROUTES,)
            routed = read_routed_modules(str(model), model, path)
            folders |= dict.fromkeys((one["path"] for one in routed), MODULE_FILES)
        elif path:
            folders[path] = MODULE_FILES
    names = [
        name for folder, allowed in folders.items() for name in _allowed(model, folder, allowed)
    ]
    for name in names:
        check_content(model / name)
    return sorted(names)


def read_modules(model: Path) -> list[dict[str, Any]]:
    """Returns the modules that `modules.json` lists, each with a path and a type.

    Raises:
        UserError: It is missing or unreadable, or a folder that it names does not exist.
    """
    path = model / MODULES
    if not path.is_file():
        raise UserError(
            f"{model}: holds no {MODULES}; without it the model would load with mean pooling and "
            "no normalisation. Give a folder written by save_pretrained"
        )
    modules = read_json(path)
    for module in modules if isinstance(modules, list) else [None]:
        if not isinstance(module, dict) or not isinstance(module.get("type"), str):
            raise UserError(f"{path}: not a list of modules with path and type; save it again")
        settings = ROUTES if module["type"].split(".")[-1] == ROUTER else "config.json"
        _check_module_folder(model, module.get("path"), settings)
    return list(modules)


def read_json(path: Path) -> Any:
    """Returns the content of a JSON file.

    Raises:
        UserError: It is missing, not UTF-8, or not JSON.
    """
    try:
        return load_json(path)
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror})") from error
    except ValueError as error:
        raise UserError(f"{path}: damaged, not valid JSON ({error})") from error


def refuse_pickle(path: Path) -> None:
    """Refuses a file that is a pickle by its name or by its first bytes.

    Raises:
        UserError: It is a pickle; loading it could run any code.
    """
    with path.open("rb") as file:
        start = file.read(4)
    if path.suffix.lower() in PICKLE_SUFFIXES or start.startswith(PICKLE_STARTS):
        raise UserError(
            f"{path}: a pickle, which can run any code when it is loaded; publish weights as "
            ".safetensors (save_pretrained does) and remove it"
        )


def check_content(path: Path) -> None:
    """Refuses a file whose content does not have the format of its name.

    Raises:
        UserError: A pickle, or damaged safetensors, JSON, PNG or text.
    """
    refuse_pickle(path)
    if path.suffix == ".json":
        read_json(path)
    elif path.suffix == ".safetensors":
        try:
            with safe_open(path, framework="numpy"):
                pass
        except SafetensorError as error:
            raise UserError(f"{path}: damaged, not valid safetensors ({error})") from error
    elif path.suffix == ".png":
        with path.open("rb") as file:
            if file.read(len(PNG_START)) != PNG_START:
                raise UserError(f"{path}: not a PNG image")
    elif path.suffix in (".md", ".txt"):
        try:
            path.read_text(encoding="utf-8")
        except UnicodeDecodeError as error:
            raise UserError(f"{path}: not valid UTF-8 (byte {error.start + 1})") from error


def _check_module_folder(model: Path, name: Any, settings: str) -> None:
    if name == "":
        return
    if not isinstance(name, str) or Path(name).name != name or name in (".", ".."):
        raise UserError(f"{model / MODULES}: names the folder {name!r}; it must lie in the model")
    if not (model / name / settings).is_file():
        raise UserError(
            f"{model}: {MODULES} names the folder {name}, and {name}/{settings} is missing; "
            "save the model again"
        )


def _allowed(model: Path, folder: str, patterns: tuple[str, ...]) -> Iterator[str]:
    """Yields the names of the files directly in a folder of a model that the patterns allow."""
    place = model / folder
    if not place.is_dir():
        return
    for path in sorted(place.iterdir()):
        if not folder and is_never_published(Path(path.name)):
            continue
        if path.is_symlink():
            raise UserError(f"{path}: a symbolic link; put what it points to there, or remove it")
        if not path.is_file():
            continue
        if path.suffix.lower() in PICKLE_SUFFIXES:
            refuse_pickle(path)
        if path.name != METADATA and matches(path.name, patterns):
            yield f"{folder}/{path.name}" if folder else path.name
