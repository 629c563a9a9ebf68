# SPDX-License-Identifier: Apache-2.0
"""The box office 票房: sells over the cloud's API, in cash, and has cards written at its encoders."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import httpx

from pistegate_simulators.card import DesfireCard
from pistegate_simulators.day.settings import ENCODERS, GROUP, SITE, ZONE, DaySettings
from pistegate_simulators.reader import SimulatedReader

_WAIT_MS = 5000  # how long an encoder waits for the card
_ISSUE_TRIES = 20
_ISSUE_AGAIN_S = 0.5
_DELIVERY = 1000  # cards entered at once
# What a seller answers with "once more": the problem is at the window, and issuing again completes the card.
_AT_THE_WINDOW = ("reader_lost", "encoder_offline", "encoder_busy", "card_lost", "no_card")

_DAY: dict[str, Any] = {"areas": [0, 1], "days": 1, "reentry_s": 600, "currency": "CNY", "party": 1}
PRODUCTS: list[dict[str, Any]] = [
    _DAY | {"number": 1, "code": "DAY", "name": {"en": "Day", "zh-CN": "全日票"}, "price": 29800, "holder": "adult"},
    _DAY
    | {"number": 2, "code": "CHILD-DAY", "name": {"en": "Day, child", "zh-CN": "儿童全日票"}}
    | {"price": 14900, "holder": "child"},
    _DAY
    | {"number": 3, "code": "ONE-RIDE", "name": {"en": "One ride", "zh-CN": "单次票"}}
    | {"price": 4000, "holder": "adult", "entries_total": 1},
    _DAY
    | {"number": 4, "code": "BEGINNER-DAY", "name": {"en": "Beginners' day", "zh-CN": "初级道全日票"}}
    | {"price": 16000, "holder": "adult", "areas": [1]},
]


class ApiError(RuntimeError):
    """The cloud refused; the message holds its problem's code and detail."""

    def __init__(self, message: str, code: str) -> None:
        super().__init__(message)
        self.code = code


class Api:
    """The cloud's HTTP API with a token."""

    def __init__(self, base: str, token: str) -> None:
        headers = {"Authorization": f"Bearer {token}"}
        self._client = httpx.AsyncClient(base_url=f"{base}/api/v1", headers=headers, timeout=30)

    async def get(self, path: str, **query: Any) -> Any:
        """JSON of a GET; ApiError otherwise."""
        return self._json(await self._client.get(path, params=query))

    async def post(self, path: str, body: dict[str, Any]) -> Any:
        """JSON of a POST; ApiError otherwise."""
        return self._json(await self._client.post(path, json=body))

    async def close(self) -> None:
        """Close the connections."""
        await self._client.aclose()

    @staticmethod
    def _json(answer: httpx.Response) -> Any:
        if answer.is_error:
            kind = answer.headers.get("content-type", "")
            code = answer.json().get("code", "") if kind.startswith("application/problem+json") else ""
            called = f"{answer.request.method} {answer.request.url.path}"
            raise ApiError(f"{called}: {answer.status_code} {answer.text[:300]}", code)
        return answer.json()


async def open_site(api: Api, settings: DaySettings) -> None:
    """Enter the site, its areas, posts, gates, encoders and products."""
    await api.post("/sites", {"number": SITE, "group": GROUP, "name": "Snow Valley 雪谷", "zone": ZONE.key})
    areas = {0: "Main lift 主缆车", 1: "Beginners 初级道"}
    for number, name in areas.items():
        await api.post("/areas", {"site": SITE, "number": number, "name": name})
    for area in sorted(set(settings.gate_areas)):
        await api.post("/posts", {"site": SITE, "number": area + 1, "area": area, "name": areas[area]})
    for index in range(settings.gates):
        place = {"number": index + 1, "post": settings.post_of(index), "name": f"Lane 通道 {index + 1}"}
        await api.post("/gates", {"site": SITE} | place)
    for number in range(1, ENCODERS + 1):
        await api.post("/encoders", {"site": SITE, "number": number, "name": f"Window 窗口 {number}"})
    for product in PRODUCTS:
        await api.post("/products", {"site": SITE} | product)


@dataclass(slots=True)
class Window:
    """One seller's place with its encoder."""

    encoder: int
    reader: SimulatedReader


class Office:
    """All windows of the box office; a guest takes the next free one."""

    def __init__(self, api: Api, windows: list[Window]) -> None:
        self._api = api
        self._free: asyncio.Queue[Window] = asyncio.Queue()
        for window in windows:
            self._free.put_nowait(window)
        self._prices: dict[str, dict[str, Any]] = {}
        self.sold = 0
        self.takings = 0
        self.issued_again = 0

    async def learn_prices(self) -> None:
        """Read the catalogue."""
        answer = await self._api.get("/products", site=SITE)
        products = answer["items"] if isinstance(answer, dict) else answer
        self._prices = {product["code"]: product for product in products}

    async def sell(self, code: str, visit: date, card: DesfireCard) -> int:
        """Sell one ticket in cash and have it written on `card`; the ticket number."""
        product = self._prices[code]
        window = await self._free.get()
        try:
            line = {"product": product["number"], "quantity": 1, "visit_date": visit.isoformat()}
            payment = {"method": "cash", "tendered": product["price"], "currency": product["currency"]}
            body = {"site": SITE, "channel": "window", "lines": [line], "payment": payment}
            order = await self._api.post("/orders", body)
            ticket: int = order["tickets"][0]["number"]
            await self._issue(ticket, window, card)
        finally:
            self._free.put_nowait(window)
        self.sold += 1
        self.takings += product["price"]
        return ticket

    async def _issue(self, ticket: int, window: Window, card: DesfireCard) -> None:
        body = {"encoder": window.encoder, "wait_ms": _WAIT_MS}
        await self._lay_down(window, card, f"/tickets/{ticket}/issue", body)

    async def _lay_down(self, window: Window, card: DesfireCard, path: str, body: dict[str, Any]) -> Any:
        """Have something done with the card; what goes wrong at the window is tried again, as a seller would."""
        for left in reversed(range(_ISSUE_TRIES)):
            window.reader.present(card)
            try:
                return await self._api.post(path, body)
            except ApiError as error:
                if error.code not in _AT_THE_WINDOW or not left:
                    raise
                self.issued_again += 1
            finally:
                window.reader.remove()
            await asyncio.sleep(_ISSUE_AGAIN_S)
        raise AssertionError("the last try returns or raises")

    async def take_into_stock(self, cards: Sequence[DesfireCard]) -> None:
        """Enter the UIDs of a delivery, as the vendor's list names them."""
        uids = [card.uid.hex() for card in cards]
        for at in range(0, len(uids), _DELIVERY):
            await self._api.post("/cards", {"site": SITE, "uids": uids[at : at + _DELIVERY]})

    async def report_lost(self, card: DesfireCard) -> None:
        """A guest calls: the card is lost."""
        await self._api.post(f"/cards/{card.uid.hex()}/lost", {"reason": "lost on the piste", "found_by": "phone"})

    async def replace(self, lost: DesfireCard, card: DesfireCard) -> None:
        """Put what was on the lost card on another one."""
        window = await self._free.get()
        try:
            body = {"site": SITE, "encoder": window.encoder, "wait_ms": _WAIT_MS}
            await self._lay_down(window, card, f"/cards/{lost.uid.hex()}/replace", body)
        finally:
            self._free.put_nowait(window)

    async def revoke(self, ticket: int) -> None:
        """Revoke a ticket, say after a complaint."""
        await self._api.post(f"/tickets/{ticket}/revoke", {"reason": "reported stolen"})
