# SPDX-License-Identifier: Apache-2.0
"""Shapes of enrolment: what devices ask and get, what people see of them."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from pistegate_cloud.authority.issuing import CSR_MAX
from pistegate_cloud.authority.takeovers import DAYS_MAX
from pistegate_cloud.schemas import Body, DeviceNumber, Reason, SiteNumber
from pistegate_protocol.topics import Device, Role

CsrText = Annotated[str, StringConstraints(min_length=1, max_length=CSR_MAX, pattern=r"^[\x00-\x7f]*$")]
CodeText = Annotated[str, StringConstraints(min_length=1, max_length=100)]
RoleName = Literal["gate", "encoder", "till", "inspect"]


class DeviceBody(Body):
    """Which device."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"example": {"site": 1, "role": "gate", "number": 3}})

    site: SiteNumber
    role: RoleName = "gate"
    number: DeviceNumber

    @property
    def device(self) -> Device:
        """Its address."""
        return Device(self.site, Role(self.role), self.number)


class RevokeBody(DeviceBody):
    """Which device, and why nobody may hear it any more."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"example": {"site": 1, "role": "gate", "number": 3, "reason": "stolen"}}
    )

    reason: Reason


class TakeoverBody(Body):
    """Which spare may stand at which gates' places, for how many days from now. No gates: at none any more."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"example": {"site": 1, "spare": 90, "gates": [3, 4], "days": 180}}
    )

    site: SiteNumber
    spare: DeviceNumber
    gates: Annotated[list[DeviceNumber], Field(max_length=100)]
    days: Annotated[int, Field(ge=1, le=DAYS_MAX)] = 180


class CodeAnswer(BaseModel):
    """A code, shown this once, and the line to type at the device."""

    code: str
    expires: datetime
    command: str


class EnrolBody(DeviceBody):
    """What a device sends with its code: `csr` is PEM."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "example": {
                "site": 1,
                "role": "gate",
                "number": 3,
                "code": "0000-0000-0000-0000-0000-0000-0000",
                "csr": "x",
            }
        },
    )

    code: CodeText
    csr: CsrText


class RenewBody(Body):
    """A request for the same key's next certificate, PEM."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"example": {"csr": "x"}})

    csr: CsrText


class CertificateAnswer(BaseModel):
    """PEM; `certificate` null: it has run out, and a person must agree first."""

    certificate: str | None
    authority: str


class PlaceAnswer(BaseModel):
    """Where the cloud has a gate standing."""

    area: int
    post_gates: list[int]
    zone: str


class EnrolAnswer(CertificateAnswer):
    """All that a device needs to be told: whom to believe (public keys in hex, by key id), whom to reach, its place."""

    group: int
    issuer_keys: dict[int, str]
    document_keys: dict[int, str]
    broker: str | None
    place: PlaceAnswer | None


class DeviceAnswer(BaseModel):
    """How a device stands: `state` is active, expired, waiting (for a person's word), revoked, or unsigned (none).

    `stands_for`: the gate at whose place a spare stands. `quarantined`: messages that wait for a person.
    """

    site: int
    role: str
    number: int
    state: str
    enrolled: datetime | None = None
    certificate_until: datetime | None = None
    serial: str | None = None
    ended: datetime | None = None
    reason: str | None = None
    quarantined: int = 0
    stands_for: int | None = None
    last_seen: datetime | None = None


class UploadAnswer(BaseModel):
    """Up to which event of that epoch everything is stored; null: it lies in quarantine, for a person."""

    acknowledged: int | None
