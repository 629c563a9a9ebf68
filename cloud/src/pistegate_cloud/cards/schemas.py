# SPDX-License-Identifier: Apache-2.0
"""Shapes of cards over HTTP."""

from datetime import datetime
from typing import Annotated, Any, Literal

from fastapi import Path
from pydantic import BaseModel, ConfigDict, Field, StringConstraints, field_validator

from pistegate_cloud.cards.models import Card, CardChange
from pistegate_cloud.schemas import Body, DeviceNumber, Reason, SiteNumber, WaitMs, iso

IMPORT_MAX = 2000  # UIDs of one request; a box of cards holds 200 to 500

Uid = Annotated[str, StringConstraints(pattern=r"^[0-9a-fA-F]{14}$")]
UidPath = Annotated[str, Path(pattern=r"^[0-9a-f]{14}$", description="UID in lower-case hex.")]
Status = Literal["personalising", "stock", "in_use", "returned", "lost", "void"]
FoundBy = Literal["payment", "phone", "order", "ticket", "rental", "card"]


class StockBody(Body):
    """Cards that a vendor has personalised, by their UIDs in hex."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"example": {"site": 1, "uids": ["04a1b2c3d4e5f6", "04a1b2c3d4e5f7"]}}
    )

    site: SiteNumber
    uids: Annotated[list[Uid], Field(min_length=1, max_length=IMPORT_MAX)]

    @field_validator("uids")
    @classmethod
    def _lower(cls, value: list[str]) -> list[str]:
        return [uid.lower() for uid in value]


class StockAnswer(BaseModel):
    """How many came in; `known`: cards that were there before, left as they are."""

    added: int
    known: list[str]


class DeskBody(Body):
    """The encoder where the card lies, and how long to wait for it."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"example": {"site": 1, "encoder": 1}})

    site: SiteNumber
    encoder: DeviceNumber
    wait_ms: WaitMs = 5000


class VoidBody(Body):
    """Why."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"example": {"reason": "broken"}})

    reason: Reason


class LostBody(Body):
    """Why, and by what the card was found in the books."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"example": {"reason": "lost on the piste", "found_by": "phone"}}
    )

    reason: Reason
    found_by: FoundBy = "card"


class TakeBackBody(DeskBody):
    """`wipe`: at once, so that the card is stock again. `accept_outstanding`: although equipment is still out on it."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"example": {"site": 1, "encoder": 1, "wipe": True}})

    wipe: bool = True
    accept_outstanding: bool = False


class CardAnswer(BaseModel):
    """A card. `key_set`: the one last seen to be active on it; `ticket`, `revision`, `claim`: what is on it."""

    uid: str
    site: int
    group: int
    status: Status
    origin: str
    key_set: int
    ticket: int | None
    revision: int | None
    claim: str | None
    changed: datetime


class ChangeAnswer(BaseModel):
    """One thing that was done to a card, by whom; `counter`: the card's transaction counter after it."""

    at: datetime
    site: int
    event: str
    status: str
    encoder: int | None
    actor: str
    ticket: int | None
    revision: int | None
    counter: int | None
    values: dict[str, Any]


class CardStory(CardAnswer):
    """A card with everything that was done to it, oldest first."""

    changes: list[ChangeAnswer]


def card_answer(card: Card) -> CardAnswer:
    """As JSON."""
    return CardAnswer.model_validate(_values(card))


def card_story(card: Card, changes: list[CardChange]) -> CardStory:
    """As JSON, with its changes."""
    return CardStory.model_validate(_values(card) | {"changes": [_change(change) for change in changes]})


def _values(card: Card) -> dict[str, Any]:
    return {
        "uid": card.uid,
        "site": card.site_id,
        "group": card.group_number,
        "status": card.status,
        "origin": card.origin,
        "key_set": card.key_set,
        "ticket": card.ticket_id,
        "revision": card.revision,
        "claim": card.claim,
        "changed": iso(card.changed_ms),
    }


def _change(change: CardChange) -> ChangeAnswer:
    return ChangeAnswer(
        at=iso(change.at_ms),
        site=change.site_id,
        event=change.event,
        status=change.status,
        encoder=change.encoder,
        actor=change.actor,
        ticket=change.ticket,
        revision=change.revision,
        counter=change.counter,
        values=change.values,
    )
