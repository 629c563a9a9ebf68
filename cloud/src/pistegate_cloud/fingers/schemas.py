# SPDX-License-Identifier: Apache-2.0
"""JSON shapes of consents to fingerprints. No template comes in or goes out."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from pistegate_cloud.fingers.deletions import AtGate, Stage, is_complete
from pistegate_cloud.fingers.models import FingerConsent
from pistegate_cloud.fingers.service import Ended, Given
from pistegate_cloud.schemas import Body, Name, Reason, TicketNumber, iso
from pistegate_protocol.texts import text

FingerNumber = Annotated[int, Field(ge=1, le=2**62)]
Version = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=40, pattern=r"^[^\x00]*$")]
Words = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=20_000, pattern=r"^[^\x00]*$")]


class ConsentBody(Body):
    """A guest said yes, by itself, to the words shown; before any finger is taken."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "example": {
                "ticket": 1,
                "alone": False,
                "staff": "Li Na 李娜",
                "text_version": "finger-1",
                "words": "May we keep a template of your finger until your pass ends? ...",
                "locale": "en",
            }
        },
    )

    ticket: TicketNumber
    alone: Annotated[bool, Field(description="The finger opens without a card (1:N); for few pass holders.")] = False
    staff: Annotated[Name, Field(description="Who asked the guest.")]
    text_version: Version
    words: Annotated[Words, Field(description="The words as they were shown; kept word for word.")]
    locale: Literal["en", "zh-CN"]
    guardian: Annotated[bool, Field(description="A parent or guardian agreed for a child.")] = False

    def given(self) -> Given:
        """As it is kept."""
        return Given(self.text_version, self.words, self.locale, self.staff, self.guardian)


class ConsentAnswer(BaseModel):
    """A consent; the desk takes this whole answer as `--record`. `until_ms`: the end of the ticket's last day."""

    id: int
    site: int
    ticket: int
    holder: str
    alone: bool
    until_ms: int
    staff: str
    guardian: bool
    text_version: str
    words: str
    locale: str
    agreed: datetime
    by: str
    ended: datetime | None
    ended_as: Ended | None


class WithdrawBody(Body):
    """Whose finger goes, and why."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"example": {"finger": 1, "reason": "the guest asked for it"}}
    )

    finger: FingerNumber
    reason: Reason


class GateDeletion(BaseModel):
    """One gate's part: how far it is, and a sentence with what to do."""

    site: int
    gate: int
    stage: Stage
    at: datetime | None
    sentence: str


class WithdrawalAnswer(BaseModel):
    """A deletion: why, since when, and what became of it at each gate. `complete`: no receipt is waited for."""

    id: int
    site: int
    ticket: int
    holder: str
    ended: datetime
    ended_as: Ended
    by: str | None
    reason: str | None
    complete: bool
    gates: list[GateDeletion]
    sentence: str


def consent_answer(row: FingerConsent) -> ConsentAnswer:
    """As JSON; the text is at hand."""
    return ConsentAnswer(
        id=row.id,
        site=row.site_id,
        ticket=row.ticket_id,
        holder=row.holder,
        alone=row.alone,
        until_ms=row.until_ms,
        staff=row.staff,
        guardian=row.guardian,
        text_version=row.text.version,
        words=row.text.words,
        locale=row.text.locale,
        agreed=iso(row.agreed_ms),
        by=row.actor,
        ended=None if row.ended_ms is None else iso(row.ended_ms),
        ended_as=None if row.ended_as is None else Ended(row.ended_as),
    )


def withdrawal_answer(row: FingerConsent, at_gates: list[AtGate], locale: str) -> WithdrawalAnswer:
    """As JSON, of a consent that has ended."""
    gates = [_gate(each, locale) for each in at_gates]
    open_ones = [gate.sentence for gate in gates if gate.stage is not Stage.ERASED]
    done = text("finger.all", locale, gates=len(gates)) if gates else text("finger.nobody", locale)
    return WithdrawalAnswer(
        id=row.id,
        site=row.site_id,
        ticket=row.ticket_id,
        holder=row.holder,
        ended=iso(row.ended_ms or 0),
        ended_as=Ended(row.ended_as or Ended.WITHDRAWN),
        by=row.ended_by,
        reason=row.reason,
        complete=is_complete(at_gates),
        gates=gates,
        sentence=" ".join(open_ones) or done,
    )


def _gate(each: AtGate, locale: str) -> GateDeletion:
    at = None if each.at_ms is None else iso(each.at_ms)
    shown = "" if at is None else at.strftime("%Y-%m-%d %H:%M UTC")
    sentence = text(f"finger.{each.stage.value}", locale, gate=each.gate, site=each.site, at=shown)
    return GateDeletion(site=each.site, gate=each.gate, stage=each.stage, at=at, sentence=sentence)
