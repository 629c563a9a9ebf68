# SPDX-License-Identifier: Apache-2.0
"""What a Hello means: status, newer documents, missed acknowledgements, two devices with one identity."""

from collections.abc import Sequence

from pistegate_cloud.documents import service as documents
from pistegate_cloud.exceptions import queries as exceptions
from pistegate_cloud.gates import queries
from pistegate_cloud.gates.models import Gate
from pistegate_cloud.ingest import store
from pistegate_cloud.ingest.core import ChainKey, acknowledgement, observe_epoch, start_of
from pistegate_protocol.events import Stream
from pistegate_protocol.messages import DOWN, DocumentWanted, Hello, Notice
from pistegate_protocol.topics import Device

FORK_TOLD_MS = 24 * 3_600_000  # milliseconds that a device is told of a fork in its history; it shows it now and then
_FORKS = ("fork", "fork_epochs")


async def hello(
    device: Device, message: Hello, generation: int, now_ms: int, asked: Sequence[str] = ()
) -> list[bytes] | str:
    """What to send down in answer, in order; or why the device is not answered (as Refused.reason).

    `asked`: names of documents that it is to send back before it is sent others (documents.recovery).
    """
    gate = await queries.gate(device.site, device.number)
    if gate is None:
        return "unknown_device"
    if gate.role != device.role:
        return "wrong_role"
    if gate.retired_ms is not None:
        return "retired_device"
    gate.recent_epochs, conflict = observe_epoch(gate.recent_epochs, message.epoch)
    await _note_status(gate, message, now_ms)
    answers = [DOWN.encode(DocumentWanted(name)) for name in asked]
    answers += await documents.newer(device.site, message.documents, asked)  # early: a gate learns revocations
    answers += await _acknowledgements(device, message.epoch, generation)
    if conflict:
        key = f"{device.site}/{device.number}"
        case = exceptions.Case(kind="identity_conflict", key=key, site=device.site, gate=device.number)
        await exceptions.record([case], now_ms)
        answers.append(DOWN.encode(Notice("identity_conflict", f"site {device.site}, gate {device.number}")))
    elif await exceptions.found_since(_FORKS, device.site, device.number, now_ms - FORK_TOLD_MS):
        answers.append(DOWN.encode(Notice("identity_conflict", "two histories: was its storage copied or put back?")))
    return answers


async def _note_status(gate: Gate, message: Hello, now_ms: int) -> None:
    gate.last_seen_ms = now_ms
    gate.epoch = message.epoch
    gate.software = message.software.replace("\x00", "")
    gate.documents = {name.replace("\x00", ""): version for name, version in list(message.documents.items())[:20]}
    gate.state = message.state.replace("\x00", "")
    gate.backlog = message.backlog
    if not message.backlog:
        gate.told_ms = min(message.at, now_ms)  # a hello may be late, and its clock may be wrong
    await queries.save_status(gate)


async def _acknowledgements(device: Device, epoch: int, generation: int) -> list[bytes]:
    positions = await store.positions_of(device.site, device.number, epoch)
    answers = []
    for stream in Stream:
        key = ChainKey(device.site, device.number, stream, epoch)
        answers.append(DOWN.encode(acknowledgement(key, positions.get(key, start_of(key)), generation)))
    return answers
