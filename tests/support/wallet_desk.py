# SPDX-License-Identifier: Apache-2.0
"""A window where wallets are opened, topped up and loaded, and the question whether all books agree."""

from collections.abc import Sequence
from typing import Any

from pistegate_cloud.wallets import queries
from pistegate_cloud.wallets.books import on_card
from pistegate_cloud.wallets.invariants import disagreements
from pistegate_cloud.wallets.models import WalletMovement
from pistegate_protocol.documents import LoadList, verify_document
from pistegate_protocol.messages import UP, Hello, SignedDocument
from pistegate_protocol.signing import KeyRing
from pistegate_simulators import stock
from pistegate_simulators.card import DesfireCard

SITE = 1
CAP = 50_000


async def open_wallet(cloud: Any, card: DesfireCard | None = None, cash: int = 0, cap: int = CAP) -> int:
    """A wallet, its card and its cash; the wallet's number."""
    terms = {"site": SITE, "currency": "CNY", "offline_cap": cap}
    assert (await cloud.http.put("/wallets/terms", json=terms)).is_success
    body = {"site": SITE, "currency": "CNY", "phone": "13800138000"}
    made = await cloud.post("/wallets", body | ({"uid": card.uid.hex()} if card else {}))
    if cash:
        await top_up(cloud, made["wallet"], cash)
    return int(made["wallet"])


async def issue_ticket(cloud: Any, card: DesfireCard, product: int = 1) -> int:
    """A ticket sold and written to a card by the cloud; its number."""
    encoder = cloud.encoder()
    encoder.card = card
    ticket = (await cloud.sell(product))["tickets"][0]["number"]
    answer = await cloud.http.post(f"/tickets/{ticket}/issue", json={"encoder": 1, "wait_ms": 1000})
    assert answer.is_success, answer.text
    return int(ticket)


async def top_up(cloud: Any, wallet: int, cash: int, **headers: str) -> Any:
    """Cash over the counter."""
    return await cloud.post(f"/wallets/{wallet}/top-up", {"amount": cash, "currency": "CNY"}, **headers)


async def refund(cloud: Any, wallet: int, cash: int) -> Any:
    """Cash back; the response."""
    return await cloud.http.post(f"/wallets/{wallet}/refund", json={"amount": cash, "currency": "CNY"})


async def load(cloud: Any, wallet: int, amount: int, encoder: int = 1, **headers: str) -> Any:
    """Onto the card on an encoder; the response."""
    body = {"amount": amount, "site": SITE, "encoder": encoder, "wait_ms": 1000}
    return await cloud.http.post(f"/wallets/{wallet}/load", json=body, headers=headers)


async def sign_load(cloud: Any, wallet: int, amount: int) -> Any:
    """By signed total; the response."""
    return await cloud.http.post(f"/wallets/{wallet}/load-statement", json={"amount": amount})


def load_list(cloud: Any, till: Any) -> list[bytes]:
    """The newest statements that a till was sent."""
    key = cloud.services.settings.documents
    ring = KeyRing({key.key_id: key.load().public_key().public_bytes_raw()})
    documents = [
        verify_document(message, ring, SITE)
        for message in cloud.wire.down(till.device.down)
        if isinstance(message, SignedDocument)
    ]
    lists = [document for document in documents if isinstance(document, LoadList)]
    return list(lists[-1].entries) if lists else []


async def upload(cloud: Any, *devices: Any) -> None:
    """Every device sends everything, and the cloud applies it."""
    await cloud.receive([device.batch() for device in devices])
    await cloud.services.ingest.apply_pending()


async def tell_all(cloud: Any, *devices: Any) -> None:
    """Every device has told everything, and says so; the site's other devices too."""
    await upload(cloud, *devices)
    cloud.clock.now_ms += 60_000
    await cloud.receive([hello_now(device, cloud.clock.now_ms) for device in devices])
    await cloud.services.ingest.apply_pending()


def hello_now(device: Any, at_ms: int, backlog: int = 0) -> tuple[str, bytes]:
    """A Hello of this moment."""
    message = Hello(device.device.number, device.epoch, at_ms, "test 1", {}, "in_service", backlog)
    return device.device.up, UP.encode(message)


def value_on(card: DesfireCard, loaded: int = 0) -> int:
    """What a card holds: its purse, and of its signed loads what is not spent; `loaded`: the total ever signed."""
    return stock.purse(card) + max(0, loaded + stock.spent(card))


async def check_books(cloud: Any, cards: Sequence[DesfireCard] = (), site: int = SITE) -> None:
    """All books agree, nothing was made or lost, and these cards hold what their books say."""
    assert await disagreements(site) == []
    movements = await WalletMovement.filter(site_id=site)
    for wallet in {row.wallet_id for row in movements if row.wallet_id}:
        rows = [row for row in movements if row.wallet_id == wallet]
        came_in = sum(row.amount for row in rows if row.kind == "wallet_top_up")
        went_out = sum(row.amount for row in rows if row.kind == "wallet_refund" or row.kind.startswith("wallet_debit"))
        held = sum(row.account + row.underway + row.card for row in rows)
        assert held == came_in - went_out, f"wallet {wallet}"
    for card in cards:
        turn = await queries.open_turn(card.uid.hex())
        assert turn is not None
        assert value_on(card, turn.loaded) == on_card(turn), "a card holds something else than its books say"
