# SPDX-License-Identifier: Apache-2.0
"""TLS towards the cloud, without trusting this computer's clock.

A gate without a clock battery wakes in 1970, one with a bad one in 2099; neither may cut it off. So OpenSSL checks the
chain, the name and the purpose, and not the time. The time is checked here, against `floor`: what the cloud itself has
signed lately (documents, and the issue of our own certificate). A certificate that ran out before that is refused. One
that begins later than our clock is not: its authority says that our clock is behind, and it is right.
"""

import ssl
from datetime import datetime
from pathlib import Path

from cryptography import x509

from pistegate_edge.enrolment.identity import CERTIFICATE, KEY, Identity

NO_CHECK_TIME = 0x200000  # X509_V_FLAG_NO_CHECK_TIME of OpenSSL; Python's ssl has no name for it


class Outdated(ssl.SSLError, ValueError):
    """The other side shows a certificate that had run out when the cloud last told us the time."""


class _Socket(ssl.SSLSocket):
    """Checks the other side's certificate against the context's floor, once the handshake is done."""

    def do_handshake(self, block: bool = False) -> None:
        """See ssl.SSLSocket."""
        super().do_handshake(block)
        floor = getattr(self.context, "floor", None)
        shown = self.getpeercert(binary_form=True)
        if floor is None or shown is None:
            return
        until = x509.load_der_x509_certificate(shown).not_valid_after_utc
        if until < floor:
            raise Outdated(f"the server's certificate ran out on {until:%Y-%m-%d}: has its operator renewed it?")


class FloorContext(ssl.SSLContext):
    """A client's context that checks certificates' ends against `floor` (aware UTC), not against this computer."""

    floor: datetime
    sslsocket_class = _Socket


def device_context(identity: Identity, floor: datetime) -> FloorContext:
    """For the broker, and for a cloud with a certificate of the authority: we show ours, they theirs."""
    context = authority_context(identity.authority.read_text("ascii"), max(floor, identity.since))
    context.load_cert_chain(identity.directory / CERTIFICATE, identity.directory / KEY)
    return context


def authority_context(authority_pem: str, floor: datetime) -> FloorContext:
    """Believes servers that this authority vouches for."""
    context = FloorContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.load_verify_locations(cadata=authority_pem)
    context.verify_flags |= NO_CHECK_TIME
    context.floor = floor
    return context


def system_context() -> ssl.SSLContext:
    """Believes servers that this computer's authorities vouch for: a cloud behind a public certificate."""
    return ssl.create_default_context()


def unchecked_context() -> ssl.SSLContext:
    """Believes nobody: for fetching what is then compared with a fingerprint, and for nothing else."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def cloud_context(identity: Identity, floor: datetime) -> ssl.SSLContext:
    """For requests to the cloud's HTTP API; they are signed, so no certificate is shown."""
    if identity.trust == "system":
        return system_context()
    return authority_context(Path(identity.authority).read_text("ascii"), max(floor, identity.since))
