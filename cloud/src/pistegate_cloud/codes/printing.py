# SPDX-License-Identifier: Apache-2.0
"""From tickets to their printed pages."""

import asyncio
from collections.abc import Sequence

from pistegate_cloud.codes.pdf import Printed, pages, pdf
from pistegate_cloud.settings import PrintSettings
from pistegate_cloud.sites import queries as sites
from pistegate_cloud.tickets.models import Ticket


async def print_pdf(ticket: Ticket, code: str, settings: PrintSettings) -> bytes:
    """The page of a ticket and its static code; SettingsError when logo or font cannot be used."""
    return pdf(code, _printed(ticket, (await sites.site(ticket.site_id)).name), settings)


async def print_together(tickets: Sequence[tuple[Ticket, str]], settings: PrintSettings) -> bytes:
    """Several tickets of one site with their static codes, a page each 合并打印."""
    site = (await sites.site(tickets[0][0].site_id)).name
    printed = [(code, _printed(ticket, site)) for ticket, code in tickets]
    return await asyncio.to_thread(pages, printed, settings)  # 300 pages take a second


def _printed(ticket: Ticket, site: str) -> Printed:
    product = ticket.product
    return Printed(
        site=site,
        name=product.name,
        number=ticket.number,
        holder=product.holder,
        party=product.party,
        valid_from=ticket.valid_from,
        valid_until=ticket.last_day,
    )
