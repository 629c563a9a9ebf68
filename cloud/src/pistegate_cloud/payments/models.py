# SPDX-License-Identifier: Apache-2.0
"""Tables of payments that a provider carries out; no key, no payment code and no account of a guest is in them."""

from uuid import UUID

from tortoise import fields
from tortoise.models import Model

from pistegate_cloud.sites.models import Site


class ProviderPayment(Model):
    """Money asked for through a provider. Amounts in minor units; `number` is its name there (the id in hex).

    `way`: see provider.Way; `state`: see states.PAYMENT. `held`: what refunds hold of the amount, never more than it.
    `transaction`: the provider's own number, once paid: one payment's alone. `asked_times`, `ask_ms`: when it is asked
    for again; -1: it was not sent yet. `trouble`: the last thing that went wrong, for a person to read. `strange`: the
    provider told of money that does not fit: a person must look.
    """

    id = fields.UUIDField(primary_key=True)
    site: fields.ForeignKeyRelation[Site] = fields.ForeignKeyField("cloud.Site", on_delete=fields.RESTRICT)
    site_id: int
    provider = fields.CharField(max_length=20)
    number = fields.CharField(max_length=32)
    way = fields.CharField(max_length=10)
    amount = fields.BigIntField()
    currency = fields.CharField(max_length=3)
    words = fields.CharField(max_length=127)
    state = fields.CharField(max_length=20)
    held = fields.BigIntField(default=0)
    transaction = fields.CharField(max_length=40, null=True)
    paid_ms = fields.BigIntField(null=True)
    created_ms = fields.BigIntField()
    until_ms = fields.BigIntField()
    asked_times = fields.IntField(default=0)
    ask_ms = fields.BigIntField()
    trouble = fields.CharField(max_length=200, null=True)
    strange = fields.BooleanField(default=False)
    actor = fields.CharField(max_length=80)

    class Meta:
        """Table."""

        table = "provider_payment"
        unique_together = (("provider", "number"), ("provider", "transaction"))
        indexes = (("site_id", "created_ms"), ("state", "ask_ms"))


class ProviderRefund(Model):
    """Money to go back the way it came. `state`: see states.REFUND; `reference`: its number at the provider."""

    id = fields.UUIDField(primary_key=True)
    site: fields.ForeignKeyRelation[Site] = fields.ForeignKeyField(
        "cloud.Site", on_delete=fields.RESTRICT, db_index=True
    )
    site_id: int
    payment: fields.ForeignKeyRelation[ProviderPayment] = fields.ForeignKeyField(
        "cloud.ProviderPayment", on_delete=fields.RESTRICT, db_index=True
    )
    payment_id: UUID
    number = fields.CharField(max_length=64, unique=True)
    amount = fields.BigIntField()
    reason = fields.CharField(max_length=80)
    state = fields.CharField(max_length=20)
    reference = fields.CharField(max_length=40, null=True)
    created_ms = fields.BigIntField()
    asked_times = fields.IntField(default=0)
    ask_ms = fields.BigIntField()
    trouble = fields.CharField(max_length=200, null=True)
    actor = fields.CharField(max_length=80)

    class Meta:
        """Table."""

        table = "provider_refund"
        indexes = (("state", "ask_ms"),)


class ProviderNotice(Model):
    """A notification that was taken: neither its nonce nor its event is taken again."""

    id = fields.BigIntField(primary_key=True)
    provider = fields.CharField(max_length=20)
    event = fields.CharField(max_length=64)
    nonce = fields.CharField(max_length=64)
    at_ms = fields.BigIntField(db_index=True)

    class Meta:
        """Table."""

        table = "provider_notice"
        unique_together = (("provider", "nonce"),)
        indexes = (("provider", "event"),)


class ProviderBill(Model):
    """A day's bill of a provider that was read and compared. `day`: the provider's calendar."""

    id = fields.BigIntField(primary_key=True)
    provider = fields.CharField(max_length=20)
    day = fields.DateField()
    lines = fields.IntField()
    findings = fields.IntField()
    at_ms = fields.BigIntField()

    class Meta:
        """Table."""

        table = "provider_bill"
        unique_together = (("provider", "day"),)


class BillFinding(Model):
    """One difference between a bill and our books; amounts in minor units. `settled_by`: who has explained it.

    `site`: None for money of which we know no payment.
    """

    id = fields.BigIntField(primary_key=True)
    site: fields.ForeignKeyNullableRelation[Site] = fields.ForeignKeyField(
        "cloud.Site", on_delete=fields.RESTRICT, db_index=True, null=True
    )
    site_id: int | None
    bill: fields.ForeignKeyRelation[ProviderBill] = fields.ForeignKeyField(
        "cloud.ProviderBill", on_delete=fields.RESTRICT, db_index=True
    )
    bill_id: int
    kind = fields.CharField(max_length=20)
    payment = fields.CharField(max_length=64)
    refund = fields.CharField(max_length=64, null=True)
    billed = fields.BigIntField()
    held = fields.BigIntField()
    settled_by = fields.CharField(max_length=80, null=True)
    settled_ms = fields.BigIntField(null=True)
    words = fields.CharField(max_length=200, null=True)

    class Meta:
        """Table."""

        table = "bill_finding"
