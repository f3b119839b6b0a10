"""README and docs: commands, flags, links, paths and code are those of the product."""

from __future__ import annotations

import contextlib
import io
import re
import shutil
from collections.abc import Callable, Sequence
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
import yaml
from accelerate.commands.launch import launch_command_parser
from pages import PAGES, PROJECT, anchors, blocks, code, commands, links, parse

import evaluation.run
import manuals.arguments
import model_card.publish
import pairs.check
import training.advice.arguments
import training.command.parser
import training.negatives.arguments
from nic.errors import UserError
from nic.models import MINILM, find_model
from training.command.help_text import answer_help, answer_tune_help

README = PROJECT / "README.md"
DOCS = sorted(PROJECT.glob("docs/*.md"))
# The packages that its code imports are installed by its benchmark alone.
OTHER_TOOLS = PROJECT / "docs" / "clients.md"
TUNED = "models/nic-embeddings-v1.0"
PARSERS: dict[str, Callable[[Sequence[str]], Any]] = {
    "nic-train": training.command.parser.parse_arguments,
    "nic-advise": training.advice.arguments.parse_arguments,
    "nic-tune": training.command.parser.parse_search,
    "nic-mine": training.negatives.arguments.parse_arguments,
    "nic-check": pairs.check.parse_arguments,
    "nic-pairs": manuals.arguments.parse_arguments,
    "nic-evaluate": evaluation.run.parse_arguments,
    "nic-publish": model_card.publish.parse_arguments,
}
SCRIPTS = {
    "training/train.py": "nic-train",
    "training/advise.py": "nic-advise",
    "training/tune.py": "nic-tune",
    "training/mine.py": "nic-mine",
    "pairs/check.py": "nic-check",
    "manuals/make.py": "nic-pairs",
    "evaluation/run.py": "nic-evaluate",
    "model_card/publish.py": "nic-publish",
}
PUBLISHING = ("package", "push", "verify", "list", "promote", "rollback", "export", "import")
# Programs that are not ours; nothing of their flags is checked.
OTHER_PROGRAMS = {"openssl", "lint-imports", "pre-commit"}
OTHER_FLAGS = {"--constraint"}
# Scripts whose flags are looked up in their source.
SMALL_SCRIPTS = [*PROJECT.glob("benchmarks/*.py"), *PROJECT.glob("examples/*.py")]


def page_id(page: Path) -> str:
    return page.relative_to(PROJECT).as_posix()


every_page = pytest.mark.parametrize("page", PAGES, ids=page_id)


def check_command(words: list[str]) -> None:
    """Fails where a command or one of its flags is not there."""
    program, arguments = words[0].removeprefix(".venv/bin/"), words[1:]
    if program in PARSERS:
        PARSERS[program](arguments)
    elif program == "accelerate":
        launched = launch_command_parser().parse_args(arguments[1:])
        assert (PROJECT / str(launched.config_file)).is_file()
        check_script(launched.training_script, launched.training_script_args)
    elif program == "make":
        check_make(arguments)
    elif program == "python":
        check_python(arguments)
    else:
        assert program in OTHER_PROGRAMS, words


def check_make(arguments: list[str]) -> None:
    """Fails where the Makefile has no such target, or where its command takes no such flags."""
    target, *settings = arguments
    makefile = (PROJECT / "Makefile").read_text(encoding="utf-8")
    assert re.search(rf"^{re.escape(target)}:", makefile, re.MULTILINE), arguments
    for setting in settings:
        name, value = setting.split("=", 1)
        assert name == "ARGS", arguments
        if target == "train":
            PARSERS["nic-train"](value.split())
        else:
            assert (target, (PROJECT / value).exists()) == ("test", True), arguments


def check_python(arguments: list[str]) -> None:
    """Fails where a script, its flags, a package's extra or the code after -c is not right."""
    if arguments[0] == "-c":
        compile(arguments[1], "-c", "exec")
    elif arguments[:3] == ["-m", "pip", "install"]:
        check_pip(arguments[3:])
    elif arguments[:2] != ["-m", "venv"]:
        check_script(arguments[0], arguments[1:])


