# SPDX-License-Identifier: Apache-2.0
"""Tables of proofs."""

from tortoise import fields
from tortoise.models import Model

from pistegate_cloud.sites.models import Site


class CardProof(Model):
    """What a card answered to one commit, and whether that is what the device says it did. `uid`, `value` in hex.

    `kind`: "admission", "use", or what the cloud did itself (`gate` 0, `epoch` 0, `seq` the row's id there). `state`:
    "verified", "false", or "unknown" while something that the card read is not known here. `ticket` 0: none. `told_ms`:
    when it was told here.
    """

    id = fields.BigIntField(primary_key=True)
    site: fields.ForeignKeyRelation[Site] = fields.ForeignKeyField("cloud.Site", on_delete=fields.RESTRICT)
    site_id: int
    uid = fields.CharField(max_length=20)
    counter = fields.BigIntField()
    value = fields.CharField(max_length=16)
    kind = fields.CharField(max_length=20)
    gate = fields.IntField()
    epoch = fields.BigIntField()
    seq = fields.BigIntField()
    state = fields.CharField(max_length=10)
    ticket = fields.BigIntField()
    at_ms = fields.BigIntField()
    told_ms = fields.BigIntField()

    class Meta:
        """Table."""

        table = "card_proof"
        unique_together = (("site", "kind", "gate", "epoch", "seq"),)
        indexes = (("uid", "counter"),)


class CardCounter(Model):
    """How far a card's transactions are accounted for: all from `base` up to `known`; `top`: the highest one verified.

    `base`: the counter before the first that we know of. `doubts`: something of the card was torn and has not found
    its place among the counters. `waiting_ms`: cloud time of the proof that showed that one below it is missing; None
    while nothing is.
    """

    id = fields.BigIntField(primary_key=True)
    uid = fields.CharField(max_length=20, unique=True)
    site: fields.ForeignKeyRelation[Site] = fields.ForeignKeyField("cloud.Site", on_delete=fields.RESTRICT)
    site_id: int
    group_number = fields.IntField()
    base = fields.BigIntField(default=0)
    known = fields.BigIntField(default=0)
    top = fields.BigIntField(default=0)
    doubts = fields.BooleanField(default=False)
    waiting_ms = fields.BigIntField(null=True)

    class Meta:
        """Table."""

        table = "card_counter"
        indexes = (("waiting_ms", "group_number"), ("site_id",))
