# SPDX-License-Identifier: Apache-2.0
"""The thread that keeps a device open."""

import logging
import threading
import time
from collections.abc import Callable

import pytest

from pistegate_edge.restarting import DeviceThread


def run(session: Callable[[DeviceThread, threading.Event], None], seconds: float = 1.0) -> list[str]:
    """What was told lost."""
    lost: list[str] = []
    threads: list[DeviceThread] = []
    threads.append(DeviceThread("device", lambda stop: session(threads[0], stop), lost.append))
    threads[0].start()
    time.sleep(seconds)
    threads[0].stop()
    return lost


def test_an_outage_is_told_once_and_its_causes_are_logged(caplog: pytest.LogCaptureFixture) -> None:
    """Unplugged, then no such file, again and again."""
    details = iter(["unplugged", "no file", "no file", "no file", "no right"] + ["no right"] * 100)

    def session(_thread: DeviceThread, _stop: threading.Event) -> None:
        raise OSError(next(details))

    with caplog.at_level(logging.WARNING):
        assert run(session, 2.2) == ["OSError: unplugged"]
    assert caplog.text.count("no file") == 1


def test_a_device_that_comes_and_goes_is_told_each_time_and_waited_for() -> None:
    """Open, gone at once, for ever: told, and never in a tight loop."""

    def session(thread: DeviceThread, _stop: threading.Event) -> None:
        thread.opened()
        raise OSError("gone")

    assert 2 <= len(run(session, 2.0)) <= 5


def test_a_device_that_worked_is_opened_again_soon() -> None:
    """One bad contact after hours of work costs a fifth of a second."""
    opened: list[float] = []

    def session(thread: DeviceThread, stop: threading.Event) -> None:
        opened.append(time.monotonic())
        thread.opened()
        thread.worked()
        stop.wait(0.01)
        raise OSError("gone")

    run(session, 1.6)
    assert len(opened) >= 5


def test_an_error_nobody_thought_of_ends_no_thread() -> None:
    """A device that died in silence would stay dead."""

    def session(_thread: DeviceThread, _stop: threading.Event) -> None:
        raise ValueError("surprise")

    assert run(session, 0.5) == ["unexpected ValueError: surprise"]
