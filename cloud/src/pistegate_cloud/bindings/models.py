# SPDX-License-Identifier: Apache-2.0
"""Tables of bindings, of who looked at them, and of what each site's gates are told.

docs/privacy.md says how long each personal column is kept.
"""

from tortoise import fields
from tortoise.models import Model

from pistegate_cloud.sites.models import Site
from pistegate_cloud.tickets.models import Ticket


class Binding(Model):
    """A ticket bound to a document. Personal are `stretched` (hex), `last4` and `sealed`: None once they are erased.

    `salt`: which salt it was stretched with (numbers.salt_name). `sealed`: the number, encrypted; None where the
    operator keeps none. `told`: revision of the claim that the gates have; None: they have none.
    """

    id = fields.BigIntField(primary_key=True)
    site: fields.ForeignKeyRelation[Site] = fields.ForeignKeyField("cloud.Site", on_delete=fields.RESTRICT)
    site_id: int
    ticket: fields.ForeignKeyRelation[Ticket] = fields.ForeignKeyField(
        "cloud.Ticket", on_delete=fields.RESTRICT, db_index=True
    )
    ticket_id: int
    kind = fields.SmallIntField()
    stretched = fields.CharField(max_length=64, null=True)
    salt = fields.CharField(max_length=8)
    last4 = fields.CharField(max_length=4, null=True)
    sealed = fields.BinaryField(null=True)
    entered = fields.CharField(max_length=10)
    actor = fields.CharField(max_length=80)
    created_ms = fields.BigIntField()
    told = fields.SmallIntField(null=True)
    withdrawn_ms = fields.BigIntField(null=True)
    withdrawn_by = fields.CharField(max_length=80, null=True)
    reason = fields.CharField(max_length=200, null=True)
    erased_ms = fields.BigIntField(null=True)

    class Meta:
        """Table."""

        table = "binding"
        indexes = (("stretched",), ("site_id", "erased_ms"))


class BindingLook(Model):
    """Somebody bound, withdrew, searched for or saw a number. Never the number itself."""

    id = fields.BigIntField(primary_key=True)
    site: fields.ForeignKeyRelation[Site] = fields.ForeignKeyField("cloud.Site", on_delete=fields.RESTRICT)
    site_id: int
    binding: fields.ForeignKeyNullableRelation[Binding] = fields.ForeignKeyField(
        "cloud.Binding", on_delete=fields.RESTRICT, null=True, db_index=True
    )
    binding_id: int | None
    action = fields.CharField(max_length=10)
    actor = fields.CharField(max_length=80)
    detail = fields.CharField(max_length=200)
    at_ms = fields.BigIntField()

    class Meta:
        """Table."""

        table = "binding_look"
        indexes = (("site_id", "at_ms"),)


class TableEntry(Model):
    """An entry of a site's table as of `version`; `value` None: it was taken away then. `key` in hex."""

    id = fields.BigIntField(primary_key=True)
    site: fields.ForeignKeyRelation[Site] = fields.ForeignKeyField("cloud.Site", on_delete=fields.RESTRICT)
    site_id: int
    name = fields.CharField(max_length=20)
    key = fields.CharField(max_length=28)
    value = fields.BinaryField(null=True)
    version = fields.IntField()
    changed_ms = fields.BigIntField()

    class Meta:
        """Table."""

        table = "table_entry"
        unique_together = (("site", "name", "key"),)
        indexes = (("site_id", "name", "version"),)


class TableState(Model):
    """Where a site's table stands. `oldest`: the version since which deltas can be told; `keys`: of its handles.

    `source`: version of the deny list that denials were taken from (bindings: 0). `issued_ms`: of `version`;
    `checked_ms`: when it was last compared with what it should be. `filling`: it was emptied for new keys, and is not
    offered before everything is in it again.
    """

    id = fields.BigIntField(primary_key=True)
    site: fields.ForeignKeyRelation[Site] = fields.ForeignKeyField("cloud.Site", on_delete=fields.RESTRICT)
    site_id: int
    name = fields.CharField(max_length=20)
    version = fields.IntField()
    oldest = fields.IntField()
    keys = fields.IntField()
    source = fields.IntField()
    issued_ms = fields.BigIntField()
    checked_ms = fields.BigIntField()
    filling = fields.BooleanField()

    class Meta:
        """Table."""

        table = "table_state"
        unique_together = (("site", "name"),)


class TableFile(Model):
    """A whole table as it was signed, kept so that slow lines can fetch it: `head` with all before the body."""

    id = fields.BigIntField(primary_key=True)
    site: fields.ForeignKeyRelation[Site] = fields.ForeignKeyField("cloud.Site", on_delete=fields.RESTRICT)
    site_id: int
    name = fields.CharField(max_length=20)
    version = fields.IntField()
    keys = fields.IntField()
    head = fields.BinaryField()
    size = fields.IntField()
    made_ms = fields.BigIntField()

    class Meta:
        """Table."""

        table = "table_file"
        unique_together = (("site", "name", "version"),)


class TableChunk(Model):
    """A piece of a whole table's body (tables.CHUNK)."""

    id = fields.BigIntField(primary_key=True)
    site: fields.ForeignKeyRelation[Site] = fields.ForeignKeyField(
        "cloud.Site", on_delete=fields.RESTRICT, db_index=True
    )
    site_id: int
    file: fields.ForeignKeyRelation[TableFile] = fields.ForeignKeyField("cloud.TableFile", on_delete=fields.RESTRICT)
    file_id: int
    number = fields.IntField()
    data = fields.BinaryField()

    class Meta:
        """Table."""

        table = "table_chunk"
        unique_together = (("file", "number"),)
