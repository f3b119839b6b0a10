"""Publishers in separate processes, some of which are killed; imports no torch.

python tests/hub_workers.py race HUB REPO COPY TAG=FOLDER ...
python tests/hub_workers.py kill FOLDER COPY
"""

from __future__ import annotations

import json
import os
import random
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Any

from huggingface_hub import scan_cache_dir

from model_card.local_hub.hub import LocalHub
from nic.errors import UserError

REPO = "org/nic-embeddings-v1.0"
KILLS = 50
KILLS_OF_A_HUB = 5
TRACED_FOLDER = "local_hub"
TRACED_MODULES = ("hub_workers", "shutil")


def make_version(folder: Path, number: int) -> Path:
    """A folder to publish: one file the same in every version, three that differ."""
    (folder / "1_Pooling").mkdir(parents=True)
    (folder / "config.json").write_text("{}", encoding="utf-8")
    (folder / "1_Pooling" / "config.json").write_text(f"[{number}]", encoding="utf-8")
    (folder / "metadata.json").write_text(f'{{"number": {number}}}', encoding="utf-8")
    weights = folder / "model.safetensors"
    weights.write_bytes(random.Random(number).randbytes(100_000))
    weights.chmod(0o600)
    return folder


def read_folder(folder: Path) -> dict[str, bytes]:
    """Returns the bytes of every file, by its path."""
    files = [path for path in folder.rglob("*") if not path.is_dir()]
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}


def read_revision(hub: Path, reference: str) -> dict[str, bytes] | None:
    """Returns what a reader of the cache's layout gets; None if there is no such reference."""
    repo = hub / ("models--" + REPO.replace("/", "--"))
    try:
        revision = (repo / "refs" / reference).read_text(encoding="utf-8")
    except FileNotFoundError:
        return None
    return read_folder(repo / "snapshots" / revision)


def scan_warnings(hub: Path) -> list[str]:
    """Returns the warnings of huggingface_hub about a hub."""
    if not hub.exists():
        return []
    return [str(warning) for warning in scan_cache_dir(hub).warnings]


def find_litter(hub: Path) -> list[str]:
    """Returns the files that no tag of the repository needs."""
    repo = hub / ("models--" + REPO.replace("/", "--"))
    tagged = {path.read_text(encoding="utf-8") for path in (repo / "refs").iterdir()}
    snapshots = list((repo / "snapshots").iterdir())
    needed = {path.resolve().name for path in (repo / "snapshots").rglob("*")}
    litter = [path for path in snapshots if path.name not in tagged]
    litter += [path for path in (repo / "trees").iterdir() if path.stem not in tagged]
    if (repo / "blobs").is_dir():
        litter += [path for path in (repo / "blobs").iterdir() if path.name not in needed]
    litter += [path for path in (hub / ".locks").rglob("*") if path.is_file()]
    return [path.name for path in litter if path.name != "publish.lock"]


def race(hub: Path, repo_id: str, copy: bool, tags: list[str]) -> list[str]:
    """Publish versions, given as TAG=FOLDER; "published" or "refused" for each."""
    outcomes = []
    for tag, folder in (text.split("=", 1) for text in tags):
        try:
            LocalHub(hub, copy).publish(Path(folder), repo_id, tag)
            outcomes.append("published")
        except UserError:
            outcomes.append("refused")
    return outcomes


def in_child(work: Callable[[], object]) -> bool:
    """Calls a function in a child process; returns whether it reached its end."""
    child = os.fork()
    if child == 0:
        work()
        os._exit(0)
    _, status = os.waitpid(child, 0)
    return status == 0


def at_line(number: int, action: Callable[[], object]) -> list[int]:
    """Calls a function before the given line of the hub's code runs; counts the lines."""
    count = [0]

    def trace(frame: FrameType, event: str, argument: Any) -> Any:
        path = Path(frame.f_code.co_filename)
        if path.parent.name != TRACED_FOLDER and path.stem not in TRACED_MODULES:
            return None
        if event == "line":
            count[0] += 1
            if count[0] == number:
                action()
        return trace

    sys.settrace(trace)
    return count


def kill_publishers(folder: Path, copy: bool) -> list[dict[str, Any]]:
    """Kill a publisher at 50 lines of its work, look at the hub, let the next one publish.

    Every fifth is the first publisher of a new hub. The next one publishes the same version in half
    of the cases, and another in the others.
    """
    # What was written is there after a kill whether or not it reached the disk.
    os.fsync = lambda fd: None
    draw, results, main = random.Random(0), [], None
    versions = [make_version(folder / f"version-{n}", n) for n in range(2 * KILLS)]
    lines = at_line(0, lambda: None)
    LocalHub(folder / "count", copy).publish(versions[0], REPO, "v1.0")
    sys.settrace(None)
    for kill, line in enumerate(draw.sample(range(1, lines[0]), KILLS)):
        hub = folder / f"hub-{kill // KILLS_OF_A_HUB}"
        main = main if hub.exists() else None
        first = versions[2 * kill]
        second = versions[2 * kill + kill % 2]
        killed = not in_child(lambda: killed_at(line, first, hub, copy))  # noqa: B023
        result = look_at(hub, main, first)
        LocalHub(hub, copy).publish(second, REPO, second.name)
        results.append(
            {
                **result,
                "killed": killed,
                "next is main": read_revision(hub, "main") == read_folder(second),
                "next is tagged": read_revision(hub, second.name) == read_folder(second),
                "litter": find_litter(hub),
                "warnings": result["warnings"] + scan_warnings(hub),
            }
        )
        main = second
    return results


def killed_at(line: int, version: Path, hub: Path, copy: bool) -> None:
    """Publish a version and be killed on the way."""
    at_line(line, lambda: os.kill(os.getpid(), signal.SIGKILL))
    LocalHub(hub, copy).publish(version, REPO, version.name)


def look_at(hub: Path, old: Path | None, new: Path) -> dict[str, Any]:
    """Returns what readers see after a publisher was killed."""
    main, old_content = read_revision(hub, "main"), read_folder(old) if old else None
    states = {"new": main == read_folder(new), "old": main == old_content}
    return {
        "main": next((name for name, seen in states.items() if seen), "broken"),
        "tag is whole": read_revision(hub, new.name) in (None, read_folder(new)),
        "warnings": scan_warnings(hub),
    }


if __name__ == "__main__":
    if sys.argv[1] == "race":
        answer: Any = race(Path(sys.argv[2]), sys.argv[3], sys.argv[4] == "copy", sys.argv[5:])
    else:
        answer = kill_publishers(Path(sys.argv[2]), sys.argv[3] == "copy")
    sys.stdout.write(json.dumps(answer))
