# SPDX-License-Identifier: Apache-2.0
"""From a device's configuration to its line to the broker."""

import ssl
from collections.abc import Callable

from pistegate_edge.clock import open_clock
from pistegate_edge.config import Config
from pistegate_edge.enrolment.identity import CERTIFICATE, KEY, Identity
from pistegate_edge.enrolment.opening import open_identity, own_device
from pistegate_edge.enrolment.renewing import Renewer
from pistegate_edge.enrolment.tls import device_context
from pistegate_edge.errors import IdentityError
from pistegate_edge.uplink.mqtt import LinkEvent, MqttLink, Secured


class EnrolledLink:
    """A line of an enrolled device: its certificate is renewed as long as the line is open."""

    def __init__(self, line: MqttLink, renewer: Renewer) -> None:
        self._line = line
        self._renewer = renewer
        self.publish = line.publish

    def start(self) -> None:
        """Connect in the background."""
        self._line.start()
        self._renewer.start()

    def stop(self) -> None:
        """Disconnect."""
        self._renewer.stop()
        self._line.stop()


def open_link(config: Config, tell: Callable[[LinkEvent], None]) -> MqttLink | EnrolledLink:
    """Not yet connected; `tell` is called from its thread. IdentityError: TLS without an identity."""
    broker, identity = config.broker, open_identity(config)
    credentials = (broker.username, broker.password) if broker.username else None
    if broker.tls and identity is None:
        raise IdentityError("[broker] tls = true, and this device is not enrolled: run `pistegate-gate enrol` first")
    secured = _secured(identity) if broker.tls and identity is not None else None
    address = (broker.host, broker.port, broker.keepalive_s)
    line = MqttLink(own_device(config), *address, tell, credentials, secured)
    return line if identity is None else EnrolledLink(line, Renewer(identity, open_clock(config.clock.source)))


def _secured(identity: Identity) -> Secured:
    """TLS with this device's certificate; before each connection the newest one is taken."""
    context = device_context(identity, identity.since)

    def refresh(context: ssl.SSLContext) -> None:
        context.load_cert_chain(identity.directory / CERTIFICATE, identity.directory / KEY)

    return Secured(context, refresh)
