# SPDX-License-Identifier: Apache-2.0
"""Tables of blackout sets and their dates."""

from tortoise import fields
from tortoise.models import Model

from pistegate_cloud.sites.models import Site


class BlackoutSet(Model):
    """Days on which claims that name set `number` do not hold: its own dates, and those that its rule gives.

    The rule: every one of `weekdays` (0 Monday .. 6 Sunday) that is no own date of a set in `except_sets`, and every
    own date of a set in `also_sets`. `group_number`: it holds at every site of that group; None: at its site alone.
    """

    id = fields.BigIntField(primary_key=True)
    site: fields.ForeignKeyRelation[Site] = fields.ForeignKeyField("cloud.Site", on_delete=fields.RESTRICT)
    site_id: int
    group_number = fields.IntField(null=True, db_index=True)
    number = fields.SmallIntField()
    name = fields.JSONField[dict[str, str]]()
    weekdays = fields.JSONField[list[int]]()
    also_sets = fields.JSONField[list[int]]()
    except_sets = fields.JSONField[list[int]]()
    actor = fields.CharField(max_length=80)
    changed_ms = fields.BigIntField()

    class Meta:
        """Table."""

        table = "blackout_set"
        unique_together = (("site", "number"),)


class BlackoutDate(Model):
    """An own date of a set."""

    id = fields.BigIntField(primary_key=True)
    site: fields.ForeignKeyRelation[Site] = fields.ForeignKeyField(
        "cloud.Site", on_delete=fields.RESTRICT, db_index=True
    )
    site_id: int
    blackout: fields.ForeignKeyRelation[BlackoutSet] = fields.ForeignKeyField(
        "cloud.BlackoutSet", on_delete=fields.RESTRICT
    )
    blackout_id: int
    day = fields.DateField()
    note = fields.CharField(max_length=80)

    class Meta:
        """Table."""

        table = "blackout_date"
        unique_together = (("blackout", "day"),)
