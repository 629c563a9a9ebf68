# SPDX-License-Identifier: Apache-2.0
"""A ticket that walks: each presentation decides, and an admission is written back as a card would keep it."""

from dataclasses import replace
from datetime import datetime
from typing import Any

from protocol_cases import a_gate, a_usage

from pistegate_protocol.claims import Claim
from pistegate_protocol.decide import Admit, Decision, GateProfile, Knowledge, Owed, Refuse, decide
from pistegate_protocol.reasons import Reason
from pistegate_protocol.usage import Usage, decode_usage, encode_usage


class Card:
    """A claim and its usage, and what the gates know of it (`knows` changes that)."""

    def __init__(self, claim: Claim, gate: GateProfile | None = None, usage: Usage | None = None) -> None:
        self.claim = claim
        self.gate = gate or a_gate()
        self.usage = usage or a_usage()
        self.knowledge = Knowledge()
        self.admissions = 0

    def knows(self, **changes: Any) -> None:
        """From now on gates know this besides."""
        self.knowledge = replace(self.knowledge, **changes)

    def tap(self, at: datetime, gate: int = 1, **profile: Any) -> Decision:
        """The decision at lane `gate` (`profile`: other changes of it); an admission is written and given a name."""
        lane = replace(self.gate, gate=gate, **profile)
        decision = decide(self.claim, self.usage, lane, at, self.knowledge)
        if isinstance(decision, Admit):
            self.admissions += 1
            written = replace(decision.usage, admission=self.admissions.to_bytes(8, "big"))
            self.usage = decode_usage(encode_usage(written))
            assert self.usage == written
            self.knows(owed=None)
        return decision

    def present(self, at: datetime, gate: int = 1, **profile: Any) -> int | Reason:
        """How many are let through, or why nobody is."""
        decision = self.tap(at, gate, **profile)
        return decision.reason if isinstance(decision, Refuse) else decision.n

    def owes(self, persons: int) -> None:
        """So many of the last admission did not pass."""
        self.knows(owed=Owed(self.usage.admission, persons))
