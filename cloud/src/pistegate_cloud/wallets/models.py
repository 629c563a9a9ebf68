# SPDX-License-Identifier: Apache-2.0
"""Tables of wallets: accounts, the books of each card, what tills did with cards, loads, movements."""

from uuid import UUID

from tortoise import fields
from tortoise.models import Model

from pistegate_cloud.ledger.models import LedgerTransaction
from pistegate_cloud.sites.models import Site


class WalletTerms(Model):
    """What a site offers: the offline cap, minor units of `currency`, is the most that the cloud puts on one card."""

    id = fields.BigIntField(primary_key=True)
    site: fields.ForeignKeyRelation[Site] = fields.ForeignKeyField("cloud.Site", on_delete=fields.RESTRICT)
    site_id: int
    currency = fields.CharField(max_length=3)
    offline_cap = fields.BigIntField()
    changed_ms = fields.BigIntField()

    class Meta:
        """Table."""

        table = "wallet_terms"
        unique_together = (("site", "currency"),)


class Wallet(Model):
    """A holder's money. `account`: what is in the cloud, minor units; below 0 after a late debit of a closed card."""

    id = fields.BigIntField(primary_key=True)
    site: fields.ForeignKeyRelation[Site] = fields.ForeignKeyField(
        "cloud.Site", on_delete=fields.RESTRICT, db_index=True
    )
    site_id: int
    group_number = fields.IntField()
    currency = fields.CharField(max_length=3)
    holder = fields.CharField(max_length=80, null=True)
    phone = fields.CharField(max_length=20, null=True)
    account = fields.BigIntField(default=0)
    created_ms = fields.BigIntField()

    class Meta:
        """Table."""

        table = "wallet"
        indexes = (("phone",),)


class WalletCard(Model):
    """The books of one turn of a card: from being tied to a wallet to its wipe or loss. Minor units; `uid` in hex.

    On the card: credited - purse_debited + (loaded - loaded_before) - loads_debited - taken. `credited`: by relay into
    the purse; `loaded`: total of the newest load statement ever signed for this UID, `loaded_before` that of the turns
    before, `load_number` its number, `written_number` the highest known to be on the card; `purse_debited`,
    `loads_debited`: by tills; `taken`: moved to the account when the turn ended. `wallet` None: nobody's yet; its
    debits are in suspense. `until_ms`, `until_counter`: when the turn ended, and the card's transaction counter then;
    what it still spends afterwards is taken from the wallet's account.
    """

    id = fields.BigIntField(primary_key=True)
    site: fields.ForeignKeyRelation[Site] = fields.ForeignKeyField(
        "cloud.Site", on_delete=fields.RESTRICT, db_index=True
    )
    site_id: int
    wallet: fields.ForeignKeyNullableRelation[Wallet] = fields.ForeignKeyField(
        "cloud.Wallet", on_delete=fields.RESTRICT, null=True, db_index=True
    )
    wallet_id: int | None
    uid = fields.CharField(max_length=20)
    turn = fields.IntField(default=1)
    currency = fields.CharField(max_length=3)
    credited = fields.BigIntField(default=0)
    loaded = fields.BigIntField(default=0)
    loaded_before = fields.BigIntField(default=0)
    load_number = fields.IntField(default=0)
    written_number = fields.IntField(default=0)
    purse_debited = fields.BigIntField(default=0)
    loads_debited = fields.BigIntField(default=0)
    taken = fields.BigIntField(default=0)
    from_ms = fields.BigIntField()
    until_ms = fields.BigIntField(null=True)
    until_counter = fields.BigIntField(null=True)

    class Meta:
        """Table."""

        table = "wallet_card"
        unique_together = (("uid", "turn"),)


