# SPDX-License-Identifier: Apache-2.0
"""Tables of the ledger: append-only; the database itself refuses changes (see migrations)."""

from uuid import UUID

from tortoise import fields
from tortoise.models import Model

from pistegate_cloud.orders.models import Order
from pistegate_cloud.sites.models import Site


class Account(Model):
    """Where money is or comes from; `code`: as ledger.accounts names it, with its dimension ("deferred:lift")."""

    id = fields.BigIntField(primary_key=True)
    site: fields.ForeignKeyRelation[Site] = fields.ForeignKeyField("cloud.Site", on_delete=fields.RESTRICT)
    site_id: int
    code = fields.CharField(max_length=40)

    class Meta:
        """Table."""

        table = "account"
        unique_together = (("site", "code"),)


class LedgerTransaction(Model):
    """One business event; its postings sum to zero in every currency.

    `day`: the business day that it is posted to. `operating_day`: the one that it is about, where that is another.
    `partner`: number of the account, partner or site that it is with.
    """

    id = fields.UUIDField(primary_key=True)
    site: fields.ForeignKeyRelation[Site] = fields.ForeignKeyField("cloud.Site", on_delete=fields.RESTRICT)
    site_id: int
    order: fields.ForeignKeyNullableRelation[Order] = fields.ForeignKeyField(
        "cloud.Order", on_delete=fields.RESTRICT, db_index=True, null=True
    )
    order_id: UUID | None
    kind = fields.CharField(max_length=40)
    at_ms = fields.BigIntField()
    day = fields.DateField()
    operating_day = fields.DateField(null=True)
    partner = fields.BigIntField(null=True)

    class Meta:
        """Table."""

        table = "ledger_transaction"
        indexes = (("site_id", "day"),)


class Posting(Model):
    """One side of a transaction: debit positive, credit negative, minor units."""

    id = fields.BigIntField(primary_key=True)
    site: fields.ForeignKeyRelation[Site] = fields.ForeignKeyField(
        "cloud.Site", on_delete=fields.RESTRICT, db_index=True
    )
    site_id: int
    transaction: fields.ForeignKeyRelation[LedgerTransaction] = fields.ForeignKeyField(
        "cloud.LedgerTransaction", on_delete=fields.RESTRICT, db_index=True
    )
    transaction_id: UUID
    account: fields.ForeignKeyRelation[Account] = fields.ForeignKeyField(
        "cloud.Account", on_delete=fields.RESTRICT, db_index=True
    )
    account_id: int
    amount = fields.BigIntField()
    currency = fields.CharField(max_length=3)

    class Meta:
        """Table."""

        table = "posting"


class PendingPayment(Model):
    """A payment in doubt, by its own reference: pended once, resolved once. `state`: see states.PENDING."""

    id = fields.BigIntField(primary_key=True)
    site: fields.ForeignKeyRelation[Site] = fields.ForeignKeyField(
        "cloud.Site", on_delete=fields.RESTRICT, db_index=True
    )
    site_id: int
    reference = fields.CharField(max_length=64, unique=True)
    method = fields.CharField(max_length=20)
    amount = fields.BigIntField()
    currency = fields.CharField(max_length=3)
    state = fields.CharField(max_length=10)
    since_ms = fields.BigIntField()
    resolved_ms = fields.BigIntField(null=True)

    class Meta:
        """Table."""

        table = "pending_payment"
