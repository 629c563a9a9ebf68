# SPDX-License-Identifier: Apache-2.0
"""All queries of amendments, and of what decides whether somebody can be given back."""

from collections.abc import Sequence
from datetime import date

from tortoise.expressions import Q

from pistegate_cloud.amendments.models import TicketAmendment
from pistegate_cloud.gates.models import Gate
from pistegate_cloud.ingest.models import RawEvent
from pistegate_cloud.passages.models import Admission
from pistegate_protocol.events import Stream
from pistegate_protocol.topics import Role

_OUTCOME_WITHIN = 50  # events; a gate serves one admission at a time, and one restart later it tells the outcome first


async def newest(ticket: int) -> TicketAmendment | None:
    """The amendment that holds."""
    return await TicketAmendment.get_or_none(ticket_id=ticket, newest=True)


async def of_ticket(ticket: int) -> list[TicketAmendment]:
    """All amendments of a ticket in order."""
    return await TicketAmendment.filter(ticket_id=ticket).order_by("number")


async def add(row: TicketAmendment) -> None:
    """Store the next amendment of a ticket; the one before no longer holds."""
    await TicketAmendment.filter(ticket_id=row.ticket_id, newest=True).update(newest=False)
    await row.save(force_create=True)


async def told(site: int, group: int, valid_on: date) -> list[bytes]:
    """Signed amendments of a site's and its group's tickets that are valid on a day or later, and not revoked."""
    here = Q(site_id=site) | Q(group_number=group)
    rows = TicketAmendment.filter(here, newest=True, holds_until__gte=valid_on).exclude(ticket__status="revoked")
    signed = await rows.order_by("ticket_id").values_list("signed", flat=True)
    return [bytes.fromhex(str(each)) for each in signed]


async def admissions_of(ticket: int) -> list[Admission]:
    """All admissions of a ticket, the oldest first."""
    return await Admission.filter(ticket=ticket).order_by("at_ms", "id")


async def gates_at(site: int, post: int) -> list[int]:
    """Numbers of the gates of a post that are in use."""
    rows = Gate.filter(site_id=site, post__number=post, role=Role.GATE.value, retired_ms__isnull=True)
    return [int(str(number)) for number in await rows.order_by("number").values_list("number", flat=True)]


async def after(admission: Admission) -> Sequence[RawEvent]:
    """Stored ledger events of its gate after an admission: those of its epoch, then of later ones."""
    rows = RawEvent.filter(site=admission.site_id, gate=admission.gate, stream=Stream.LEDGER)
    later = rows.filter(Q(epoch=admission.epoch, seq__gt=admission.seq) | Q(epoch__gt=admission.epoch))
    return await later.order_by("epoch", "seq").limit(_OUTCOME_WITHIN)