def check_pip(arguments: list[str]) -> None:
    """Fails where a file, a folder or an extra that pip is given is not there."""
    pyproject = (PROJECT / "pyproject.toml").read_text(encoding="utf-8")
    for word in arguments:
        if word.startswith("--"):
            assert word in ("--editable", "--constraint"), arguments
            continue
        folder, _, extras = word.partition("[")
        assert (PROJECT / folder).exists(), arguments
        for extra in filter(None, extras.rstrip("]").split(",")):
            assert re.search(rf"^{extra} = \[", pyproject, re.MULTILINE), arguments


def check_script(script: str, arguments: Sequence[str]) -> None:
    """Fails where a script is not there or does not take these flags."""
    if script in SCRIPTS:
        PARSERS[SCRIPTS[script]](list(arguments))
        return
    source = (PROJECT / script).read_text(encoding="utf-8")
    for flag in arguments:
        assert not flag.startswith("--") or f'"{flag}"' in source, (script, flag)


@cache
def flags() -> set[str]:
    """The flags that the help of a command or the source of a small script holds, with dashes."""
    text = io.StringIO("".join(path.read_text(encoding="utf-8") for path in SMALL_SCRIPTS))
    text.seek(0, io.SEEK_END)
    of_its_own = ("nic-train", "nic-tune")
    asked = [(PARSERS[name], ["--help"]) for name in PARSERS if name not in of_its_own]
    asked += [(PARSERS["nic-pairs"], ["make", "--help"])]
    asked += [(PARSERS["nic-publish"], [name, "--help"]) for name in PUBLISHING]
    for show, words in [(answer_help, ["--help-all"]), (answer_tune_help, ["--help"]), *asked]:
        with contextlib.redirect_stdout(text), contextlib.suppress(SystemExit):
            show(words)
    return {flag.replace("_", "-") for flag in re.findall(r"--[a-z][\w-]+", text.getvalue())}


def test_the_readme_is_a_front_page() -> None:
    assert len(README.read_text(encoding="utf-8").splitlines()) <= 130


@every_page
def test_each_command_is_one_that_the_product_takes(page: Path) -> None:
    for block in blocks(page, "bash"):
        for words in commands(block):
            check_command(words)


