# SPDX-License-Identifier: Apache-2.0
"""A card as people read it in a terminal, from its JSON object (told.py), in their language. Pure."""

import unicodedata
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from pistegate_edge.money import money
from pistegate_protocol.texts import text

_INDENT = "  "
_LABEL_COLUMNS = 12  # of a terminal: the longest label and two spaces
_WIDE = ("W", "F")  # East Asian widths that take two columns
_UID_GROUP = 2  # hex digits


def card_lines(told: Mapping[str, Any], locale: str) -> list[str]:
    """The whole card; headings stand at the margin, everything else under them."""
    words = _Words(locale)
    lines = _head(told, words)
    if told.get("here") is not None:
        lines += _section(words("here"), [(None, _here(told["here"], words))])
    lines += _section(words("ticket"), _ticket(told, words))
    lines += _section(words("wallet"), _wallet(told["wallet"], words))
    lines += _section(words("rental"), _rental(told["rental"], words))
    lines += ["", words("recent")]
    lines += _table([_record(record, told["wallet"], words) for record in told["recent"]]) or [_INDENT + words("none")]
    return lines


class _Words:
    """Texts of the [card] section."""

    def __init__(self, locale: str) -> None:
        self.locale = locale
        self.comma, self.and_ = ("，", "、") if locale == "zh-CN" else (", ", ", ")

    def __call__(self, key: str, **values: object) -> str:
        return text(f"card.{key}", self.locale, **values)

    def kinds(self, names: Iterable[str]) -> str:
        """Kinds of equipment."""
        return self.and_.join(text(f"rental.{name}", self.locale) for name in names)


def _head(told: Mapping[str, Any], words: _Words) -> list[str]:
    uid = told["uid"].upper()
    spaced = " ".join(uid[at : at + _UID_GROUP] for at in range(0, len(uid), _UID_GROUP))
    facts = words.comma.join(
        (words("transactions", count=told["transactions"]), words("key_set", key_set=told["key_set"]))
    )
    lines = [f"{words('card')} {spaced}   {facts}"]
    return [*lines, f"! {words('lost')}"] if told["lost"] else lines


def _here(here: Mapping[str, Any], words: _Words) -> str:
    if here["admit"]:
        admit = words("admit", n=here["n"])
        return f"{admit} {text('prompt.overtime', words.locale)}" if here["overtime"] else admit
    if here["reason"] is None:
        return text("reason.no_ticket", words.locale)
    until = _hour(here.get("until"))
    return text(f"reason.{here['reason']}", words.locale, until=until, gate=here.get("gate") or 0)


Row = tuple[str | None, str]  # label and value; no label: the value stands in its place


def _ticket(told: Mapping[str, Any], words: _Words) -> list[Row]:
    ticket = told["ticket"]
    if ticket is None:
        return [(None, text(f"reason.{told['problem']['reason']}", words.locale, until="", gate=0))]
    who = [words(f"holder_{ticket['holder']}")]
    who += [words("party", party=ticket["party"])] if ticket["party"] > 1 else []
    rows: list[Row] = [
        (words("number"), words.comma.join((str(ticket["number"]), words("product", product=ticket["product"])))),
        (words("holder"), words.comma.join(who)),
        (words("valid"), words("valid_dates", first=ticket["valid_from"], last=ticket["valid_until"])),
        (words("where"), _where(ticket, words)),
    ]
    if ticket["windows"]:
        rows.append((words("windows"), words.comma.join(ticket["windows"])))
    rows.append((words("left"), _left(ticket, words)))
    if ticket["clock_minutes"] is not None:
        ends = ticket["left"].get("ends")
        clock = words("ends", at=_minute(ends)) if ends else words("clock_first", minutes=ticket["clock_minutes"])
        rows.append((words("clock"), clock))
    if ticket["amendment"] is not None:
        rows.append((words("amended"), _amendment(ticket["amendment"], words)))
    if ticket["last_entry"]:
        at = f"{_minute(ticket['last_entry'])}  {words('gate', device=ticket['last_gate'])}"
        rows.append((words("last_entry"), at))
    return rows


