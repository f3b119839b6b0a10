"""Builds the wheels, installs them into a fresh environment, and uses them outside the checkout.

    python .ci/wheel_smoke.py

The environment borrows the dependencies of this one; the product comes from the wheels alone, and
that is checked first. Everything happens in a temporary folder.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import sysconfig
import tempfile
import venv
from pathlib import Path
from zipfile import ZipFile

PROJECT = Path(__file__).resolve().parents[1]
ROOMS = ("nic", "pairs", "evaluation", "manuals", "model_card", "training")
ENCODER = "nic_encoder"
PAIRS = 64
ORIGIN = "import sys, importlib; print(importlib.import_module(sys.argv[1]).__file__)"
REPORT_FILES = ("results.json", "per_query.jsonl", "probe_per_query.jsonl", "report.html")


def main() -> None:
    """Build, look inside, install, use."""
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder).resolve()
        source = copy_source(work / "source")
        product, encoder = build(source, work / "wheels")
        check_content(product, source, ROOMS)
        check_content(encoder, source / "encoder", (ENCODER,))
        scripts = install([product, encoder], work / "fresh")
        use(scripts, work / "elsewhere")


def copy_source(target: Path) -> Path:
    """Copies the files that git knows or would add, without what earlier builds left behind."""
    listed = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    names = subprocess.run(listed, cwd=PROJECT, check=True, capture_output=True, text=True).stdout
    for name in filter(None, names.split("\0")):
        if (PROJECT / name).is_file():
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(PROJECT / name, target / name)
    return target


def build(source: Path, target: Path) -> list[Path]:
    """Returns the wheels of the project and of the encoder."""
    wheel = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", target]
    subprocess.run([*wheel, ".", "./encoder"], cwd=source, check=True)
    return [next(target.glob(f"{name}-*.whl")) for name in ("nic_embeddings", "nic_encoder")]


def check_content(wheel: Path, source: Path, packages: tuple[str, ...]) -> None:
    """Fails unless a wheel holds its packages whole and typed, the licence, and nothing else."""
    with ZipFile(wheel) as archive:
        names = {name for name in archive.namelist() if not name.endswith("/")}
    code = {name for name in names if ".dist-info/" not in name}
    files = [path for package in packages for path in (source / package).rglob("*")]
    files += source.glob("*.py")
    expected = {path.relative_to(source).as_posix() for path in files if path.is_file()}
    require(code == expected, f"{wheel.name}: differs from the source in {code ^ expected}")
    licensed = any(name.endswith("/LICENSE") for name in names)
    require(licensed, f"{wheel.name}: holds no LICENSE")
    for package in packages:
        require(f"{package}/py.typed" in code, f"{wheel.name}: {package} has no py.typed")
    other = sorted(name for name in code if not name.endswith((".py", "py.typed")))
    print(f"{wheel.name}: {len(names)} files, beside Python {', '.join(other) or 'none'}")


def install(wheels: list[Path], environment: Path) -> Path:
    """Installs the wheels into a fresh environment and returns the folder of its scripts.

    The path to the borrowed dependencies is added afterwards: pip then sees an empty environment.
    """
    venv.create(environment, with_pip=False)
    variables = {"base": str(environment), "platbase": str(environment)}
    scripts = Path(sysconfig.get_path("scripts", "venv", vars=variables))
    site = Path(sysconfig.get_path("purelib", "venv", vars=variables))
    pip = [sys.executable, "-m", "pip", "--python", str(scripts / "python"), "install", "--quiet"]
    subprocess.run([*pip, "--no-deps", "--no-index", *map(str, wheels)], check=True)
    borrowed = [path for path in sys.path if path.endswith("site-packages")]
    (site / "borrowed.pth").write_text("\n".join(borrowed) + "\n", encoding="utf-8")
    for package in (*ROOMS, ENCODER):
        origin = run(scripts, environment, "python", "-c", ORIGIN, package).strip()
        require(Path(origin).is_relative_to(site), f"{package} comes from {origin}")
    return scripts


def use(scripts: Path, folder: Path) -> None:
    """Checks, trains, evaluates and packages on a few pairs, in a folder without the checkout."""
    folder.mkdir()
    write_pairs(folder / "pairs.jsonl")
    recipe = run(scripts, folder, "python", "-c", ORIGIN, "training").strip()
    processes = Path(recipe).parent / "accelerate" / "multi_cpu.yaml"
    require(processes.is_file(), f"the wheel lacks {processes.name}")
    recipe = str(Path(recipe).parent / "recipes" / "cpu.yaml")
    data = ("--data-file", "pairs.jsonl")
    print(run(scripts, folder, "nic-check", *data, "--html", "check.html").splitlines()[-1])
    tune = run(scripts, folder, "nic-tune", "--help")
    require("--trials N" in tune, f"nic-tune --help says {tune}")
    train = ("--config", recipe, "--epochs", "1", "--val-ratio", "0.25", "--no-speed")
    run(scripts, folder, "nic-train", *data, *train, "--output-dir", "model")
    evaluate = ("nic-evaluate", "--model", "model", *data, "--no-speed", "--output-dir", "results")
    run(scripts, folder, *evaluate)
    results = [folder / "check.html", *(folder / "results" / name for name in REPORT_FILES)]
    missing = [path.name for path in results if not path.is_file()]
    require(not missing, f"not written: {missing}")
    package = ("package", "--model", "model", "--output", "dist")
    print(run(scripts, folder, "nic-publish", *package, "--allow-failed-gates", "a smoke test"))
    print(run(scripts, folder, "nic-publish", "verify", "dist"))


def write_pairs(path: Path) -> None:
    """Writes pairs of two domains of the default data, one for each passage."""
    lines = (
        (PROJECT / "data/finetuning/training_pairs.jsonl").read_text(encoding="utf-8").splitlines()
    )
    passages: dict[str, dict[str, str]] = {}
    for line in lines:
        row = json.loads(line)
        passages.setdefault(row["domain"], {}).setdefault(row["positive"], line)
    first, second = [list(domain.values())[: PAIRS // 2] for domain in passages.values()][:2]
    chosen = first + second
    require(len(chosen) == PAIRS, f"{len(chosen)} pairs in place of {PAIRS}")
    path.write_text("\n".join(chosen) + "\n", encoding="utf-8")


def run(scripts: Path, folder: Path, program: str, *arguments: str) -> str:
    """Runs a program of the fresh environment and returns what it prints; fails if it does."""
    environment = {**os.environ, "HF_HUB_OFFLINE": "1"}
    environment.pop("PYTHONPATH", None)
    done = subprocess.run(
        [str(scripts / program), *arguments],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
    )
    require(done.returncode == 0, f"{program} {' '.join(arguments)}\n{done.stdout}{done.stderr}")
    return done.stdout


def require(holds: bool, otherwise: str) -> None:
    """Ends with a message unless something holds."""
    if not holds:
        sys.exit(f"error: {otherwise}")


if __name__ == "__main__":
    main()
