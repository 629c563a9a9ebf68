# SPDX-License-Identifier: Apache-2.0
# ruff: noqa: RUF012 - class attributes are tortoise's own form
"""Orders of every kind, and tenders."""

from typing import Any

from tortoise import fields, migrations
from tortoise.fields.base import OnDelete
from tortoise.indexes import Index
from tortoise.migrations import operations as ops

from pistegate_cloud.migrations._columns import AddColumns


def _to(target: str, column: str, key: str, **more: Any) -> Any:
    return fields.ForeignKeyField(
        target, source_field=column, db_constraint=True, to_field=key, on_delete=OnDelete.RESTRICT, **more
    )


def _site(**more: Any) -> tuple[str, Any]:
    return "site", _to("cloud.Site", "site_id", "number", **more)


def _key() -> tuple[str, Any]:
    return "id", fields.BigIntField(generated=True, primary_key=True)


def _zero() -> Any:
    return fields.BigIntField(default=0, db_default=0)


def _model(name: str, table: str, columns: list[tuple[str, Any]], **options: Any) -> Any:
    more = {"table": table, "app": "cloud", "pk_attr": "id", **options}
    return ops.CreateModel(name=name, fields=columns, options=more, bases=["Model"])


ORDER: dict[str, Any] = {
    "kind": fields.CharField(default="individual", db_default="individual", max_length=20),
    "window": fields.IntField(null=True),
    "shift_id": fields.UUIDField(null=True),
    "operator": fields.CharField(null=True, max_length=80),
    "member_id": fields.BigIntField(null=True),
    "expires_ms": fields.BigIntField(null=True),
    "paid_ms": fields.BigIntField(null=True),
    "paying": fields.UUIDField(null=True),
    "selling_site": fields.IntField(null=True),
    "approver": fields.CharField(null=True, max_length=80),
    "reason": fields.CharField(null=True, max_length=200),
    "before_id": fields.UUIDField(null=True),
    "leader": fields.CharField(null=True, max_length=80),
    "agency": fields.CharField(null=True, max_length=80),
    "expected": fields.IntField(null=True),
    "trouble": fields.CharField(null=True, max_length=200),
}
LINE: dict[str, Any] = {
    "kind": fields.CharField(default="ticket", db_default="ticket", max_length=20),
    "parent_id": fields.IntField(null=True),
    "words": fields.CharField(null=True, max_length=80),
    "department": fields.CharField(default="", db_default="", max_length=40),
    "passthrough": fields.BooleanField(default=False, db_default=False),
    "list_price": fields.BigIntField(null=True),
    "tax_bp": fields.IntField(default=0, db_default=0),
    "tax": _zero(),
    "terms": fields.JSONField(null=True),
    "slot_id": fields.BigIntField(null=True),
    "refunded_quantity": fields.IntField(default=0, db_default=0),
    "refunded_amount": _zero(),
}
PAYMENT: dict[str, Any] = {
    "state": fields.CharField(default="done", db_default="done", max_length=20),
    "given_back": _zero(),
    "provider_payment_id": fields.UUIDField(null=True),
    "voucher_id": fields.BigIntField(null=True),
    "account_id": fields.BigIntField(null=True),
    "wallet_id": fields.BigIntField(null=True),
    "shift_id": fields.UUIDField(null=True),
    "operator": fields.CharField(null=True, max_length=80),
}


