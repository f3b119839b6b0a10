"""Checks of a model folder from its files alone, before anything of it is loaded."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal, get_args

from nic.errors import UserError, one_line
from nic.files import load_json
from nic.model_files import MODULES

LIBRARY = "sentence_transformers"
Pooling = Literal["mean", "cls", "max", "mean_sqrt_len_tokens", "weightedmean", "lasttoken"]
POOLINGS = get_args(Pooling)
INDEX = "model.safetensors.index.json"
PICKLES = ("*.bin", "*.pt", "*.pth", "*.pkl", "*.ckpt")
HAVE_WEIGHTS = ("Transformer", "StaticEmbedding", "Dense")
HAVE_SETTINGS = ("Pooling", "Dense")
ROUTER = "Router"
# Its name in sentence-transformers before version 5.
EARLIER_ROUTER = "Asym"
ROUTES = "router_config.json"
NO_ROUTER = "what is in it is not checked; give another base model"
SETTINGS_FILES = (
    *("config.json", "sentence_bert_config.json", "config_sentence_transformers.json"),
    *("tokenizer_config.json", "preprocessor_config.json", "processor_config.json"),
)
LFS_POINTER = b"version https://git-lfs"
NO_CODE = "this project runs no code that comes with a model (trust_remote_code)"


def check_model_files(name: str, folder: Path) -> None:
    """Refuses a folder that would run code, or whose files are missing or damaged.

    Args:
        name: What the user calls the model, for the messages.
        folder: Its folder.

    Raises:
        UserError: It names the file.
    """
    check_code(name, folder)
    if (folder / "adapter_config.json").is_file():
        raise UserError(f"{name}: holds an adapter (PEFT), no whole model; merge it into its base")
    for kind, path in modules_of(name, folder):
        if kind in HAVE_SETTINGS and not (folder / path / "config.json").is_file():
            raise UserError(f"{name}: {path}/config.json is missing, which {MODULES} needs")
        if kind in HAVE_WEIGHTS:
            _check_weights(name, folder / path)


def check_code(name: str, folder: Path) -> None:
    """Refuses a model that needs code of its own.

    Raises:
        UserError: `modules.json` names a class outside of sentence-transformers, a configuration
            holds `auto_map`, or a layer names an activation outside of PyTorch.
    """
    for module in read_modules_or_none(name, folder) or []:
        _check_class(name, MODULES, module["type"])
        if module["type"].split(".")[-1] == EARLIER_ROUTER:
            raise UserError(f"{name}: {MODULES} names {module['type']}; {NO_ROUTER}")
        if module["type"].split(".")[-1] == ROUTER:
            for routed in read_routed_modules(name, folder, module["path"]):
                _check_class(name, f"{module['path']}/{ROUTES}", routed["type"])
    for kind, path in modules_of(name, folder):
        for file in SETTINGS_FILES:
            if (folder / path / file).is_file():
                _check_settings(name, folder, folder / path / file, kind)


def read_modules_or_none(name: str, folder: Path) -> list[dict[str, Any]] | None:
    """Returns the content of `modules.json`; None for a plain transformer, which has none.

    Raises:
        UserError: It is damaged, or names a folder outside of the model.
    """
    if not (folder / MODULES).is_file():
        return None
    modules = _read(name, folder, folder / MODULES)
    for module in modules if isinstance(modules, list) and modules else [None]:
        if (
            not isinstance(module, dict)
            or not isinstance(module.get("type"), str)
            or not isinstance(module.get("path"), str)
        ):
            raise UserError(f"{name}: {MODULES} is no list of modules with type and path")
        path = Path(module["path"])
        if path.is_absolute() or ".." in path.parts:
            raise UserError(f"{name}: {MODULES} names the folder {path}, outside of the model")
    return list(modules)


def read_routed_modules(name: str, folder: Path, path: str) -> list[dict[str, str]]:
    """Returns the modules behind a Router with type and path, as `modules.json` would list them.

    Args:
        name: What the user calls the model, for the messages.
        folder: Its folder.
        path: The folder of the Router in it.

    Raises:
        UserError: Its settings are missing or damaged, or name a folder outside of its own.
    """
    config = _read(name, folder, folder / path / ROUTES)
    types = config.get("types") if isinstance(config, dict) else None
    if not isinstance(types, dict) or not all(isinstance(kind, str) for kind in types.values()):
        raise UserError(f"{name}: {path}/{ROUTES} is no list of modules with their types")
    for kind in types.values():
        if kind.split(".")[-1] in (ROUTER, EARLIER_ROUTER):
            raise UserError(f"{name}: {path}/{ROUTES} names {kind} inside of a Router; {NO_ROUTER}")
    for routed in types:
        if Path(routed).name != routed or routed in ("", ".", ".."):
            raise UserError(
                f"{name}: {path}/{ROUTES} names the folder {routed}, outside of its own"
            )
    return [{"type": kind, "path": f"{path}/{routed}"} for routed, kind in types.items()]


def modules_of(name: str, folder: Path) -> list[tuple[str, str]]:
    """Returns the class and the folder of each module, those behind a Router after it.

    A plain transformer is one module.
    """
    modules = read_modules_or_none(name, folder)
    if modules is None:
        return [("Transformer", "")]
    found = []
    for module in modules:
        kind = module["type"].split(".")[-1]
        found.append((kind, module["path"]))
        if kind == ROUTER:
            routed = read_routed_modules(name, folder, module["path"])
            found += [(one["type"].split(".")[-1], one["path"]) for one in routed]
    return found


def holds_settings(folder: Path) -> bool:
    """Whether a folder holds the settings of a model."""
    return (folder / MODULES).is_file() or (folder / "config.json").is_file()


def holds_model(folder: Path) -> bool:
    """Whether a folder holds settings and whole weights of a model, in whatever format."""
    if (folder / INDEX).is_file():
        whole = all(path.is_file() for path in weight_files(folder))
    else:
        whole = any(any(folder.rglob(pattern)) for pattern in ("*.safetensors", *PICKLES))
    return whole and holds_settings(folder)


def weight_files(folder: Path) -> list[Path]:
    """Returns the safetensors files of a module: one, or the shards that an index lists."""
    single = folder / "model.safetensors"
    if single.is_file() or not (folder / INDEX).is_file():
        return [single]
    try:
        shards = load_json(folder / INDEX)["weight_map"].values()
        return [folder / Path(shard).name for shard in sorted(set(shards))]
    except (ValueError, KeyError, AttributeError, TypeError):
        return [folder / INDEX]


def stored_precisions(folder: Path) -> set[str]:
    """Returns the number formats of the encoder's weights, such as "F32", "F16" and "BF16"."""
    from safetensors import safe_open

    found = set()
    for path in weight_files(folder):
        if path.is_file():
            with safe_open(path, framework="pt") as weights:
                found |= {weights.get_slice(key).get_dtype() for key in weights.keys()}  # noqa: SIM118
    return found


