# SPDX-License-Identifier: Apache-2.0
"""A ticket's season on several media: whichever is presented, the ticket gives what it gives on one.

Every gate knows what the other media used. The model of `ticket_season` knows nothing of media at all.
"""

from dataclasses import replace
from datetime import datetime
from random import Random
from typing import Any

from ticket_model import LANES
from ticket_season import Season, some_season

from pistegate_protocol.decide import Admit, Knowledge
from pistegate_protocol.elsewhere import CARD_SOURCE, Elsewhere, gate_source, merged, of_usage
from pistegate_protocol.usage import Usage

MEDIA = (CARD_SOURCE, gate_source(1), gate_source(2))


class SharedSeason(Season):
    """A season whose guests present one of the ticket's media, by chance; `shares`: gates know of the others."""

    shares = True

    def __init__(self, *values: Any, **options: Any) -> None:
        super().__init__(*values, **options)
        self.chance = Random(repr(self.claim) + str(self.at))
        self.media: dict[bytes, Usage] = dict.fromkeys(MEDIA, self.usage)
        self.shown = CARD_SOURCE

    def taps(self, lane: int, turned_back: int) -> None:
        """With one of the media."""
        self.picks()
        super().taps(lane, turned_back)

    def leaves(self, turned_back: int) -> None:
        """With one of the media; not on a later day, when nobody knows any more how many were inside."""
        self.picks()
        days = [entered.astimezone(self.zone).date() for entered in self.entries()]
        if days and max(days) == self.at.astimezone(self.zone).date():
            super().leaves(turned_back)

    def entries(self) -> list[datetime]:
        """The last entry of each medium that was used."""
        self.media[self.shown] = self.usage
        return [usage.last_entry for usage in self.media.values() if usage.last_entry is not None]

    def picks(self) -> None:
        """The medium to present; mostly the one presented before."""
        self.media[self.shown] = self.usage
        if self.chance.random() < 0.4:
            self.shown = self.chance.choice(MEDIA)
        self.usage = self.media[self.shown]

    def clear(self, lane: int) -> bool:
        """Whether the model can tell: a medium is passed back by its own last entry too, whatever came after it."""
        post, usage = LANES[lane], self.usage
        if usage.last_entry is None or LANES.get(usage.last_gate) != post or self.claim.reentry_s is None:
            return super().clear(lane)
        recently = (self.at - usage.last_entry).total_seconds() < self.claim.reentry_s
        latest = all(other.last_entry is None or other.last_entry <= usage.last_entry for other in self.media.values())
        return (latest or not recently) and super().clear(lane)

    def elsewhere(self) -> Elsewhere:
        """What all the other media that were used tell."""
        self.media[self.shown] = self.usage
        used = (of_usage(source, usage) for source, usage in self.media.items() if usage.last_entry is not None)
        return merged(*used).without(self.shown) if self.shares else Elsewhere()

    def knowledge(self, lane: int) -> Knowledge:
        """With what is known of the other media."""
        return replace(super().knowledge(lane), elsewhere=self.elsewhere())

    def is_given_back(self) -> None:
        """Not here: which medium a person is given back to, the model does not say (test_shared_returns)."""

    def agrees(self, admit: Admit) -> None:
        """All media together are what the log says."""
        self.media[self.shown] = self.usage
        model, media = self.model, self.media.values()
        assert sum(usage.used_total for usage in media) == model.used()
        assert sum(usage.days_used for usage in media) == (len(model.days) if self.claim.days else 0)
        if self.claim.bank is not None:
            assert sum(usage.bank_used for usage in media) == sum(each.drawn for each in model.sessions)


def some_shared_season(seed: int) -> Season:
    """As `some_season`, on several media."""
    return some_season(seed, kind=SharedSeason)
