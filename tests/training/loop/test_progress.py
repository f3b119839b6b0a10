"""The run's log leaves the loggers as it found them."""

from __future__ import annotations

import logging

import pytest

from nic.logs import OUR_LOGGERS, open_run_log


@pytest.mark.parametrize("main_process", [True, False])
def test_a_closed_log_leaves_no_handler_and_no_level_behind(main_process: bool) -> None:
    def state() -> list[tuple[int, bool, int]]:
        loggers = [logging.getLogger(name) for name in OUR_LOGGERS]
        return [(log.level, log.propagate, len(log.handlers)) for log in loggers]

    before = state()
    with open_run_log(main_process):
        assert state() != before
    assert state() == before
