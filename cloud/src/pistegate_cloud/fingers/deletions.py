# SPDX-License-Identifier: Apache-2.0
"""What became of a deletion, gate by gate: erased, or what it waits for.

A gate that holds fingers says so in its Hello (how many templates, how many receipts wait for a sensor), at every
connection. So a gate that was never set up for fingers owes no receipt, and one that is off owes its own still.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from pistegate_cloud.documents import queries as documents
from pistegate_cloud.fingers import queries
from pistegate_cloud.fingers.models import FingerConsent, FingerReceipt
from pistegate_cloud.gates import queries as gates
from pistegate_cloud.gates.models import Gate
from pistegate_cloud.tickets.service import sites_of
from pistegate_protocol.documents import FINGER_LIST

# In Hello.documents, beside versions (edge parts/fingers.py).
TEMPLATES, WAITING = "finger_templates", "finger_waiting"
SILENT_MS: Final = 90_000  # three Hellos


class Stage(StrEnum):
    """How far a gate is; the texts are at finger.STAGE."""

    ERASED = "erased"
    RETIRED = "retired"
    NEVER_HEARD = "never_heard"
    NOT_HEARD = "not_heard"
    NOT_TOLD = "not_told"
    SENSOR = "sensor"
    TOLD = "told"


@dataclass(frozen=True, slots=True)
class AtGate:
    """One gate's part of a deletion; `at_ms`: of the receipt by the gate's clock, or when it was last heard."""

    site: int
    gate: int
    stage: Stage
    at_ms: int | None


async def deletion(row: FingerConsent, now_ms: int) -> list[AtGate]:
    """Of an ended consent, at every gate that holds fingers or has answered, in order."""
    received = {(each.site_id, each.gate): each for each in await queries.receipts([row.holder])}
    found = []
    for site in await sites_of(row.ticket):
        newest = await documents.newest_version(site, FINGER_LIST)
        for gate in await gates.gates(site):
            receipt = received.get((site, gate.number))
            if receipt is not None or TEMPLATES in gate.documents:
                found.append(_at(gate, receipt, newest, now_ms))
    return found


def is_complete(gates_: Sequence[AtGate]) -> bool:
    """Whether nobody's receipt is waited for; a gate that was taken out of use is a person's business."""
    return all(each.stage in (Stage.ERASED, Stage.RETIRED) for each in gates_)


def _at(gate: Gate, receipt: FingerReceipt | None, newest: int, now_ms: int) -> AtGate:
    stage, at_ms = _stage(gate, newest, now_ms), gate.last_seen_ms
    if receipt is not None:
        stage, at_ms = Stage.ERASED, receipt.at_ms
    return AtGate(gate.site_id, gate.number, stage, at_ms)


def _stage(gate: Gate, newest: int, now_ms: int) -> Stage:
    if gate.retired_ms is not None:
        return Stage.RETIRED
    if gate.last_seen_ms is None:
        return Stage.NEVER_HEARD
    if now_ms - gate.last_seen_ms > SILENT_MS:
        return Stage.NOT_HEARD
    if gate.documents.get(FINGER_LIST, 0) < newest:
        return Stage.NOT_TOLD
    return Stage.SENSOR if gate.documents.get(WAITING, 0) else Stage.TOLD
