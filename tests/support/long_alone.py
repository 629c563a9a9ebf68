# SPDX-License-Identifier: Apache-2.0
"""A gate's journal as it is after days alone: guests let through, cards confirmed, nothing acknowledged."""

from itertools import count
from pathlib import Path
from random import Random

from pistegate_edge.clock import Clock
from pistegate_edge.core.actions import RecordAdmission, RecordOutcome
from pistegate_edge.journal.journal import Journal
from pistegate_protocol.events import Admitted, Outcome, OutcomeKind, Stream
from pistegate_protocol.usage import Usage, encode_counters

RIDE_MS = 15_000  # between guests; a lane at a lift passes four a minute all day
CARDS = 400


def fill(directory: Path, site: int, gate: int, events: int, seed: int = 1) -> None:
    """About `events` events in the ledger: admissions of cards, each with its outcome and the card's proof."""
    random, clock = Random(seed), Clock()
    begun = clock.wall_ms() - events // 2 * RIDE_MS
    directory.mkdir(parents=True, exist_ok=True)
    with Journal(directory, site, gate, 262_144, clock, random.getrandbits(32), "filled") as journal:
        journal._db.execute("PRAGMA synchronous = OFF")  # only for filling it: nobody opens a lane
        rides = dict.fromkeys(range(CARDS), 0)
        named = dict.fromkeys(range(CARDS), bytes(8))
        for ride in count():
            if journal.last_seq(Stream.LEDGER) >= events:
                break
            card, at = random.randrange(CARDS), begun + ride * RIDE_MS
            seq, name = journal.admit(RecordAdmission(_admitted(random, card, rides[card], named[card], at), 1))
            rides[card], named[card] = rides[card] + 1, name
            proof = rides[card], random.randbytes(8)
            event = Outcome(at + 2_500, journal.epoch, seq, OutcomeKind.PASSED, 1, proof=proof)
            journal.outcome(RecordOutcome(event))


def _admitted(random: Random, card: int, rides: int, prev: bytes, at: int) -> Admitted:
    ticket = (0xA5A5A5000000 + card * 7919) & 0xFFFFFFFFFFFF
    claim = Random(card).randbytes(8)
    before, after = (encode_counters(Usage(claim=claim, used_total=used)) for used in (rides, rides + 1))
    return Admitted(
        at=at,
        ticket=ticket,
        medium=b"\x01\x04" + Random(-card).randbytes(6),
        claim=claim,
        n=1,
        charged=1,
        counters=after,
        prev=prev,
        before=before,
    )
