"""A headless Chromium, driven through the pipes of its DevTools protocol."""

from __future__ import annotations

import base64
import json
import os
import select
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

NAMES = ("chromium", "chromium-browser", "google-chrome")
FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
    "--remote-debugging-pipe",
)
# The browser reads commands from descriptor 3 and answers on descriptor 4.
START = """
import os, sys
os.dup2(int(sys.argv[1]), 3)
os.dup2(int(sys.argv[2]), 4)
os.execv(sys.argv[3], sys.argv[3:])
"""
SECONDS_TO_ANSWER = 120


def find_chromium() -> str | None:
    """A browser that can be driven here, None where there is none (or no such pipes: Windows)."""
    if sys.platform == "win32":
        return None
    return next((path for name in NAMES if (path := shutil.which(name))), None)


class Page:
    """The one page of a browser.

    Attributes:
        requests: Addresses it asked for since it was opened; data addresses are not counted.
        messages: What came to its console since: errors, and what its policy refused.
    """

    def __init__(self, commands: int, answers: int) -> None:
        self.commands, self.answers = commands, answers
        self.received = b""
        self.number = 0
        self.session: str | None = None
        self.loaded = False
        self.requests: list[str] = []
        self.messages: list[str] = []
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        found = self.call("Target.attachToTarget", targetId=target, flatten=True)
        self.session = found["sessionId"]
        for domain in ("Page", "Network", "Runtime", "Log"):
            self.call(f"{domain}.enable")

    def call(self, method: str, **parameters: Any) -> dict[str, Any]:
        """Give a command and wait for its answer."""
        self.number += 1
        command = {"id": self.number, "method": method, "params": parameters}
        if self.session:
            command["sessionId"] = self.session
        os.write(self.commands, json.dumps(command).encode() + b"\0")
        while (answer := self._receive()).get("id") != self.number:
            self._note(answer)
        if "error" in answer:
            raise RuntimeError(f"{method}: {answer['error']}")
        result: dict[str, Any] = answer["result"]
        return result

    def open(self, path: Path, width: int = 1280, height: int = 900, dark: bool = False) -> None:
        """Open a file on a screen of a size, and wait until it is loaded."""
        size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False}
        self.call("Emulation.setDeviceMetricsOverride", **size)
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.call("Emulation.setEmulatedMedia", features=[scheme])
        self.loaded = False
        self.requests.clear()
        self.messages.clear()
        self.call("Page.navigate", url=path.as_uri())
        while not self.loaded:
            self._note(self._receive())

    def run(self, script: str) -> Any:
        """The value of an expression in the page; a promise is waited for."""
        found = self.call(
            "Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True
        )
        if "exceptionDetails" in found:
            raise RuntimeError(str(found["exceptionDetails"]))
        return found["result"].get("value")

    def picture(self, path: Path) -> None:
        """Save a PNG of the whole page."""
        found = self.call("Page.captureScreenshot", captureBeyondViewport=True)
        path.write_bytes(base64.b64decode(found["data"]))

    def _receive(self) -> dict[str, Any]:
        while b"\0" not in self.received:
            ready, _, _ = select.select([self.answers], [], [], SECONDS_TO_ANSWER)
            chunk = os.read(self.answers, 1 << 16) if ready else b""
            if not chunk:
                raise RuntimeError("the browser has ended or does not answer")
            self.received += chunk
        message, _, self.received = self.received.partition(b"\0")
        content: dict[str, Any] = json.loads(message)
        return content

    def _note(self, event: dict[str, Any]) -> None:
        parameters = event.get("params", {})
        method = event.get("method")
        if method == "Page.loadEventFired":
            self.loaded = True
        elif method == "Network.requestWillBeSent":
            address = parameters["request"]["url"]
            self.requests += [] if address.startswith("data:") else [address]
        elif method == "Log.entryAdded":
            self.messages.append(parameters["entry"]["text"])
        elif method in ("Runtime.consoleAPICalled", "Runtime.exceptionThrown"):
            self.messages.append(json.dumps(parameters))


@contextmanager
def headless_page(program: str, profile: Path) -> Iterator[Page]:
    """Start a browser with an empty profile, give its page, and end it.

    Args:
        program: As `find_chromium` gives it.
        profile: An empty folder of its own.
    """
    (commands_out, commands_in), (answers_out, answers_in) = os.pipe(), os.pipe()
    arguments = [str(commands_out), str(answers_in), program, *FLAGS, f"--user-data-dir={profile}"]
    process = subprocess.Popen(
        [sys.executable, "-c", START, *arguments],
        pass_fds=(commands_out, answers_in),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    os.close(commands_out)
    os.close(answers_in)
    try:
        page = Page(commands_in, answers_out)
        yield page
        page.session = None
        page.call("Browser.close")
        process.wait(SECONDS_TO_ANSWER)
    finally:
        process.kill()
        process.wait()
        os.close(commands_in)
        os.close(answers_out)