class Migration(migrations.Migration):
    """Orders of every kind, and tenders."""

    dependencies = [("cloud", "0017_catalogue")]

    operations = [
        # The only rebuild of a table on SQLite: a charge has no product.
        ops.AlterField("OrderLine", "product", _to("cloud.Product", "product_id", "id", db_index=True, null=True)),
        AddColumns("Order", ORDER, (["status", "expires_ms"], ["paying"], ["before_id"], ["shift_id"])),
        AddColumns("OrderLine", LINE),
        AddColumns("Payment", PAYMENT, (["provider_payment_id"], ["shift_id"], ["wallet_id"])),
        _model(
            "Refund",
            "refund",
            [
                ("id", fields.UUIDField(primary_key=True)),
                _site(db_index=True),
                ("order", _to("cloud.Order", "order_id", "id", db_index=True)),
                ("payment", _to("cloud.Payment", "payment_id", "id", db_index=True)),
                ("method", fields.CharField(max_length=20)),
                ("amount", fields.BigIntField()),
                ("currency", fields.CharField(max_length=3)),
                ("reason", fields.CharField(max_length=200)),
                ("state", fields.CharField(max_length=20)),
                ("provider_refund_id", fields.UUIDField(null=True)),
                ("reference", fields.CharField(null=True, max_length=64)),
                ("shift_id", fields.UUIDField(null=True)),
                ("operator", fields.CharField(null=True, max_length=80)),
                ("at_ms", fields.BigIntField()),
            ],
            indexes=[Index(fields=["provider_refund_id"]), Index(fields=["shift_id"])],
        ),
        _model(
            "CustomerAccount",
            "account_customer",
            [
                _key(),
                _site(),
                ("code", fields.CharField(max_length=40)),
                ("name", fields.CharField(max_length=80)),
                ("phone", fields.CharField(null=True, max_length=20)),
                ("currency", fields.CharField(max_length=3)),
                ("credit_limit", fields.BigIntField()),
                ("approval_over", fields.BigIntField()),
                ("used", fields.BigIntField(default=0)),
                ("open", fields.BooleanField(default=True)),
                ("created_ms", fields.BigIntField()),
            ],
            unique_together=(("site", "code"),),
        ),
        _model(
            "AccountEntry",
            "account_entry",
            [
                _key(),
                _site(db_index=True),
                ("account", _to("cloud.CustomerAccount", "account_id", "id", db_index=True)),
                ("order", _to("cloud.Order", "order_id", "id", db_index=True, null=True)),
                ("kind", fields.CharField(max_length=20)),
                ("amount", fields.BigIntField()),
                ("currency", fields.CharField(max_length=3)),
                ("method", fields.CharField(null=True, max_length=20)),
                ("reference", fields.CharField(null=True, max_length=64)),
                ("shift_id", fields.UUIDField(null=True)),
                ("operator", fields.CharField(max_length=80)),
                ("approver", fields.CharField(null=True, max_length=80)),
                ("at_ms", fields.BigIntField()),
            ],
            indexes=[Index(fields=["shift_id"])],
        ),
        _model(
            "VoucherBatch",
            "voucher_batch",
            [
                _key(),
                _site(db_index=True),
                ("name", fields.CharField(max_length=80)),
                ("value", fields.BigIntField()),
                ("price", fields.BigIntField()),
                ("currency", fields.CharField(max_length=3)),
                ("quantity", fields.IntField()),
                ("valid_from", fields.DateField()),
                ("valid_until", fields.DateField()),
                ("keeps_rest", fields.BooleanField()),
                ("operator", fields.CharField(max_length=80)),
                ("created_ms", fields.BigIntField()),
            ],
        ),
        _model(
            "Voucher",
            "voucher",
            [
                _key(),
                _site(db_index=True),
                ("batch", _to("cloud.VoucherBatch", "batch_id", "id", db_index=True)),
                ("digest", fields.CharField(unique=True, max_length=64)),
                ("left", fields.BigIntField()),
                ("state", fields.CharField(max_length=20)),
            ],
        ),
        _model(
            "ProviderBill",
            "provider_bill",
            [
                _key(),
                ("provider", fields.CharField(max_length=20)),
                ("day", fields.DateField()),
                ("lines", fields.IntField()),
                ("findings", fields.IntField()),
                ("at_ms", fields.BigIntField()),
            ],
            unique_together=(("provider", "day"),),
        ),
        _model(
            "BillFinding",
            "bill_finding",
            [
                _key(),
                _site(db_index=True, null=True),
                ("bill", _to("cloud.ProviderBill", "bill_id", "id", db_index=True)),
                ("kind", fields.CharField(max_length=20)),
                ("payment", fields.CharField(max_length=64)),
                ("refund", fields.CharField(null=True, max_length=64)),
                ("billed", fields.BigIntField()),
                ("held", fields.BigIntField()),
                ("settled_by", fields.CharField(null=True, max_length=80)),
                ("settled_ms", fields.BigIntField(null=True)),
                ("words", fields.CharField(null=True, max_length=200)),
            ],
        ),
    ]
