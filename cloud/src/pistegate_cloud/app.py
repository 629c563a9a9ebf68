# SPDX-License-Identifier: Apache-2.0
"""The FastAPI application: routers, errors, limits, OpenAPI."""

from fastapi import FastAPI, Response
from pydantic import BaseModel
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from pistegate_cloud import problems
from pistegate_cloud.aftersales import api as aftersales
from pistegate_cloud.aftersales import compensation_api as compensations
from pistegate_cloud.amendments import api as amendments
from pistegate_cloud.audit import api as audit
from pistegate_cloud.authority import api as authority
from pistegate_cloud.bindings import api as bindings
from pistegate_cloud.bindings import table_api as tables
from pistegate_cloud.calendars import api as calendars
from pistegate_cloud.cards import api as cards
from pistegate_cloud.cards import desk_api as card_desk
from pistegate_cloud.codes import api as codes
from pistegate_cloud.contingency import api as contingency
from pistegate_cloud.contingency import box_api as contingency_boxes
from pistegate_cloud.days import api as days
from pistegate_cloud.deposits import api as deposits
from pistegate_cloud.documents import api as documents
from pistegate_cloud.encoders import api as encoders
from pistegate_cloud.exceptions import api as exceptions
from pistegate_cloud.fingers import api as fingers
from pistegate_cloud.gates import api as gates
from pistegate_cloud.invoices import api as invoices
from pistegate_cloud.issues import api as issues
from pistegate_cloud.ledger import api as ledger
from pistegate_cloud.members import api as members
from pistegate_cloud.notifications import api as notifications
from pistegate_cloud.notifications import link_api as links
from pistegate_cloud.orders import api as orders
from pistegate_cloud.passages import api as passages
from pistegate_cloud.payments import api as payments
from pistegate_cloud.payments import bill_api as bills
from pistegate_cloud.pickups import api as pickups
from pistegate_cloud.pricing import api as pricing
from pistegate_cloud.problems import BODY_MAX
from pistegate_cloud.products import api as products
from pistegate_cloud.proofs import api as proofs
from pistegate_cloud.rentals import api as rentals
from pistegate_cloud.rentals import counter_api as rental_counter
from pistegate_cloud.reports import api as reports
from pistegate_cloud.services import Services, WithServices
from pistegate_cloud.settlements import api as settlements
from pistegate_cloud.shifts import api as shifts
from pistegate_cloud.sites import api as sites
from pistegate_cloud.staff import api as staff
from pistegate_cloud.stock import api as stock
from pistegate_cloud.suspensions import api as suspensions
from pistegate_cloud.tenders import api as tenders
from pistegate_cloud.tenders import refund_api as refunds
from pistegate_cloud.tickets import api as tickets
from pistegate_cloud.wallets import api as wallets
from pistegate_cloud.wallets import recharge_api as recharges
from pistegate_protocol.version import __version__

API = "/api/v1"
OPENAPI = f"{API}/openapi.json"


class Health(BaseModel):
    """`status` is "ok" when database and broker are reached, else "degraded"; `messages_dropped` since the start."""

    status: str
    database: bool
    broker: bool
    messages_dropped: int
    version: str


def create_app(services: Services | None = None) -> FastAPI:
    """The application; without services it can only describe itself."""
    app = FastAPI(
        title="Pistegate",
        version=__version__,
        description="Products, orders, money, gates and reports of a ski area.",
        openapi_url=OPENAPI,
        docs_url=None,  # its page would load scripts from another host
        redoc_url=None,
    )
    app.state.services = services
    problems.install(app)
    for noun in (
        staff,
        audit,
        shifts,
        sites,
        gates,
        authority,
        encoders,
        products,
        pricing,
        stock,
        calendars,
        suspensions,
        orders,
        payments,
        bills,
        tenders,
        refunds,
        aftersales,
        pickups,
        compensations,
        tickets,
        codes,
        links,
        members,
        notifications,
        bindings,
        tables,
        fingers,
        amendments,
        cards,
        card_desk,
        issues,
        passages,
        wallets,
        recharges,
        rentals,
        rental_counter,
        deposits,
        settlements,
        proofs,
        documents,
        exceptions,
        contingency,
        contingency_boxes,
        reports,
        days,
        invoices,
        ledger,
    ):
        app.include_router(noun.router, prefix=API)
    app.add_api_route(f"{API}/health", _health, tags=["health"])
    app.add_middleware(BodyLimit)
    own = app.openapi  # FastAPI's own hook is to replace this method
    app.openapi = lambda: problems.as_answered(own())  # type: ignore[method-assign]
    return app


async def _health(services: WithServices, response: Response) -> Health:
    """Whether this process can do its work; needs no token."""
    try:
        await services.database.execute_query("SELECT 1")
        database = True
    except Exception:  # noqa: BLE001 - whatever it is, the answer is "no"
        database = False
    broker = services.bridge.connected
    response.status_code = 200 if database else 503
    return Health(
        status="ok" if database and broker else "degraded",
        database=database,
        broker=broker,
        messages_dropped=services.bridge.dropped,
        version=__version__,
    )


class BodyLimit:
    """Refuses request bodies above BODY_MAX before they fill memory."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        size = 0

        async def limited() -> Message:
            nonlocal size
            message = await receive()
            size += len(message.get("body", b""))
            if size > BODY_MAX:
                raise HTTPException(413)  # FastAPI lets only this kind out of reading a body
            return message

        await self._app(scope, limited, send)
