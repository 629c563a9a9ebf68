# SPDX-License-Identifier: Apache-2.0
"""JSON shapes of bindings. Numbers of documents come in, and go out only where somebody may see them."""

from datetime import date, datetime
from typing import Annotated, Final, Literal

from pydantic import BaseModel, ConfigDict, StringConstraints
from pydantic.config import JsonDict

from pistegate_cloud.bindings.models import Binding
from pistegate_cloud.errors import Problem
from pistegate_cloud.schemas import Body, Reason, SiteNumber, TicketNumber, iso
from pistegate_protocol.identity import TEXT_MAX, DocumentKind, Identity, IdentityRefused, identity

KindName = Literal["resident_id", "passport", "hk_macau_permit", "taiwan_permit", "chip"]
_BOUND: Final = set(DocumentKind) - {DocumentKind.FINGER}  # fingers have consents of their own (fingers/)
KINDS: Final[dict[str, DocumentKind]] = {kind.name.lower(): kind for kind in _BOUND}
Number = Annotated[str, StringConstraints(min_length=1, max_length=TEXT_MAX, pattern=r"^[^\x00]*$")]
Country = Annotated[str, StringConstraints(min_length=1, max_length=3)]

# Of a region that does not exist, so that no example is somebody.
_EXAMPLE: Final[JsonDict] = {"kind": "resident_id", "number": "999999199003070012"}


class DocumentBody(Body):
    """An identity document. Passports: `number` with `country` as in the machine-readable zone (CHN, D), or scanned the
    whole zone as `number`.
    """

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True, json_schema_extra={"example": _EXAMPLE})

    kind: KindName
    number: Number
    country: Country | None = None

    def identity(self) -> Identity:
        """As it is hashed; Problem identity_wrong for a number that no such document has."""
        try:
            return identity(KINDS[self.kind], self.number, self.country or "")
        except IdentityRefused as error:
            raise Problem("identity_wrong", why=error.why) from None


class BindBody(Body):
    """Bind a ticket to a document; `entered`: whether the number was typed or scanned."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"example": {"ticket": 1, "document": _EXAMPLE, "entered": "scanned"}}
    )

    ticket: TicketNumber
    document: DocumentBody
    entered: Literal["typed", "scanned"] = "typed"


class FindBody(Body):
    """Whose tickets, in the body: addresses are logged by every proxy on the way."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"example": {"site": 1, "document": _EXAMPLE}})

    site: SiteNumber
    document: DocumentBody


class ReasonBody(Body):
    """Why; it is kept."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"example": {"reason": "the guest asked for it"}})

    reason: Reason


class BindingAnswer(BaseModel):
    """A binding. `last4` null: it was erased. `told`: gates have it. `number_kept`: it may be revealed."""

    id: int
    site: int
    ticket: int
    product: int
    last_day: date
    kind: KindName
    last4: str | None
    entered: str
    by: str
    at: datetime
    told: bool
    number_kept: bool
    withdrawn: datetime | None
    withdrawn_by: str | None
    reason: str | None
    erased: datetime | None


class LookAnswer(BaseModel):
    """Who did what with a binding."""

    action: str
    by: str
    detail: str
    at: datetime


class RevealAnswer(BaseModel):
    """A document's number; of a passport with the country in front."""

    kind: KindName
    number: str


def answer(row: Binding) -> BindingAnswer:
    """As JSON; the ticket and its product are at hand."""
    return BindingAnswer(
        id=row.id,
        site=row.site_id,
        ticket=row.ticket_id,
        product=row.ticket.product.number,
        last_day=row.ticket.last_day,
        kind=kind_name(DocumentKind(row.kind)),
        last4=row.last4,
        entered=row.entered,
        by=row.actor,
        at=iso(row.created_ms),
        told=row.told is not None,
        number_kept=row.sealed is not None,
        withdrawn=None if row.withdrawn_ms is None else iso(row.withdrawn_ms),
        withdrawn_by=row.withdrawn_by,
        reason=row.reason,
        erased=None if row.erased_ms is None else iso(row.erased_ms),
    )


def kind_name(kind: DocumentKind) -> KindName:
    """As in JSON."""
    name: KindName = kind.name.lower()  # type: ignore[assignment]
    return name
