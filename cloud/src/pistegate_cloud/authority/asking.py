# SPDX-License-Identifier: Apache-2.0
"""Requests that a device signs with its key, in place of a token."""

from fastapi import Request

from pistegate_cloud.authority import queries
from pistegate_cloud.authority.models import DeviceKey
from pistegate_cloud.errors import Problem
from pistegate_protocol.enrolment import (
    REQUEST_WINDOW_MS,
    SCHEME,
    SignedRequest,
    public_key,
    read_authorization,
    request_message,
    verify,
)
from pistegate_protocol.errors import CodecError


def is_signed(request: Request) -> bool:
    """Whether a device asks, or seems to."""
    return request.headers.get("authorization", "").startswith(f"{SCHEME} ")


async def asking_key(request: Request, now_ms: int) -> DeviceKey:
    """The key of the device that signed this request; Problem device_refused, request_time."""
    try:
        signed = read_authorization(request.headers.get("authorization", ""))
    except CodecError as error:
        raise Problem("device_refused") from error
    key = await queries.active_key(signed.device)
    if key is None or not _made_by(key, signed, request, await request.body()):
        raise Problem("device_refused")
    # After the signature: the answer tells nobody else what time it is here.
    if abs(now_ms - signed.at_ms) > REQUEST_WINDOW_MS:
        raise Problem("request_time", minutes=REQUEST_WINDOW_MS // 60_000)
    return key


def _made_by(key: DeviceKey, signed: SignedRequest, request: Request, body: bytes) -> bool:
    path = request.scope.get("raw_path", b"").decode("latin-1")
    query = request.scope.get("query_string", b"").decode("latin-1")
    whole = f"{path}?{query}" if query else path
    message = request_message(signed.device, request.method, whole, body, signed.at_ms)
    return verify(public_key(bytes.fromhex(key.public)), signed.signature, message)
