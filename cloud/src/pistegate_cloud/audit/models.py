# SPDX-License-Identifier: Apache-2.0
"""Table of what was done by whom."""

from typing import Any

from tortoise import fields
from tortoise.models import Model

from pistegate_cloud.sites.models import Site


class AuditEntry(Model):
    """One deed. `site` is null for what concerns no single one. Triggers refuse any change.

    `caller`: key of who did it, `actor`: their name then. `subject` such as "order:UUID"; `before`, `after`: what
    changed, without secrets and without personal data.
    """

    id = fields.BigIntField(primary_key=True)
    at_ms = fields.BigIntField(db_index=True)
    site: fields.ForeignKeyNullableRelation[Site] = fields.ForeignKeyField(
        "cloud.Site", on_delete=fields.RESTRICT, null=True, db_index=True
    )
    site_id: int | None
    caller = fields.CharField(max_length=80)
    actor = fields.CharField(max_length=80)
    action = fields.CharField(max_length=60)
    subject = fields.CharField(max_length=120)
    before = fields.JSONField[Any](null=True)
    after = fields.JSONField[Any](null=True)

    class Meta:
        """Table."""

        table = "audit_entry"
        indexes = (("subject",), ("caller", "at_ms"))


class KeptReply(Model):
    """The answer to a request with an Idempotency-Key, given again when the same caller repeats it."""

    id = fields.BigIntField(primary_key=True)
    caller = fields.CharField(max_length=80)
    operation = fields.CharField(max_length=80)
    key = fields.CharField(max_length=80)
    request_digest = fields.CharField(max_length=64)
    answer = fields.JSONField[dict[str, Any]]()
    at_ms = fields.BigIntField()

    class Meta:
        """Table."""

        table = "kept_reply"
        unique_together = (("caller", "operation", "key"),)
