# SPDX-License-Identifier: Apache-2.0
"""A price list with its parts by code, ready to be asked: pure."""

from dataclasses import dataclass
from typing import Final
from uuid import UUID

from pistegate_cloud.pricing.choice import Prices
from pistegate_cloud.pricing.lists import Content, Deposit, HolderClass, Offer, Policy, Tiers


@dataclass(frozen=True, slots=True)
class Loaded:
    """A list with its parts by code; without an id: a site that has none, whose products have their own prices."""

    id: UUID | None
    version: int
    content: Content
    prices: Prices
    offers: dict[int, Offer]
    holders: dict[str, HolderClass]
    deposits: dict[str, Deposit]
    overtime: dict[str, Tiers]
    policies: dict[str, Policy]

    def also(self, numbers: set[int]) -> set[int]:
        """These products and those that they are made of or that a refund of them asks for."""
        found, more = set(numbers), set(numbers)
        while more:
            offers = [self.offers[number] for number in more if number in self.offers]
            named = {part.product for offer in offers for part in offer.parts}
            policies = [self.policies[offer.policy] for offer in offers if offer.policy in self.policies]
            named |= {rung.product for policy in policies for rung in policy.ladder}
            more = named - found
            found |= more
        return found


def loaded(content: Content, list_id: UUID | None = None, version: int = 0) -> Loaded:
    """Ready to be asked."""
    return Loaded(
        list_id,
        version,
        content,
        Prices(content),
        {offer.product: offer for offer in content.offers},
        {each.code: each for each in content.holders},
        {each.code: each for each in content.deposits},
        {each.code: each for each in content.overtime},
        {each.code: each for each in content.policies},
    )


NO_LIST: Final = loaded(Content())
