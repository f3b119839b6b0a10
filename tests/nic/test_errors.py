"""Expected failures end in one line and the right exit code."""

from __future__ import annotations

import errno

import pytest
import torch

from nic.errors import Interrupted, UserError, one_line_errors


@pytest.mark.parametrize(
    ("error", "code", "message"),
    [
        (UserError("pairs.jsonl:3: wrong"), 2, "error: pairs.jsonl:3: wrong\n"),
        (Interrupted("stopped", 15), 143, "stopped\n"),
        (Interrupted("stopped", 2), 130, "stopped\n"),
        (KeyboardInterrupt(), 130, "interrupted"),
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