def _where(ticket: Mapping[str, Any], words: _Words) -> str:
    ((scope, number),) = ticket["scope"].items()
    areas = words.and_.join(str(area) for area in ticket["areas"])
    return words.comma.join((words(scope, number=number), words("areas", areas=areas)))


def _left(ticket: Mapping[str, Any], words: _Words) -> str:
    found = [
        words(f"left_{what}", count=ticket["left"][what])
        for what in ("today", "total", "days", "minutes")
        if ticket["left"].get(what) is not None
    ]
    return words.comma.join(found) or words("unlimited")


def _amendment(amendment: Mapping[str, Any], words: _Words) -> str:
    parts = [words("amendment", number=amendment["number"])]
    parts += [words("on_hold")] if amendment["hold"] else []
    parts += [words("extended", minutes=amendment["extra_minutes"])] if amendment["extra_minutes"] else []
    return words.comma.join(parts)


def _wallet(wallet: Mapping[str, Any], words: _Words) -> list[Row]:
    amounts = {key: _amount(wallet[key], wallet) for key in ("balance", "purse", "loaded", "spent")}
    rows: list[Row] = [(words("balance"), amounts["balance"])]
    if wallet["loaded"] or wallet["spent"]:
        rows.append(("", words("parts", **amounts)))
    if wallet["waiting"] is not None:
        rows.append((words("waiting"), words("waiting_load", amount=_amount(wallet["waiting"], wallet))))
    if wallet["problem"]:
        rows.append(("", "! " + words("load_problem", problem=wallet["problem"])))
    return rows


def _amount(amount: int, wallet: Mapping[str, Any]) -> str:
    """A card whose currency nobody knows shows minor units without one."""
    return money(amount, wallet["currency"]) if wallet["currency"] else str(amount)


def _rental(rental: Mapping[str, Any], words: _Words) -> list[Row]:
    if "problem" in rental:
        return [(None, "! " + words("rental_problem", problem=rental["problem"]))]
    out = words.kinds(rental["outstanding"])
    since = words("since", at=_minute(rental["since"])) if rental["since"] else ""
    rows: list[Row] = [(words("out"), f"{out}  {since}" if out else words("nothing_out"))]
    if rental["returned"]:
        last = _minute(rental["last_returned"]) if rental["last_returned"] else ""
        rows.append((words("returned"), f"{words.kinds(rental['returned'])}  {last}".rstrip()))
    return rows


def _record(record: Mapping[str, Any], wallet: Mapping[str, Any], words: _Words) -> list[str]:
    kind = record["kind"]
    place = words("gate" if "persons" in record else "till", device=record["device"])
    if "persons" in record:
        what = words("person" if record["persons"] == 1 else "persons", count=record["persons"])
    elif "kinds" in record:
        what = words.kinds(record["kinds"])
    else:
        what = _amount(record["amount"], wallet)
    return [_minute(record["at"]), place, words(kind), what]


def _section(title: str, rows: list[Row]) -> list[str]:
    cells = ("" if label is None else _padded(label, _LABEL_COLUMNS) for label, _ in rows)
    return ["", title, *(_INDENT + cell + value for cell, (_, value) in zip(cells, rows, strict=True))]


def _table(rows: list[list[str]]) -> list[str]:
    widths = [max(columns(row[at]) for row in rows) + 2 for at in range(3)] if rows else []
    return [
        _INDENT + "".join(_padded(cell, width) for cell, width in zip(row, widths, strict=False)) + row[-1]
        for row in rows
    ]


def columns(words: str) -> int:
    """Columns of a terminal that `words` take."""
    return sum(2 if unicodedata.east_asian_width(letter) in _WIDE else 1 for letter in words)


def _padded(words: str, width: int) -> str:
    return words + " " * max(1, width - columns(words)) if words else " " * width


def _minute(at: str | None) -> str:
    return datetime.fromisoformat(at).strftime("%Y-%m-%d %H:%M") if at else ""


def _hour(at: str | None) -> str:
    return datetime.fromisoformat(at).strftime("%H:%M") if at else ""
