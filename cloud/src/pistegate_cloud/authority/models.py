# SPDX-License-Identifier: Apache-2.0
"""Tables of devices' keys and certificates, of codes that enrol them, and of spares that may take a gate's place."""

from tortoise import fields
from tortoise.models import Model

from pistegate_cloud.sites.models import Site


class DeviceKey(Model):
    """A key that a device showed with a code; `public` in hex. At most one of a device is "active".

    "replaced": another one was enrolled under its number; "revoked": a person said so. Both are for good.
    A certificate that ran out is renewed when a person agrees: `asked_ms` and `approved_ms` of that renewal.
    """

    id = fields.BigIntField(primary_key=True)
    site: fields.ForeignKeyRelation[Site] = fields.ForeignKeyField("cloud.Site", on_delete=fields.RESTRICT)
    site_id: int
    role = fields.CharField(max_length=10)
    number = fields.IntField()
    public = fields.CharField(max_length=66, unique=True)
    state = fields.CharField(max_length=10, default="active")
    enrolled_ms = fields.BigIntField()
    ended_ms = fields.BigIntField(null=True)
    reason = fields.CharField(max_length=200, null=True)
    actor = fields.CharField(max_length=80, null=True)
    asked_ms = fields.BigIntField(null=True)
    approved_ms = fields.BigIntField(null=True)

    class Meta:
        """Table."""

        table = "device_key"
        indexes = (("site_id", "number"),)


class DeviceCertificate(Model):
    """A certificate as it was issued; `serial` in hex."""

    id = fields.BigIntField(primary_key=True)
    key: fields.ForeignKeyRelation[DeviceKey] = fields.ForeignKeyField(
        "cloud.DeviceKey", on_delete=fields.RESTRICT, db_index=True
    )
    key_id: int
    serial = fields.CharField(max_length=40, unique=True)
    issued_ms = fields.BigIntField()
    until_ms = fields.BigIntField()
    pem = fields.TextField()

    class Meta:
        """Table."""

        table = "device_certificate"


class EnrolmentCode(Model):
    """A code that enrols one device once; only the SHA-256 of its secret is kept. `public`: the key that used it."""

    id = fields.BigIntField(primary_key=True)
    site: fields.ForeignKeyRelation[Site] = fields.ForeignKeyField("cloud.Site", on_delete=fields.RESTRICT)
    site_id: int
    role = fields.CharField(max_length=10)
    number = fields.IntField()
    digest = fields.CharField(max_length=64, unique=True)
    actor = fields.CharField(max_length=80)
    created_ms = fields.BigIntField()
    expires_ms = fields.BigIntField()
    used_ms = fields.BigIntField(null=True)
    public = fields.CharField(max_length=66, null=True)

    class Meta:
        """Table."""

        table = "enrolment_code"
        indexes = (("site_id", "number"),)


class Takeover(Model):
    """Spare `spare` may stand at the place of gate `gate` from `from_ms` until before `until_ms`."""

    id = fields.BigIntField(primary_key=True)
    site: fields.ForeignKeyRelation[Site] = fields.ForeignKeyField("cloud.Site", on_delete=fields.RESTRICT)
    site_id: int
    spare = fields.IntField()
    gate = fields.IntField()
    from_ms = fields.BigIntField()
    until_ms = fields.BigIntField()
    actor = fields.CharField(max_length=80)
    created_ms = fields.BigIntField()
    withdrawn_ms = fields.BigIntField(null=True)

    class Meta:
        """Table."""

        table = "takeover"
        indexes = (("site_id", "spare"),)


class PlaceTaken(Model):
    """A spare told that it stands at another gate's place (`of`; its own number: back at its own)."""

    id = fields.BigIntField(primary_key=True)
    site: fields.ForeignKeyRelation[Site] = fields.ForeignKeyField("cloud.Site", on_delete=fields.RESTRICT)
    site_id: int
    gate = fields.IntField()
    of = fields.IntField()
    epoch = fields.BigIntField()
    seq = fields.BigIntField()
    at_ms = fields.BigIntField()

    class Meta:
        """Table."""

        table = "place_taken"
        unique_together = (("site", "gate", "epoch", "seq"),)
