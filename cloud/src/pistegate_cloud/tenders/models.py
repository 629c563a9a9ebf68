# SPDX-License-Identifier: Apache-2.0
"""Tables of accounts that guests sign bills on 签单, and of vouchers 代金券. Amounts in minor units."""

from uuid import UUID

from tortoise import fields
from tortoise.models import Model

from pistegate_cloud.orders.models import Order
from pistegate_cloud.sites.models import Site


class CustomerAccount(Model):
    """Who may sign bills. `used`: signed and not settled, never more than `credit_limit`.

    `approval_over`: a bill above it needs a second person. `open`: closed accounts sign nothing more.
    """

    id = fields.BigIntField(primary_key=True)
    site: fields.ForeignKeyRelation[Site] = fields.ForeignKeyField("cloud.Site", on_delete=fields.RESTRICT)
    site_id: int
    code = fields.CharField(max_length=40)
    name = fields.CharField(max_length=80)
    phone = fields.CharField(max_length=20, null=True)
    currency = fields.CharField(max_length=3)
    credit_limit = fields.BigIntField()
    approval_over = fields.BigIntField()
    used = fields.BigIntField(default=0)
    open = fields.BooleanField(default=True)
    created_ms = fields.BigIntField()

    class Meta:
        """Table."""

        table = "account_customer"
        unique_together = (("site", "code"),)


class AccountEntry(Model):
    """One line of an account's statement: `amount` adds to what is owed. `kind`: signed, returned or settled."""

    id = fields.BigIntField(primary_key=True)
    site: fields.ForeignKeyRelation[Site] = fields.ForeignKeyField(
        "cloud.Site", on_delete=fields.RESTRICT, db_index=True
    )
    site_id: int
    account: fields.ForeignKeyRelation[CustomerAccount] = fields.ForeignKeyField(
        "cloud.CustomerAccount", on_delete=fields.RESTRICT, db_index=True
    )
    account_id: int
    order: fields.ForeignKeyNullableRelation[Order] = fields.ForeignKeyField(
        "cloud.Order", on_delete=fields.RESTRICT, db_index=True, null=True
    )
    order_id: UUID | None
    kind = fields.CharField(max_length=20)
    amount = fields.BigIntField()
    currency = fields.CharField(max_length=3)
    method = fields.CharField(max_length=20, null=True)
    reference = fields.CharField(max_length=64, null=True)
    shift_id = fields.UUIDField(null=True)
    operator = fields.CharField(max_length=80)
    approver = fields.CharField(max_length=80, null=True)
    at_ms = fields.BigIntField()

    class Meta:
        """Table."""

        table = "account_entry"
        indexes = (("shift_id",),)


class VoucherBatch(Model):
    """Vouchers made together: each worth `value`. `keeps_rest`: what one purchase leaves may be spent later.

    `price`: what each was sold for; 0: given away.
    """

    id = fields.BigIntField(primary_key=True)
    site: fields.ForeignKeyRelation[Site] = fields.ForeignKeyField(
        "cloud.Site", on_delete=fields.RESTRICT, db_index=True
    )
    site_id: int
    name = fields.CharField(max_length=80)
    value = fields.BigIntField()
    price = fields.BigIntField()
    currency = fields.CharField(max_length=3)
    quantity = fields.IntField()
    valid_from = fields.DateField()
    valid_until = fields.DateField()
    keeps_rest = fields.BooleanField()
    operator = fields.CharField(max_length=80)
    created_ms = fields.BigIntField()

    class Meta:
        """Table."""

        table = "voucher_batch"


class Voucher(Model):
    """One voucher. Its code is random, told once and stored hashed. `left`: what it still pays; see states.VOUCHER."""

    id = fields.BigIntField(primary_key=True)
    site: fields.ForeignKeyRelation[Site] = fields.ForeignKeyField(
        "cloud.Site", on_delete=fields.RESTRICT, db_index=True
    )
    site_id: int
    batch: fields.ForeignKeyRelation[VoucherBatch] = fields.ForeignKeyField(
        "cloud.VoucherBatch", on_delete=fields.RESTRICT, db_index=True
    )
    batch_id: int
    digest = fields.CharField(max_length=64, unique=True)
    left = fields.BigIntField()
    state = fields.CharField(max_length=20)

    class Meta:
        """Table."""

        table = "voucher"