def _check_class(name: str, place: str, dotted: str) -> None:
    if dotted.split(".")[0] != LIBRARY:
        raise UserError(
            f"{name}: {place} names the class {dotted}, which is not of {LIBRARY}; {NO_CODE}; give "
            "another base model"
        )


def _check_settings(name: str, folder: Path, file: Path, kind: str) -> None:
    settings = _read(name, folder, file)
    place = file.relative_to(folder).as_posix()
    if not isinstance(settings, dict):
        raise UserError(f"{name}: {place} is no JSON object; copy or download it again")
    if settings.get("auto_map"):
        classes = ", ".join(_classes(settings["auto_map"]))
        raise UserError(
            f"{name}: {place} names code of its own in auto_map ({classes}); {NO_CODE}; give "
            "another base model, or a copy without auto_map if transformers has this architecture"
        )
    activation = settings.get("activation_function")
    if kind == "Dense" and isinstance(activation, str) and activation.split(".")[0] != "torch":
        raise UserError(
            f"{name}: {place} names the activation {activation}, which is not of torch; {NO_CODE}; "
            "give another base model"
        )


def _classes(auto_map: Any) -> Iterator[str]:
    """Yields the classes that an `auto_map` names."""
    for value in auto_map.values() if isinstance(auto_map, dict) else [auto_map]:
        yield from (str(v) for v in (value if isinstance(value, list) else [value]) if v)


def _check_weights(name: str, folder: Path) -> None:
    from safetensors import SafetensorError, safe_open

    files = weight_files(folder)
    if not files[0].is_file() and files[0].name == "model.safetensors":
        if pickles := sorted(path.name for kind in PICKLES for path in folder.glob(kind)):
            raise UserError(
                f"{name}: holds its weights as a pickle ({pickles[0]}) and not as safetensors; a "
                "pickle can run any code and is not read; give a revision or a copy with "
                "model.safetensors"
            )
        raise UserError(f"{name}: holds no weights; model.safetensors is missing")
    for path in files:
        try:
            with safe_open(path, framework="pt"):
                pass
        except (SafetensorError, OSError) as error:
            reason = one_line(error)
            if path.is_file() and path.read_bytes()[: len(LFS_POINTER)] == LFS_POINTER:
                reason = "a pointer of Git LFS; git lfs pull fetches the file"
            raise UserError(
                f"{name}: {path.name} is missing or damaged ({reason}); copy or download it again"
            ) from error


def _read(name: str, folder: Path, path: Path) -> Any:
    try:
        return load_json(path)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "no valid JSON"
        raise UserError(
            f"{name}: {path.relative_to(folder).as_posix()} cannot be read ({reason})"
        ) from error
