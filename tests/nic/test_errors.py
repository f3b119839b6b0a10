"""Expected failures end in one line and the right exit code."""

from __future__ import annotations

import errno
import re

import pytest
import torch

from nic.errors import Interrupted, UserError, one_line_errors, printable
from nic.signals import Stopped


@pytest.mark.parametrize(
    ("error", "code", "message"),
    [
        (UserError("pairs.jsonl:3: wrong"), 2, "error: pairs.jsonl:3: wrong\n"),
        (Interrupted("stopped", 15), 143, "stopped\n"),
        (Interrupted("stopped", 2), 130, "stopped\n"),
        (KeyboardInterrupt(), 130, "stopped by SIGINT: nothing half-written is left\n"),
        (Stopped(1), 129, "stopped by SIGHUP: nothing half-written is left\n"),
        (torch.OutOfMemoryError("CUDA out of memory"), 1, "--loss cached_mnrl"),
        (MemoryError(), 1, "use a smaller --batch-size"),
        (RuntimeError("DefaultCPUAllocator: can't allocate memory"), 1, "--device cpu"),
        (OSError(errno.ENOSPC, "No space left on device"), 1, "the disk is full"),
    ],
)
def test_each_expected_failure_is_one_line(
    error: BaseException, code: int, message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    @one_line_errors
    def command() -> None:
        raise error

    with pytest.raises(SystemExit) as exit_:
        command()
    assert exit_.value.code == code
    printed = capsys.readouterr().err
    assert message in printed
    assert printed.count("\n") == 1


def test_what_is_not_expected_keeps_its_traceback() -> None:
    @one_line_errors
    def command() -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        command()


def test_an_error_may_bring_an_exit_code_of_its_own(capsys: pytest.CaptureFixture[str]) -> None:
    class Failed(UserError):
        exit_code = 4

    def command() -> None:
        raise Failed("a byte differs")

    with pytest.raises(SystemExit) as end:
        one_line_errors(command)()
    assert end.value.code == 4
    assert capsys.readouterr().err == "error: a byte differs\n"


@pytest.mark.parametrize(
    ("error", "says"),
    [
        (OSError(errno.ENAMETOOLONG, "File name too long", "a" * 5000), "a" * 80 + r"\.\.\.: file"),
        (OSError(errno.ELOOP, "Too many levels of symbolic links", "loop"), "^error: loop: too"),
        (RuntimeError("Symlink loop from '/data/loop'"), "^error: /data/loop: a loop of symbolic"),
        (ValueError("embedded null byte"), "a path holds a NUL character"),
    ],
)
def test_a_path_that_the_system_cannot_use_is_one_line(
    error: Exception, says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    @one_line_errors
    def command() -> None:
        raise error

    with pytest.raises(SystemExit) as ended:
        command()
    said = capsys.readouterr().err
    assert ended.value.code == 2
    assert re.search(says, said)
    assert said.count("\n") == 1


def test_what_a_terminal_would_obey_is_escaped_and_letters_are_not() -> None:
    assert printable("a\x1b[31mb\x00\u202ec\x9b\r") == r"a\x1b[31mb\x00\u202ec\x9b" + r"\r"
    plain = "Kühlöl\tprüfen\n换油 пуск"
    assert printable(plain) == plain
