# SPDX-License-Identifier: Apache-2.0
"""Tables of what gates reported, filled by the applier alone."""

from tortoise import fields
from tortoise.models import Model

from pistegate_cloud.sites.models import Site


class Admission(Model):
    """Permission for `n` persons and how it ended. Names and media in hex; day and hour in site zone.

    Post and area are the gate's at the time of applying, so that moving a gate later rewrites no history.
    `post` 0: a device that stands at none. `exit`: out of the area; `overtime`: admitted after its time. `state`: see
    states.ADMISSION; `settled`: None, "charged" or "void"; `settled_by`: "gate", "cloud" (the card's next admission),
    "card" (its records) or "proof" (its counters).
    """

    id = fields.BigIntField(primary_key=True)
    site: fields.ForeignKeyRelation[Site] = fields.ForeignKeyField("cloud.Site", on_delete=fields.RESTRICT)
    site_id: int
    gate = fields.IntField()
    post = fields.IntField()
    area = fields.SmallIntField()
    epoch = fields.BigIntField()
    seq = fields.BigIntField()
    name = fields.CharField(max_length=16)
    ticket = fields.BigIntField()
    medium = fields.CharField(max_length=34)
    claim = fields.CharField(max_length=16)
    n = fields.SmallIntField()
    charged = fields.SmallIntField()
    prev = fields.CharField(max_length=16)
    reoffer_of = fields.CharField(max_length=16, null=True)
    at_ms = fields.BigIntField()
    day = fields.DateField()
    hour = fields.SmallIntField()
    state = fields.CharField(max_length=20)
    passed = fields.SmallIntField(default=0)
    unknown = fields.SmallIntField(default=0)
    ended_ms = fields.BigIntField(null=True)
    settled = fields.CharField(max_length=10, null=True)
    settled_by = fields.CharField(max_length=10, null=True)
    exit = fields.BooleanField(default=False, db_default=False)
    overtime = fields.BooleanField(default=False, db_default=False)

    class Meta:
        """Table."""

        table = "admission"
        unique_together = (("site", "gate", "epoch", "seq"),)
        indexes = (("ticket", "at_ms"), ("state", "ticket"), ("medium", "prev"), ("site_id", "day"))


class Override(Model):
    """A lane in an attendant's hands: that it began, or one person more who was counted through without a ticket.

    `number`: which override of the gate's epoch. `kind`: events.OverrideKind in lower case. `medium` in hex, `ticket`:
    the staff card; both None for the key switch.
    """

    id = fields.BigIntField(primary_key=True)
    site: fields.ForeignKeyRelation[Site] = fields.ForeignKeyField("cloud.Site", on_delete=fields.RESTRICT)
    site_id: int
    gate = fields.IntField()
    post = fields.IntField()
    epoch = fields.BigIntField()
    seq = fields.BigIntField()
    number = fields.BigIntField()
    kind = fields.CharField(max_length=10)
    entries = fields.SmallIntField()
    exits = fields.SmallIntField()
    medium = fields.CharField(max_length=34, null=True)
    ticket = fields.BigIntField(null=True)
    why = fields.CharField(max_length=200)
    at_ms = fields.BigIntField()
    day = fields.DateField()

    class Meta:
        """Table."""

        table = "lane_override"
        unique_together = (("site", "gate", "epoch", "seq"),)
        indexes = (("site_id", "day"),)


class Refusal(Model):
    """A medium refused `times` times for one reason."""

    id = fields.BigIntField(primary_key=True)
    site: fields.ForeignKeyRelation[Site] = fields.ForeignKeyField("cloud.Site", on_delete=fields.RESTRICT)
    site_id: int
    gate = fields.IntField()
    post = fields.IntField()
    epoch = fields.BigIntField()
    seq = fields.BigIntField()
    reason = fields.CharField(max_length=200)
    medium = fields.CharField(max_length=34, null=True)
    ticket = fields.BigIntField(null=True)
    times = fields.BigIntField()
    at_ms = fields.BigIntField()
    day = fields.DateField()

    class Meta:
        """Table."""

        table = "refusal"
        unique_together = (("site", "gate", "epoch", "seq"),)
        indexes = (("site_id", "day"),)


class Incident(Model):
    """Something an operator should know of a gate; `code` "notes_dropped" tells dropped notes."""

    id = fields.BigIntField(primary_key=True)
    site: fields.ForeignKeyRelation[Site] = fields.ForeignKeyField("cloud.Site", on_delete=fields.RESTRICT)
    site_id: int
    gate = fields.IntField()
    epoch = fields.BigIntField()
    seq = fields.BigIntField()
    code = fields.CharField(max_length=200)
    detail = fields.CharField(max_length=200)
    times = fields.BigIntField()
    at_ms = fields.BigIntField()
    day = fields.DateField()

    class Meta:
        """Table."""

        table = "incident"
        unique_together = (("site", "gate", "epoch", "seq"),)
        indexes = (("site_id", "day"),)
