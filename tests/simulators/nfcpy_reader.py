# SPDX-License-Identifier: Apache-2.0
"""Unmodified nfcpy on a simulated reader, without root: its own PN532 driver on its own serial transport."""

import termios
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import nfc
import nfc.clf.pn532
import nfc.clf.transport
import nfc.tag
from nfc.clf import RemoteTarget

from .desfire_host import Host

# What nfcpy lets through when its device has gone; pyserial's flush raises termios.error, which is no OSError.
GONE = (OSError, termios.error, nfc.clf.pn532.Chipset.Error)


@contextmanager
def opened(path: str) -> Iterator[nfc.ContactlessFrontend]:
    """A frontend on the device at `path`; closed without complaint when the device has gone."""
    frontend = nfc.ContactlessFrontend()
    frontend.device = nfc.clf.pn532.init(nfc.clf.transport.TTY(path))
    try:
        yield frontend
    finally:
        device, frontend.device = frontend.device, None
        with suppress(*GONE):
            device.close()


def tap(frontend: nfc.ContactlessFrontend) -> "nfc.tag.Tag | None":
    """The card in the field, activated; None when there is none."""
    target = frontend.sense(RemoteTarget("106A"))
    return nfc.tag.activate(frontend, target) if target else None


def host(frontend: nfc.ContactlessFrontend, *, native: bool = False) -> Host:
    """A DESFire host on the card in the field."""
    tag = tap(frontend)
    assert tag is not None
    return Host(tag.transceive, native=native)
