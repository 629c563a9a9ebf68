# SPDX-License-Identifier: Apache-2.0
"""Tables of consents to fingerprints and of receipts of their deletion. Nothing biometric is in any of them."""

from tortoise import fields
from tortoise.models import Model

from pistegate_cloud.sites.models import Site
from pistegate_cloud.tickets.models import Ticket


class FingerText(Model):
    """The words that guests were shown, kept word for word. `digest`: SHA-256 in hex."""

    id = fields.BigIntField(primary_key=True)
    site: fields.ForeignKeyRelation[Site] = fields.ForeignKeyField("cloud.Site", on_delete=fields.RESTRICT)
    site_id: int
    digest = fields.CharField(max_length=64)
    version = fields.CharField(max_length=40)
    locale = fields.CharField(max_length=10)
    words = fields.TextField()

    class Meta:
        """Table."""

        table = "finger_text"
        unique_together = (("site", "digest", "version", "locale"),)


class FingerConsent(Model):
    """A guest agreed to one finger being used for a ticket; kept as proof after the finger is gone.

    `holder`: what gates and templates call it (protocol fingers.py), in hex. `group_number`: the group whose sites all
    hear of it; None: the ticket's site alone. `alone`: it opens without a card (1:N); `signed`: the claim for that, in
    hex, of the ticket's `revision`. `staff`: who asked the guest. `until_ms`: the end of the ticket's last day.
    `ended_as`: service.Ended; `closed_ms`: every gate that had to has given its receipt, and none is told any more.
    """

    id = fields.BigIntField(primary_key=True)
    site: fields.ForeignKeyRelation[Site] = fields.ForeignKeyField("cloud.Site", on_delete=fields.RESTRICT)
    site_id: int
    group_number = fields.IntField(null=True)
    ticket: fields.ForeignKeyRelation[Ticket] = fields.ForeignKeyField("cloud.Ticket", on_delete=fields.RESTRICT)
    ticket_id: int
    finger = fields.IntField()
    holder = fields.CharField(max_length=16)
    alone = fields.BooleanField()
    revision = fields.SmallIntField(null=True)
    signed = fields.CharField(max_length=256, null=True)
    until_ms = fields.BigIntField()
    text: fields.ForeignKeyRelation[FingerText] = fields.ForeignKeyField(
        "cloud.FingerText", on_delete=fields.RESTRICT, db_index=True
    )
    text_id: int
    staff = fields.CharField(max_length=80)
    guardian = fields.BooleanField()
    actor = fields.CharField(max_length=80)
    agreed_ms = fields.BigIntField()
    ended_ms = fields.BigIntField(null=True)
    ended_as = fields.CharField(max_length=10, null=True)
    ended_by = fields.CharField(max_length=80, null=True)
    reason = fields.CharField(max_length=200, null=True)
    closed_ms = fields.BigIntField(null=True)

    class Meta:
        """Table."""

        table = "finger_consent"
        unique_together = (("ticket", "finger"),)
        indexes = (("site_id", "closed_ms"), ("group_number", "closed_ms"))


class FingerReceipt(Model):
    """A gate has nothing of a holder's finger any more, since `at_ms` of its own clock; `slot`: of its sensor."""

    id = fields.BigIntField(primary_key=True)
    site: fields.ForeignKeyRelation[Site] = fields.ForeignKeyField("cloud.Site", on_delete=fields.RESTRICT)
    site_id: int
    gate = fields.IntField()
    holder = fields.CharField(max_length=64)
    why = fields.CharField(max_length=200)
    slot = fields.IntField(null=True)
    at_ms = fields.BigIntField()
    told_ms = fields.BigIntField()

    class Meta:
        """Table."""

        table = "finger_receipt"
        unique_together = (("site", "gate", "holder"),)
        indexes = (("holder",),)
