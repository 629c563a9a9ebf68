# SPDX-License-Identifier: Apache-2.0
"""The box's page: plain HTML, no script and nothing from elsewhere, so that any browser shows it without a network."""

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from html import escape
from typing import Final
from zoneinfo import ZoneInfo

import segno

from pistegate_edge.contingency import rules
from pistegate_edge.contingency.desk import Standing
from pistegate_edge.contingency.shapes import Batch, Head, Sale, Ticket, Totals
from pistegate_edge.money import money
from pistegate_protocol.contingency import METHODS, serial_name
from pistegate_protocol.texts import LOCALES, text

QUIET: Final = 4  # modules around a code; ISO/IEC 18004
_SHOWN: Final = 12  # receipts on the desk
_NAMES: Final = {"en": "English", "zh-CN": "中文"}
_STYLE: Final = """
*{box-sizing:border-box}
body{font:18px/1.5 sans-serif;margin:0 auto;max-width:860px;padding:12px;color:#111;background:#fff}
h1{font-size:24px;margin:8px 0}table{border-collapse:collapse;width:100%}
td,th{padding:6px 8px;border-bottom:1px solid #ccc;text-align:left}
td.n,th.n{text-align:right}
input{font:inherit;padding:6px;border:1px solid #777;border-radius:4px}
input.count{width:80px}button{font:inherit;padding:10px 22px;border:0;border-radius:6px;background:#0b5;color:#fff}
button.plain{background:#555}button.bad{background:#b22}.bar{padding:10px 14px;border-radius:6px;margin:10px 0}
.good{background:#dfd}.stop{background:#fdd}.bar b{display:block;font-size:20px}nav{display:flex;gap:16px;
align-items:center;flex-wrap:wrap}form.inline{display:inline}.sum{font-size:26px}.ticket{text-align:center;
border:2px solid #111;border-radius:10px;padding:10px;margin:14px auto;max-width:420px;page-break-inside:avoid;
break-inside:avoid}.ticket svg{width:340px;height:340px}.ticket b{font-size:22px;display:block}
@media print{.screen{display:none}.ticket{border:0;page-break-after:always;break-after:page}}
"""


@dataclass(frozen=True, slots=True)
class Words:
    """Texts in one language."""

    locale: str

    def __call__(self, key: str, **values: object) -> str:
        """For HTML."""
        return escape(text(f"contingency.{key}", self.locale, **values))


@dataclass(frozen=True, slots=True)
class Seller:
    """Who looks at a page. `form`: of what they ask for next; `notice`: a key of what was refused just now.

    `typed`: what they had filled in then.
    """

    window: int
    form: str
    notice: str = ""
    typed: Mapping[str, str] = field(default_factory=dict)

    def value(self, name: str, default: str = "") -> str:
        """Of a field that they had filled in."""
        return escape(self.typed.get(name, default)[:64])


def page(title: str, body: str, words: Words, *, refresh_s: int = 0) -> str:
    """A whole page."""
    again = f'<meta http-equiv="refresh" content="{refresh_s}">' if refresh_s else ""
    return (
        f'<!doctype html><html lang="{words.locale}"><head><meta charset="utf-8">{again}'
        f'<meta name="viewport" content="width=device-width"><title>{title}</title><style>{_STYLE}</style></head>'
        f"<body>{body}</body></html>"
    )


def _languages(words: Words) -> str:
    others = [locale for locale in LOCALES if locale != words.locale]
    return "".join(f'<a href="/language/{locale}">{_NAMES[locale]}</a>' for locale in others)


def login(windows: Sequence[int], words: Words, notice: str = "") -> str:
    """Which window, and its PIN."""
    told = f'<p class="bar stop">{words(notice)}</p>' if notice else ""
    first = windows[0] if windows else ""
    body = (
        f"<nav><h1>{words('title')}</h1>{_languages(words)}</nav>{told}"
        f'<form method="post" action="/login"><p><label>{words("window_label")} '
        f'<input name="window" inputmode="numeric" class="count" value="{first}" required></label></p>'
        f'<p><label>{words("pin")} <input name="pin" type="password" inputmode="numeric" autocomplete="off" autofocus '
        f"required></label></p><button>{words('log_in')}</button></form>"
    )
    return page(words("title"), body, words)


