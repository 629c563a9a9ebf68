# SPDX-License-Identifier: Apache-2.0
"""From a ticket to its printed page."""

from pistegate_cloud.codes.pdf import Printed, pdf
from pistegate_cloud.settings import PrintSettings
from pistegate_cloud.sites import queries as sites
from pistegate_cloud.tickets.models import Ticket


async def print_pdf(ticket: Ticket, code: str, settings: PrintSettings) -> bytes:
    """The page of a ticket and its static code; SettingsError when logo or font cannot be used."""
    product = ticket.product
    printed = Printed(
        site=(await sites.site(ticket.site_id)).name,
        name=product.name,
        number=ticket.number,
        holder=product.holder,
        party=product.party,
        valid_from=ticket.valid_from,
        valid_until=ticket.last_day,
    )
    return pdf(code, printed, settings)
