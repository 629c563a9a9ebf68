# SPDX-License-Identifier: Apache-2.0
"""The device under simulated scanners and sensors."""

import os
import threading
import time
from pathlib import Path

import pytest
import serial

from pistegate_simulators.pty_device import PtyDevice


def test_a_device_that_is_unplugged_never_reads_anybody_elses_file(tmp_path: Path) -> None:
    """Its descriptor's number goes to the next file that is opened: once a profile was read empty so."""
    device = PtyDevice(lambda _: None)
    file = tmp_path / "file"
    file.write_text("content")
    read: list[str] = []
    for _ in range(300):
        host = os.open(device.path, os.O_RDWR | os.O_NOCTTY)
        os.write(host, b"x" * 100)
        device.unplug()
        for _ in range(5):
            read.append(file.read_text())
        os.close(host)
        device.plug()
    device.close()
    assert set(read) == {"content"}


def test_hosts_get_an_error_and_find_it_again(tmp_path: Path) -> None:
    """By its link, at another number maybe."""
    heard = threading.Event()
    with PtyDevice(lambda data: heard.set() if data == b"hello" else None, tmp_path / "device") as device:
        with serial.Serial(str(tmp_path / "device"), 9600, timeout=1) as port:
            device.unplug()
            with pytest.raises(serial.SerialException):
                port.read(1)
        assert not (tmp_path / "device").is_symlink()
        device.plug()
        with serial.Serial(str(tmp_path / "device"), 9600, timeout=1) as port:
            port.write(b"hello")
            assert heard.wait(5)
            assert device.rate == 9600
            device.send(b"back")
            assert port.read(4) == b"back"


def test_a_host_that_does_not_read_holds_nobody_up() -> None:
    """What the kernel cannot take is lost, as on a line."""
    with PtyDevice(lambda _: None) as device:
        begun = time.monotonic()
        for _ in range(1000):
            device.send(b"x" * 1000)
        assert time.monotonic() - begun < 5
