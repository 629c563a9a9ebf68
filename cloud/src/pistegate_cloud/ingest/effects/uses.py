# SPDX-License-Identifier: Apache-2.0
"""Card uses of one chunk of a till's ledger: begun, ended, settled; money and equipment follow from what happened."""

from pistegate_cloud.clock import local_day
from pistegate_cloud.ingest.effects.base import Found, Place, Ref, clean, inapplicable
from pistegate_cloud.proofs.service import uid_of
from pistegate_cloud.rentals.service import moved_bits, since_of
from pistegate_cloud.states import USE
from pistegate_cloud.wallets import queries, uses
from pistegate_cloud.wallets.models import CardUse as Row
from pistegate_protocol.errors import CodecError
from pistegate_protocol.events import CardUse, CardUseEnded, Settled, UseKind, UseResult, admission_name
from pistegate_protocol.wallet import load_of


class Uses:
    """New uses, and stored ones that this chunk is about."""

    def __init__(self, place: Place, epoch: int, found: list[Found]) -> None:
        self._place = place
        self._epoch = epoch
        self._found = found
        self.new: dict[Ref, Row] = {}
        self.old: dict[Ref, Row] = {}
        self.changed: dict[int, Row] = {}

    async def load(self, refs: set[Ref]) -> None:
        """Find the stored uses among `refs`."""
        self.old |= await queries.referred(self._place.site, self._place.gate, refs)

    def find(self, ref: Ref) -> Row | None:
        """The use, marked as changed if it is a stored one."""
        row = self.new.get(ref) or self.old.get(ref)
        if row is not None and ref in self.old:
            self.changed[row.id] = row
        return row

    def begin(self, seq: int, event: CardUse) -> bool:
        """A use; False (and found inapplicable) when it is none of a card, or its time is absurd."""
        place, uid = self._place, uid_of(event.medium)
        try:
            day = local_day(event.at, place.zone)
        except (ValueError, OverflowError, OSError):
            self._found.append(inapplicable(seq, f"time {event.at} ms"))
            return False
        if not uid:
            self._found.append(inapplicable(seq, f"a use of {event.medium.hex()}, which is no card of ours"))
            return False
        number, total = self._statement(seq, event)
        row = Row(
            site_id=place.site,
            gate=place.gate,
            epoch=self._epoch,
            seq=seq,
            name=admission_name(place.gate, self._epoch, seq).hex(),
            kind=UseKind(event.kind).name.lower(),
            uid=uid,
            ticket=event.ticket,
            purse=event.purse,
            loads=event.loads,
            currency=clean(event.currency),
            purse_before=event.purse_before,
            spent_before=event.spent_before,
            rental=event.rental.hex(),
            kinds=moved_bits(event.item) if event.rental else 0,
            statement=number,
            total=total,
            item=clean(event.item),
            operator=clean(event.operator),
            at_ms=event.at,
            day=day,
            state="open",
        )
        self.new[self._epoch, seq] = row
        self._check_rental(seq, row)
        return True

    def _statement(self, seq: int, event: CardUse) -> tuple[int, int]:
        """Number and total of the load statement written; 0 for none."""
        if not event.statement:
            return 0, 0
        try:
            statement = load_of(event.statement)
        except CodecError as error:
            self._found.append(inapplicable(seq, str(error)[:100]))
            return 0, 0
        return statement.number, statement.loaded

    def _check_rental(self, seq: int, row: Row) -> None:
        if row.kind not in uses.RENTALS:
            return
        try:
            readable = bool(row.kinds and since_of(row))
        except CodecError:
            readable = False
        if not readable:
            self._found.append(inapplicable(seq, f"a rental that names no equipment: {row.item[:60]}"))

    def end(self, row: Row, seq: int, event: CardUseEnded) -> None:
        """How a use ended."""
        result = UseResult(event.result).name.lower()
        if result not in USE.moves[row.state]:
            problem = f"second end of card use {event.epoch}/{event.seq}: {row.state}, then {result}"
            self._found.append(inapplicable(seq, problem))
            return
        row.state, row.ended_ms = USE.after(row.state, result), event.at
        if event.proof is not None:
            row.counter = event.proof[0]
        elif event.result is UseResult.DONE:
            self._found.append(Found("proof_lacking", seq, {"uid": row.uid, "ticket": row.ticket}, row.ticket or None))

    def settle(self, row: Row, seq: int, event: Settled) -> None:
        """What a card told when it came back to its till."""
        told = "charged" if event.charged else "void"
        if row.settled not in (None, told) and row.settled_by == "till":
            problem = f"card use {event.epoch}/{event.seq} settled as {row.settled}, then as {told}"
            self._found.append(inapplicable(seq, problem))
            return
        row.settled, row.settled_by = told, "till"

    @property
    def uids(self) -> set[str]:
        """Cards that this chunk's uses are of."""
        return {row.uid for row in [*self.new.values(), *self.changed.values()]}

    @property
    def torn(self) -> set[str]:
        """Those of which a use is in doubt since this chunk."""
        return {row.uid for row in [*self.new.values(), *self.changed.values()] if row.state in uses.IN_DOUBT}

    async def save(self, now_ms: int) -> None:
        """Store them, and do what follows from those that happened; the cards' locks are held."""
        await queries.save_uses(list(self.new.values()), list(self.changed.values()))
        stored = await queries.referred(
            self._place.site, self._place.gate, {(r.epoch, r.seq) for r in self.new.values()}
        )
        for row in [*stored.values(), *self.changed.values()]:
            if uses.is_charged(row):
                await uses.happened(row, now_ms)
            elif row.settled == "void":
                await uses.did_not_happen(row, now_ms)
