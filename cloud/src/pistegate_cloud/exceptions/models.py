# SPDX-License-Identifier: Apache-2.0
"""Table of what a person must look at."""

from typing import Any

from tortoise import fields
from tortoise.models import Model


class ExceptionCase(Model):
    """One thing found; found again it counts `times` up. Sentences: texts exception.KIND, filled with `values`."""

    id = fields.BigIntField(primary_key=True)
    site = fields.IntField(null=True)
    kind = fields.CharField(max_length=40)
    key = fields.CharField(max_length=160)
    gate = fields.IntField(null=True)
    ticket = fields.BigIntField(null=True)
    values = fields.JSONField[dict[str, Any]]()
    first_ms = fields.BigIntField()
    last_ms = fields.BigIntField()
    times = fields.BigIntField(default=1)

    class Meta:
        """Table."""

        table = "exception_case"
        unique_together = (("kind", "key"),)
        indexes = (("site", "gate"),)
