# SPDX-License-Identifier: Apache-2.0
"""Tables of cards and of everything that was done to them."""

from typing import Any

from tortoise import fields
from tortoise.models import Model

from pistegate_cloud.sites.models import Site
from pistegate_cloud.tickets.models import Ticket


class Card(Model):
    """One card of a group; `site` is where it came in. `uid` and `claim` in hex; `status`: see states.CARD.

    `key_set`: the set that was last seen to be active on it. `ticket`, `revision`, `claim`: what was last written to it
    for certain; None: nothing. `origin`: "vendor", "transport" or "blank", how it became ours.
    """

    id = fields.BigIntField(primary_key=True)
    site: fields.ForeignKeyRelation[Site] = fields.ForeignKeyField("cloud.Site", on_delete=fields.RESTRICT)
    site_id: int
    group_number = fields.IntField()
    uid = fields.CharField(max_length=20, unique=True)
    status = fields.CharField(max_length=20)
    key_set = fields.SmallIntField(default=0)
    origin = fields.CharField(max_length=20)
    ticket: fields.ForeignKeyNullableRelation[Ticket] = fields.ForeignKeyField(
        "cloud.Ticket", on_delete=fields.RESTRICT, null=True, db_index=True
    )
    ticket_id: int | None
    revision = fields.SmallIntField(null=True)
    claim = fields.CharField(max_length=16, null=True)
    created_ms = fields.BigIntField()
    changed_ms = fields.BigIntField()

    class Meta:
        """Table."""

        table = "card"
        indexes = (("site_id", "status"), ("group_number", "status"))


class CardChange(Model):
    """Audit: `event` brought the card to `status`. `actor`: name of the caller's token, or "system".

    `counter`: the card's transaction counter after it, where the card proved it. `site`: where it happened.
    """

    id = fields.BigIntField(primary_key=True)
    site: fields.ForeignKeyRelation[Site] = fields.ForeignKeyField("cloud.Site", on_delete=fields.RESTRICT)
    site_id: int
    card: fields.ForeignKeyRelation[Card] = fields.ForeignKeyField(
        "cloud.Card", on_delete=fields.RESTRICT, db_index=True
    )
    card_id: int
    event = fields.CharField(max_length=20)
    status = fields.CharField(max_length=20)
    ticket = fields.BigIntField(null=True)
    revision = fields.SmallIntField(null=True)
    encoder = fields.IntField(null=True)
    actor = fields.CharField(max_length=80)
    counter = fields.BigIntField(null=True)
    values = fields.JSONField[dict[str, Any]](default=dict)
    at_ms = fields.BigIntField()

    class Meta:
        """Table."""

        table = "card_change"
        indexes = (("site_id", "at_ms"),)


class CardWipe(Model):
    """A wipe: kept before it is sent, so that the card's money moves to the guest once. done_ms None: not confirmed.

    `purse`, `loaded`, `spent`: minor units as read before it (wallet.py); `counter`: the card's transaction counter
    after it.
    """

    id = fields.BigIntField(primary_key=True)
    site: fields.ForeignKeyRelation[Site] = fields.ForeignKeyField(
        "cloud.Site", on_delete=fields.RESTRICT, db_index=True
    )
    site_id: int
    card: fields.ForeignKeyRelation[Card] = fields.ForeignKeyField(
        "cloud.Card", on_delete=fields.RESTRICT, db_index=True
    )
    card_id: int
    encoder = fields.IntField()
    purse = fields.BigIntField()
    loaded = fields.BigIntField()
    spent = fields.BigIntField()
    currency = fields.CharField(max_length=3, null=True)
    counter = fields.BigIntField(null=True)
    actor = fields.CharField(max_length=80)
    sent_ms = fields.BigIntField()
    done_ms = fields.BigIntField(null=True)

    class Meta:
        """Table."""

        table = "card_wipe"


class CardLoss(Model):
    """A card reported lost; `state`: "open", "found" (before it was replaced) or "replaced".

    `found_by`: what the guest had in hand to name it (payment, phone, order, ticket, rental, card).
    """

    id = fields.BigIntField(primary_key=True)
    site: fields.ForeignKeyRelation[Site] = fields.ForeignKeyField(
        "cloud.Site", on_delete=fields.RESTRICT, db_index=True
    )
    site_id: int
    card: fields.ForeignKeyRelation[Card] = fields.ForeignKeyField(
        "cloud.Card", related_name="losses", on_delete=fields.RESTRICT, db_index=True
    )
    card_id: int
    ticket = fields.BigIntField(null=True)
    state = fields.CharField(max_length=10)
    reason = fields.CharField(max_length=200)
    found_by = fields.CharField(max_length=20)
    actor = fields.CharField(max_length=80)
    at_ms = fields.BigIntField()
    replaced_by: fields.ForeignKeyNullableRelation[Card] = fields.ForeignKeyField(
        "cloud.Card", related_name="replacing", on_delete=fields.RESTRICT, null=True, db_index=True
    )
    replaced_by_id: int | None
    closed_by = fields.CharField(max_length=80, null=True)
    closed_ms = fields.BigIntField(null=True)

    class Meta:
        """Table."""

        table = "card_loss"