@pytest.mark.parametrize(
    "line",
    [
        "nic-train --epoch 1",
        "nic-publish pack --model m --output d",
        "python training/train.py --epochs none",
        "accelerate launch --config_file accelerate_config.yaml evaluation/run.py --models m",
        "python benchmarks/variants.py --modle m",
        "python benchmarks/no_such.py",
        'python -m pip install --editable ".[no-such]"',
        "make no-such",
        "no-such --flag",
    ],
)
def test_a_command_that_is_not_there_is_found(line: str, tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(f"```bash\n{line}\n```\n", encoding="utf-8")
    (words,) = commands(blocks(page, "bash")[0])
    with pytest.raises((AssertionError, UserError, FileNotFoundError)):
        check_command(words)


@every_page
def test_each_flag_that_a_page_names_is_one_of_a_command(page: Path) -> None:
    for text in code(page):
        if text.startswith("--"):
            flag = text.split()[0].replace("_", "-")
            assert flag in flags() | OTHER_FLAGS, text


@every_page
def test_each_link_leads_to_a_file_and_a_heading(page: Path) -> None:
    for target in links(page):
        if target.startswith("https://"):
            continue
        name, _, anchor = target.partition("#")
        linked = page.parent / name if name else page
        assert linked.is_file(), target
        assert not anchor or anchor in anchors(linked), target


@every_page
def test_each_path_of_the_repository_that_a_page_names_is_there(page: Path) -> None:
    folders = {path.name for path in PROJECT.iterdir() if path.is_dir()} - {"models", "build"}
    for text in code(page):
        for word in text.split():
            if re.fullmatch(r"[\w.-]+/[\w./-]*", word) and word.split("/")[0] in folders:
                assert (PROJECT / word).exists(), word


def test_each_function_that_the_python_page_names_is_exported() -> None:
    names = [text.split(".") for text in code(PROJECT / "docs" / "python.md")]
    exported = [name for name in names if len(name) == 2 and (PROJECT / name[0]).is_dir()]
    assert {room for room, _ in exported} == {
        "pairs",
        "manuals",
        "training",
        "evaluation",
        "model_card",
    }
    for room, name in exported:
        assert name in import_module(room).__all__, (room, name)


def test_the_tree_of_the_architecture_page_is_that_of_the_repository() -> None:
    tree = blocks(PROJECT / "docs" / "architecture.md", "text")[0].text
    room, found = PROJECT, set()
    for line in tree.splitlines():
        names = re.split(r"\s{2,}|\s(?=[a-z]+ )", line.strip())[0].split(", ")
        above = room if line.startswith(" ") else PROJECT
        for name in names:
            assert (above / name).exists(), line
        if not line.startswith(" "):
            room = PROJECT / names[0]
            found.add(names[0].rstrip("/"))
    modules = {path.name for path in PROJECT.glob("*.py")}
    assert found == modules | {
        path.name
        for path in PROJECT.iterdir()
        if path.is_dir()
        and not path.name.startswith(".")
        and next(path.rglob("*.py"), None)
        and path.name not in ("build", "dist", "models")
    }


def test_every_page_is_reached_from_the_first() -> None:
    index = PROJECT / "docs" / "index.md"
    assert {page.name for page in DOCS} == {index.name, *filter(is_page, links(index))}


def is_page(target: str) -> bool:
    return target.endswith(".md")


@every_page
def test_output_is_marked_as_text_and_code_by_its_language(page: Path) -> None:
    languages = {token.info for token in parse(page) if token.type == "fence"}
    assert languages <= {"bash", "python", "javascript", "text", "json", "bibtex"}


def test_the_imports_of_the_page_on_other_tools_are_those_that_its_benchmark_runs() -> None:
    measured = (PROJECT / "benchmarks" / "clients.py").read_text(encoding="utf-8")
    languages = ("python", "javascript")
    for block in [block for name in languages for block in blocks(OTHER_TOOLS, name)]:
        imports = re.findall(r"^(?:from|import) .+$", block.text, re.MULTILINE)
        assert imports, block.text
        for line in imports:
            assert sorted(re.findall(r"\w+", line)) in [
                sorted(re.findall(r"\w+", other)) for other in measured.splitlines()
            ], line
    for block in blocks(OTHER_TOOLS, "python"):
        compile(block.text, OTHER_TOOLS.name, "exec")


@pytest.mark.minilm
@pytest.mark.parametrize(
    "page", [README, *(page for page in DOCS if page != OTHER_TOOLS)], ids=page_id
)
def test_python_code_runs_and_prints_what_its_comments_say(
    page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / TUNED).parent.mkdir()
    shutil.copytree(find_model(MINILM).location, tmp_path / TUNED)
    for folder in ("evaluation", "data"):
        shutil.copytree(PROJECT / folder, tmp_path / folder)
    monkeypatch.chdir(tmp_path)
    for block in blocks(page, "python"):
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed):
            exec(compile(block.text, page_id(page), "exec"), {})
        expected = re.findall(r"^print\(.*\)  # (.+)$", block.text, re.MULTILINE)
        assert expected, block.text
        assert printed.getvalue().splitlines() == expected


def test_the_workflow_and_the_hooks_are_yaml_that_calls_what_is_there() -> None:
    workflow = yaml.safe_load((PROJECT / ".github/workflows/ci.yml").read_text(encoding="utf-8"))
    matrix = workflow["jobs"]["test"]["strategy"]["matrix"]
    assert matrix["python"] == ["3.10", "3.11", "3.12", "3.13"]
    for step in workflow["jobs"]["test"]["steps"]:
        words = step.get("run", "").split()
        if words and words[0] in PARSERS:
            check_command(words)
    hooks = yaml.safe_load((PROJECT / ".pre-commit-config.yaml").read_text(encoding="utf-8"))
    assert [repository["repo"] for repository in hooks["repos"]] == ["local"]


@every_page
def test_no_page_names_a_folder_of_a_machine(page: Path) -> None:
    assert not re.search(r"/(home|root|tmp|Users)/", page.read_text(encoding="utf-8"))


def test_both_distributions_carry_the_same_licence() -> None:
    texts = [
        (PROJECT / name).read_text(encoding="utf-8") for name in ("LICENSE", "encoder/LICENSE")
    ]
    assert texts[0] == texts[1]
    assert "Apache License" in texts[0]
