# SPDX-License-Identifier: Apache-2.0
"""Table of bearer tokens."""

from tortoise import fields
from tortoise.models import Model


class ApiToken(Model):
    """A token prefix_secret; only the SHA-256 of the whole is kept. `sites`: where it holds; null: everywhere."""

    id = fields.BigIntField(primary_key=True)
    prefix = fields.CharField(max_length=20, unique=True)
    digest = fields.CharField(max_length=64)
    name = fields.CharField(max_length=80)
    scopes = fields.JSONField[list[str]]()
    sites = fields.JSONField[list[int]](null=True)
    created_ms = fields.BigIntField()
    expires_ms = fields.BigIntField(null=True)
    last_used_ms = fields.BigIntField(null=True)

    class Meta:
        """Table."""

        table = "api_token"
