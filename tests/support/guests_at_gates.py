# SPDX-License-Identifier: Apache-2.0
"""A guest with a claim at gates that know what the cloud told them: every decision's usage is kept, as a card would."""

from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from documents_down import issuer_keys, pushed

from pistegate_protocol.amendments import open_amendment
from pistegate_protocol.card_layout import claim_in_file
from pistegate_protocol.claims import Claim
from pistegate_protocol.decide import Admit, Decision, GateProfile, Knowledge, decide
from pistegate_protocol.documents import AmendmentList, CalendarList, DenyList, SuspensionList
from pistegate_protocol.signing import Medium, MediumKind, open_claim
from pistegate_protocol.usage import Usage, decode_usage, encode_usage
from pistegate_simulators.stock import claim_content

ZONE = ZoneInfo("Asia/Shanghai")


def moment(day: str, time: str) -> datetime:
    """A time as the site's clocks show it."""
    return datetime.fromisoformat(f"{day}T{time}").replace(tzinfo=ZONE)


def at(cloud: Any, day: str, time: str) -> None:
    """Set the cloud's clock."""
    cloud.clock.now_ms = int(moment(day, time).astimezone(UTC).timestamp() * 1000)


def knowledge(cloud: Any, ticket: int) -> Knowledge:
    """What a gate of site 1 knows of a ticket, from the documents that it was sent."""
    told = {kind: pushed(cloud, kind)[-1:] for kind in (DenyList, AmendmentList, SuspensionList, CalendarList)}
    amendments = [
        open_amendment(signed, issuer_keys(cloud)) for document in told[AmendmentList] for signed in document.entries
    ]
    return Knowledge(
        deny={number: below for document in told[DenyList] for number, below in document.entries},
        amendment=next((each for each in amendments if each.ticket == ticket), None),
        suspensions=tuple(each for document in told[SuspensionList] for each in document.suspensions()),
        calendars={n: days for document in told[CalendarList] for n, days in document.calendars().items()},
    )


async def ticket_on_card(cloud: Any, card: Any, product: int, visit: str | date) -> Claim:
    """Sell a ticket, put it on the card at encoder 1, and read its claim off the card."""
    lines = [{"product": product, "visit_date": str(visit)}]
    payment = {"method": "cash", "tendered": 10_000_000, "currency": "CNY"}
    order = await cloud.post("/orders", {"site": 1, "channel": "window", "lines": lines, "payment": payment})
    encoder = cloud.encoder()
    encoder.card = card
    await cloud.post(f"/tickets/{order['tickets'][0]['number']}/issue", {"encoder": 1, "wait_ms": 0})
    signed = claim_in_file(claim_content(card))
    if signed is None:
        raise AssertionError("no claim on the card")
    return open_claim(signed, Medium(MediumKind.CARD, card.uid), issuer_keys(cloud))


@dataclass
class Guest:
    """`usage` is what the card holds after the last admission."""

    cloud: Any
    claim: Claim
    usage: Usage = field(default_factory=lambda: Usage(claim=bytes(8)))

    def tries(self, day: str, time: str, **gate: Any) -> Decision:
        """What a gate of area 0 decides; an admission is written to the card."""
        plain: dict[str, Any] = {"site": 1, "group": 1, "gate": 1, "area": 0, "zone": ZONE} | gate
        profile = GateProfile(post_gates=frozenset({plain["gate"]}), **plain)
        decision = decide(self.claim, self.usage, profile, moment(day, time), knowledge(self.cloud, self.claim.ticket))
        if isinstance(decision, Admit):
            self.usage = replace(decode_usage(encode_usage(decision.usage)))
        return decision

    def told(self, day: str, time: str, **gate: Any) -> str:
        """The decision in a word: a reason, or how many were admitted and how."""
        decision = self.tries(day, time, **gate)
        if not isinstance(decision, Admit):
            return decision.reason.value
        words = ["out"] if decision.exit else []
        return " ".join([*words, *(["overtime"] if decision.overtime else [])]) or "in"