def desk(standing: Standing, sales: Sequence[Sale], seller: Seller, words: Words) -> str:
    """What may be sold, and what was sold just now."""
    title = words("window", number=seller.window)
    notice = f'<p class="bar stop">{words(seller.notice)}</p>' if seller.notice else ""
    body = _head(title, words) + _bar(standing, words) + notice
    if standing.batch is not None:
        body += _offer(standing, standing.batch.head, seller, words) + _recent(standing.batch.head, sales, words)
    refresh = 0 if standing.why is None else 10  # nobody is typing where nothing may be sold
    return page(title, body, words, refresh_s=refresh)


def _head(title: str, words: Words) -> str:
    return (
        f'<nav class="screen"><h1>{words("title")} · {title}</h1><a href="/">{words("desk")}</a>'
        f'<a href="/day">{words("day")}</a>{_languages(words)}'
        f"{_button('/logout', words('log_out'), 'plain')}</nav>"
    )


def _bar(standing: Standing, words: Words) -> str:
    zone = ZoneInfo(standing.batch.head.zone) if standing.batch is not None else ZoneInfo("UTC")
    heard = words("never") if standing.heard_ms is None else _time(standing.heard_ms, zone)
    if standing.why is None:
        told, kind = words("may_sell"), "good"
    else:
        told, kind = words(f"why_{standing.why}", seconds=-(-standing.soon_ms // 1000)), "stop"
    now = _time(standing.now_ms, zone)
    return f'<p class="bar {kind}"><b>{told}</b>{words("heard", at=heard)} · {words("now", at=now)}</p>'


def _time(at_ms: int, zone: ZoneInfo) -> str:
    return datetime.fromtimestamp(at_ms / 1000, zone).strftime("%Y-%m-%d %H:%M:%S")


def _offer(standing: Standing, head: Head, seller: Seller, words: Words) -> str:
    may = standing.why is None
    rows = "".join(
        f"<tr><td>{escape(offer.words(words.locale))}</td><td class=n>{money(offer.price, head.currency)}</td>"
        f"<td class=n>{standing.left.get(offer.product, 0)}</td>{_count(offer.product, seller) if may else ''}</tr>"
        for offer in head.offers
    )
    counts = f"<th class=n>{words('count')}</th>" if may else ""
    table = (
        f"<table><tr><th>{words('product')}</th><th class=n>{words('price')}</th><th class=n>{words('left')}</th>"
        f"{counts}</tr>{rows}</table>"
    )
    if not may:
        return table
    chosen = seller.value("method", METHODS[0])
    ways = "".join(
        f'<label><input type="radio" name="method" value="{method}"{" checked" if method == chosen else ""}> '
        f"{words(method)}</label> "
        for method in METHODS
    )
    return (
        f'<form method="post" action="/sell"><input type="hidden" name="form" value="{seller.form}">{table}'
        f'<p>{ways}</p><p><label>{words("tendered")} <input name="tendered" inputmode="decimal" '
        f'value="{seller.value("tendered")}"></label> <label>{words("reference")} <input name="reference" '
        f'value="{seller.value("reference")}"></label></p><button>{words("sell")}</button></form>'
    )


def _count(product: int, seller: Seller) -> str:
    name = f"count_{product}"
    value = seller.value(name, "0")
    return f'<td class=n><input class="count" name="{name}" inputmode="numeric" value="{value}"></td>'


def _recent(head: Head, sales: Sequence[Sale], words: Words) -> str:
    rows = "".join(
        f'<tr><td><a href="/receipt/{head.id}/{sale.receipt}">{head.receipt(sale.receipt)}</a></td>'
        f"<td>{_time(sale.at_ms, ZoneInfo(head.zone))}</td><td class=n>{money(sale.amount, head.currency)}</td>"
        f"<td>{words(sale.method)}</td><td>{words(f'state_{sale.state}')}</td></tr>"
        for sale in sales[:_SHOWN]
    )
    return f"<h1>{words('receipts')}</h1><table>{rows}</table>" if rows else ""


def receipt(head: Head, sale: Sale, tickets: Sequence[Ticket], now_ms: int, seller: Seller, words: Words) -> str:
    """A sale: what it costs, the change; and, until its codes are seen, that it can be taken back."""
    name = head.receipt(sale.receipt)
    names = {offer.product: offer.words(words.locale) for offer in head.offers}
    rows = "".join(
        f"<tr><td>{serial_name(head.window, ticket.serial)}</td><td>{escape(names[ticket.product])}</td></tr>"
        for ticket in tickets
    )
    notice = f'<p class="bar stop">{words(seller.notice)}</p>' if seller.notice else ""
    body = (
        f"{_head(words('window', number=seller.window), words)}{notice}<h1>{words('receipt', name=name)}</h1>"
        f"<p>{_time(sale.at_ms, ZoneInfo(head.zone))} · {words(f'state_{sale.state}')}</p><table>{rows}</table>"
        f'<p class="sum">{words("total")} {money(sale.amount, head.currency)} · {words(sale.method)}'
        f"{' ' + escape(sale.reference) if sale.reference else ''}</p>"
    )
    if sale.method == "cash":
        change = money(sale.change, head.currency)
        body += (
            f'<p class="sum">{words("tendered")} {money(sale.tendered, head.currency)} · {words("change")} {change}</p>'
        )
    place = f"{head.id}/{sale.receipt}"
    if sale.state != "void":
        body += _button(f"/give/{place}", words("give"), "")
    if rules.may_void(sale.state, sale.at_ms, now_ms):
        body += " " + _button(f"/void/{place}", words("void"), "bad")
    return page(name, body, words)


def _button(action: str, words: str, kind: str) -> str:
    return f'<form method="post" action="{action}" class="inline"><button class="{kind}">{words}</button></form>'


def codes(head: Head, sale: Sale, tickets: Sequence[Ticket], seller: Seller, words: Words) -> str:
    """The codes of a sale, big; printed, each is on a sheet of its own, with its receipt number."""
    name = head.receipt(sale.receipt)
    offers = {offer.product: offer for offer in head.offers}
    parts = "".join(_ticket(head, name, offers[ticket.product].name, ticket, words) for ticket in tickets)
    hint = f'<p class="screen bar good">{words("print_hint")}</p>'
    body = f"{_head(words('window', number=seller.window), words)}{hint}{parts}"
    return page(name, body, words)


def _ticket(head: Head, name: str, product: Mapping[str, str], ticket: Ticket, words: Words) -> str:
    names = " · ".join(escape(each) for each in dict.fromkeys(product.values()))
    return (
        f'<div class="ticket"><b>{escape(head.site_name)}</b>{names}{_qr(ticket.code)}'
        f"<b>{serial_name(head.window, ticket.serial)}</b>{words('valid', day=head.day)}<br>"
        f"{words('number', number=ticket.number)}<br>{words('receipt', name=name)}</div>"
    )


def _qr(code: str) -> str:
    """At ECC M, or better where the same size holds it: version 6 at most."""
    out = io.BytesIO()
    segno.make_qr(code, error="m").save(out, kind="svg", border=QUIET, omitsize=True, xmldecl=False, light="white")
    return out.getvalue().decode()


def day(window: int, batches: Sequence[tuple[Batch, Totals]], words: Words) -> str:
    """What was sold today, and what should be in the drawer."""
    parts = [_head(words("window", number=window), words)]
    parts += [_batch(batch, totals, words) for batch, totals in batches]
    if not batches:
        parts.append(f'<p class="bar stop">{words("why_no_batch")}</p>')
    return page(words("day"), "".join(parts), words)


def _batch(batch: Batch, totals: Totals, words: Words) -> str:
    head, drawer = batch.head, batch.drawer or 0
    rows = [
        (words("sales"), str(totals.sales)),
        (words("tickets"), str(totals.tickets)),
        (words("voids"), str(totals.voids)),
        *((words(method), money(totals.by_method[method], head.currency)) for method in METHODS),
        (words("drawer"), money(drawer, head.currency)),
        (words("in_drawer"), money(drawer + totals.by_method["cash"], head.currency)),
    ]
    table = "".join(f"<tr><td>{label}</td><td class=n>{value}</td></tr>" for label, value in rows)
    form = (
        f'<form method="post" action="/drawer"><label>{words("drawer")} <input name="amount" inputmode="decimal" '
        f'required></label> <button class="plain">{words("keep")}</button></form>'
    )
    title = words("batch", day=head.day, number=head.number, state=words(f"batch_{batch.state}"))
    return f"<h1>{title}</h1><table>{table}</table>{form if batch.state == 'ready' else ''}"
