# SPDX-License-Identifier: Apache-2.0
"""Enrolment from the device's side: the code names the authority; only that one is shown the code."""

import json
import ssl
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from pistegate_edge.enrolment.http import API, send
from pistegate_edge.enrolment.identity import Trust, keep_enrolment, key_for_enrolment, request_pem
from pistegate_edge.enrolment.tls import authority_context, system_context, unchecked_context
from pistegate_edge.errors import CloudRefused
from pistegate_protocol.enrolment import EnrolmentCode, authority_pin
from pistegate_protocol.topics import Device

AUTHORITY = f"{API}/enrolment/authority"
ENROL = f"{API}/enrolment"
_ANY_TIME = datetime(2020, 1, 1, tzinfo=UTC)  # nothing is known of the time yet


def fetch_authority(cloud: str, code: EnrolmentCode) -> str:
    """The authority's certificate, PEM; CloudRefused when it is not the one that the code names.

    Fetched over a line that nothing is believed of: whoever sits in it can only give another certificate.
    """
    answer = send(cloud, "GET", AUTHORITY, unchecked_context())
    if answer.status >= 400:
        answer.json()
    try:
        pem = answer.body.decode("ascii")
        certificate = x509.load_pem_x509_certificate(answer.body)
    except ValueError as error:
        raise CloudRefused("no_authority", f"{cloud} shows no authority: check the address") from error
    if authority_pin(certificate.public_bytes(Encoding.DER)) != code.pin:
        raise CloudRefused(
            "another_authority",
            f"{cloud} shows another authority than the code names: the code was mistyped (its last four groups), the "
            "address is of another cloud, or somebody sits in the line. The code was not sent",
        )
    return pem


def enrol(directory: Path, device: Device, cloud: str, code: EnrolmentCode, trust: Trust) -> dict[str, Any]:
    """Make a key, have it certified, keep it all in `directory`; what the cloud tells of itself and of the place.

    CloudUnreachable, CloudRefused: nothing of an earlier enrolment was changed.
    """
    authority = fetch_authority(cloud, code)
    key = key_for_enrolment(directory)
    body = {
        "site": device.site,
        "role": device.role.value,
        "number": device.number,
        "code": str(code),
        "csr": request_pem(key, device),
    }
    context: ssl.SSLContext = system_context() if trust == "system" else authority_context(authority, _ANY_TIME)
    headers = {"Content-Type": "application/json"}
    told = send(cloud, "POST", ENROL, context, json.dumps(body).encode(), headers).json()
    certificate = x509.load_pem_x509_certificate(str(told["certificate"]).encode())
    certificate.verify_directly_issued_by(x509.load_pem_x509_certificate(authority.encode()))
    if certificate.public_key() != key.public_key():
        raise CloudRefused("another_key", "the cloud certified another key than ours: tell its operator")
    keep_enrolment(directory, device, str(told["certificate"]), authority, cloud, trust)
    return told