class CardUse(Model):
    """What a till did with a card, as its events tell. Names, UIDs and files in hex; day in site zone.

    `kind`: events.UseKind in lower case. `kinds`: rental kinds that moved, as bits. `statement`: number of the load
    statement written, `total` what it says. `state`: see states.USE; `settled`: None, "charged" or "void";
    `settled_by`: "till", "card" (its records) or "proof" (its counters). `posted`: its money is in the ledger.
    `card`: whose books it is in, once posted. `counter`: as the card proved it.
    """

    id = fields.BigIntField(primary_key=True)
    site: fields.ForeignKeyRelation[Site] = fields.ForeignKeyField("cloud.Site", on_delete=fields.RESTRICT)
    site_id: int
    gate = fields.IntField()
    epoch = fields.BigIntField()
    seq = fields.BigIntField()
    name = fields.CharField(max_length=16)
    kind = fields.CharField(max_length=20)
    uid = fields.CharField(max_length=20)
    ticket = fields.BigIntField()
    purse = fields.BigIntField()
    loads = fields.BigIntField()
    currency = fields.CharField(max_length=3)
    purse_before = fields.BigIntField()
    spent_before = fields.BigIntField()
    rental = fields.CharField(max_length=32)
    kinds = fields.IntField()
    statement = fields.IntField()
    total = fields.BigIntField()
    item = fields.CharField(max_length=200)
    operator = fields.CharField(max_length=200)
    at_ms = fields.BigIntField()
    day = fields.DateField()
    state = fields.CharField(max_length=20)
    ended_ms = fields.BigIntField(null=True)
    settled = fields.CharField(max_length=10, null=True)
    settled_by = fields.CharField(max_length=10, null=True)
    counter = fields.BigIntField(null=True)
    posted = fields.BooleanField(default=False)
    card: fields.ForeignKeyNullableRelation[WalletCard] = fields.ForeignKeyField(
        "cloud.WalletCard", on_delete=fields.RESTRICT, null=True, db_index=True
    )
    card_id: int | None

    class Meta:
        """Table."""

        table = "card_use"
        unique_together = (("site", "gate", "epoch", "seq"),)
        indexes = (("uid",), ("site_id", "day"))


class WalletLoad(Model):
    """Money sent to a card's purse by relay: kept before it is sent. `uid`, `name` in hex.

    `counter`, `purse_before`: the card's transaction counter and purse as read just before; they settle what was not
    confirmed. `state`: see states.LOAD. `proved`: the counter after it. `request`: the caller's Idempotency-Key.
    """

    id = fields.BigIntField(primary_key=True)
    site: fields.ForeignKeyRelation[Site] = fields.ForeignKeyField(
        "cloud.Site", on_delete=fields.RESTRICT, db_index=True
    )
    site_id: int
    wallet: fields.ForeignKeyRelation[Wallet] = fields.ForeignKeyField(
        "cloud.Wallet", on_delete=fields.RESTRICT, db_index=True
    )
    wallet_id: int
    uid = fields.CharField(max_length=20)
    name = fields.CharField(max_length=16)
    amount = fields.BigIntField()
    currency = fields.CharField(max_length=3)
    device = fields.CharField(max_length=20)
    counter = fields.BigIntField()
    purse_before = fields.BigIntField()
    request = fields.CharField(max_length=80, null=True)
    state = fields.CharField(max_length=10)
    proved = fields.BigIntField(null=True)
    actor = fields.CharField(max_length=80)
    sent_ms = fields.BigIntField()
    ended_ms = fields.BigIntField(null=True)

    class Meta:
        """Table."""

        table = "wallet_load"
        indexes = (("uid", "state"),)


class WalletMovement(Model):
    """One movement of a wallet's money: what it added to account, way, card and suspense (minor units).

    `kind` as in ledger.service.EVENTS, `amount` with its sign (negative: a reversal), `transaction`: its posting.
    Append-only; together they are the wallet.
    """

    id = fields.BigIntField(primary_key=True)
    site: fields.ForeignKeyRelation[Site] = fields.ForeignKeyField("cloud.Site", on_delete=fields.RESTRICT)
    site_id: int
    wallet: fields.ForeignKeyNullableRelation[Wallet] = fields.ForeignKeyField(
        "cloud.Wallet", on_delete=fields.RESTRICT, null=True, db_index=True
    )
    wallet_id: int | None
    uid = fields.CharField(max_length=20, null=True)
    kind = fields.CharField(max_length=40)
    amount = fields.BigIntField()
    account = fields.BigIntField(default=0)
    underway = fields.BigIntField(default=0)
    card = fields.BigIntField(default=0)
    suspense = fields.BigIntField(default=0)
    currency = fields.CharField(max_length=3)
    use: fields.ForeignKeyNullableRelation[CardUse] = fields.ForeignKeyField(
        "cloud.CardUse", on_delete=fields.RESTRICT, null=True, db_index=True
    )
    use_id: int | None
    load: fields.ForeignKeyNullableRelation[WalletLoad] = fields.ForeignKeyField(
        "cloud.WalletLoad", on_delete=fields.RESTRICT, null=True, db_index=True
    )
    load_id: int | None
    transaction: fields.ForeignKeyRelation[LedgerTransaction] = fields.ForeignKeyField(
        "cloud.LedgerTransaction", on_delete=fields.RESTRICT, db_index=True
    )
    transaction_id: UUID
    actor = fields.CharField(max_length=80)
    at_ms = fields.BigIntField()

    class Meta:
        """Table."""

        table = "wallet_movement"
        indexes = (("site_id", "at_ms"), ("uid",))
