# SPDX-License-Identifier: Apache-2.0
"""Tables of ingestion: raw events as they came, chain positions, forks, quarantine."""

from tortoise import fields
from tortoise.models import Model


class EventChain(Model):
    """One stream of one epoch of a gate: `seq` and `head` of the stored contiguous prefix, `applied_seq` of it applied.

    previous_epoch and previous_head: as its first event tells them; None when that is not known.
    """

    id = fields.BigIntField(primary_key=True)
    site = fields.IntField()
    gate = fields.IntField()
    stream = fields.SmallIntField()
    epoch = fields.BigIntField()
    seq = fields.BigIntField()
    head = fields.BinaryField()
    applied_seq = fields.BigIntField(default=0)
    previous_epoch = fields.BigIntField(null=True)
    previous_head = fields.BinaryField(null=True)
    opened_ms = fields.BigIntField()

    class Meta:
        """Table."""

        table = "event_chain"
        unique_together = (("site", "gate", "stream", "epoch"),)
        indexes = (("site", "gate", "stream", "previous_epoch"),)


class RawEvent(Model):
    """An event's payload as it came, and the chain head after it. Append-only."""

    id = fields.BigIntField(primary_key=True)
    site = fields.IntField()
    gate = fields.IntField()
    stream = fields.SmallIntField()
    epoch = fields.BigIntField()
    seq = fields.BigIntField()
    head = fields.BinaryField()
    payload = fields.BinaryField()
    received_ms = fields.BigIntField()

    class Meta:
        """Table."""

        table = "raw_event"
        unique_together = (("site", "gate", "stream", "epoch", "seq"),)


class LooseEnd(Model):
    """Event (`epoch`, `seq`) of a ledger is about (`of_epoch`, `of_seq`), which has not come: it waits here for it."""

    id = fields.BigIntField(primary_key=True)
    site = fields.IntField()
    gate = fields.IntField()
    epoch = fields.BigIntField()
    seq = fields.BigIntField()
    of_epoch = fields.BigIntField()
    of_seq = fields.BigIntField()

    class Meta:
        """Table."""

        table = "loose_end"
        unique_together = (("site", "gate", "epoch", "seq"),)


class ForkEvent(Model):
    """An event under a key that another event already has; `head` in hex tells the branches apart."""

    id = fields.BigIntField(primary_key=True)
    site = fields.IntField()
    gate = fields.IntField()
    stream = fields.SmallIntField()
    epoch = fields.BigIntField()
    seq = fields.BigIntField()
    head = fields.CharField(max_length=64)
    payload = fields.BinaryField()
    received_ms = fields.BigIntField()

    class Meta:
        """Table."""

        table = "fork_event"
        unique_together = (("site", "gate", "stream", "epoch", "seq", "head"),)


class Quarantine(Model):
    """A message nobody could take: kept once per content, unacknowledged, until a person has dealt with its cause.

    A batch whose sender was doubted is kept whole; a person may accept it.
    """

    id = fields.BigIntField(primary_key=True)
    digest = fields.CharField(max_length=64, unique=True)
    site = fields.IntField(null=True)
    topic = fields.CharField(max_length=200)
    reason = fields.CharField(max_length=40)
    payload = fields.BinaryField()
    first_ms = fields.BigIntField()
    accepted_ms = fields.BigIntField(null=True)
    accepted_by = fields.CharField(max_length=80, null=True)

    class Meta:
        """Table."""

        table = "quarantine"


class CloudState(Model):
    """One row: `generation` of this database, told in every acknowledgement; another one asks gates for replay.

    `devices` counts changes of what is known of devices, so that every process sees one at its next message.
    """

    id = fields.SmallIntField(primary_key=True, generated=False)
    generation = fields.IntField()
    devices = fields.BigIntField(default=0, db_default=0)

    class Meta:
        """Table."""

        table = "cloud_state"
