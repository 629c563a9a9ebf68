# SPDX-License-Identifier: Apache-2.0
"""State machines as tables: what is not in the table does not happen."""

from collections.abc import Mapping

from pistegate_cloud.errors import Problem


class StateTable:
    """`moves`: state -> {event: next state}; every state has an entry, final ones an empty one."""

    def __init__(self, noun: str, moves: Mapping[str, Mapping[str, str]]) -> None:
        self.noun = noun
        self.moves = moves
        loose = {target for events in moves.values() for target in events.values()} - set(moves)
        if loose:
            raise ValueError(f"{noun}: states without an entry: {', '.join(sorted(loose))}")

    def after(self, state: str, event: str) -> str:
        """The state that `event` leads to; Problem state_conflict when it is not in the table."""
        try:
            return self.moves[state][event]
        except KeyError:
            raise Problem("state_conflict", noun=self.noun, state=state, event=event) from None


# new: holds its stock until it is paid, or until its time is over. The last three are its end.
ORDER = StateTable(
    "order",
    {
        "new": {"pay": "paid", "expire": "expired", "cancel": "cancelled"},
        "paid": {"refund_part": "part_refunded", "refund_all": "refunded"},
        "part_refunded": {"refund_part": "part_refunded", "refund_all": "refunded"},
        "expired": {},
        "cancelled": {},
        "refunded": {},
    },
)

# What an order is paid with. waiting: a provider was asked for it. held: taken for an order that waits for the rest.
# void: it never came, or went back before the order was paid. late: it came when the order was not to be had any more
# 无主款: a person gives it an order, or back.
TENDER = StateTable(
    "tender",
    {
        "waiting": {"come": "done", "end": "void", "come_late": "late"},
        "held": {"come": "done", "end": "void"},
        "done": {},
        "void": {"come_late": "late"},
        "late": {"attach": "done", "give_back": "returned"},
        "returned": {},
    },
)

# Money of an order on its way back. underway: the provider has it to do. waiting: its balance is short, or the guest's
# account takes nothing. failed: it is still ours. The last two: with the guest.
TENDER_REFUND = StateTable(
    "refund of a tender",
    {
        "underway": {"done": "done", "wait": "waiting", "fail": "failed", "go": "underway"},
        "waiting": {"go": "underway", "done": "done", "cash": "cash", "fail": "failed", "wait": "waiting"},
        "failed": {"go": "underway", "cash": "cash", "fail": "failed"},
        "done": {"done": "done", "go": "done"},
        "cash": {},
    },
)

VOUCHER = StateTable(
    "voucher",
    {
        "good": {"use": "used", "void": "void", "expire": "expired"},
        "used": {"undo": "good"},
        "void": {},
        "expired": {},
    },
)

# A seller at a drawer. counted 已盘点: the seller has said what is there, and sells nothing more.
SHIFT = StateTable(
    "shift",
    {"open": {"count": "counted"}, "counted": {"close": "closed", "reopen": "open"}, "closed": {}},
)

# issuing: claim and usage were sent to a card, and no answer has confirmed yet that they are on it.
TICKET = StateTable(
    "ticket",
    {
        "sold": {"write": "issuing", "amend": "sold", "revoke": "revoked"},
        "issuing": {"write": "issuing", "written": "issued", "amend": "issuing", "revoke": "revoked"},
        "issued": {"reissue": "issuing", "amend": "issued", "revoke": "revoked"},
        "revoked": {},
    },
)

# A card IC卡. personalising: its keys and files are being written. stock 库存: ours, nobody's. in_use 在用: a guest has
# it. returned 已退未清: taken back, what was on it may still be. lost 挂失: refused everywhere, may be found again.
# void 作废: for good, as a lost card is once it was replaced.
CARD = StateTable(
    "card",
    {
        "personalising": {"personalise": "personalising", "personalised": "stock", "void": "void"},
        "stock": {"issue": "in_use", "load": "in_use", "void": "void"},
        "in_use": {"issue": "in_use", "load": "in_use", "take_back": "returned", "lose": "lost", "void": "void"},
        "returned": {"take_back": "returned", "wipe": "stock", "void": "void"},
        "lost": {"find": "in_use", "replace": "void", "void": "void"},
        "void": {"replace": "void"},
    },
)

# An admission from permission to outcome (events.OutcomeKind, in words).
ADMISSION = StateTable(
    "admission",
    {
        "open": {kind: kind for kind in ("passed", "not_passed", "card_void", "card_unconfirmed", "interrupted")},
        "passed": {},
        "not_passed": {},
        "card_void": {},
        "card_unconfirmed": {},
        "interrupted": {},
    },
)

# What a till did with a card, from being durable to its end (events.UseResult, in words).
USE = StateTable(
    "card use",
    {
        "open": {result: result for result in ("done", "void", "unconfirmed", "interrupted")},
        "done": {},
        "void": {},
        "unconfirmed": {},
        "interrupted": {},
    },
)

# Money sent to a card by relay. sent: not known to be on it, and taken from the account.
LOAD = StateTable("load", {"sent": {"done": "done", "void": "void"}, "done": {}, "void": {}})

# A payment 收款 that a provider carries out. created: kept, perhaps sent. pending: the provider waits for the guest.
# in_doubt: an answer was lost or unclear. reversing 撤销中: to be taken back, whatever became of it. paid and the three
# after it: the money came, and as much as they say went back. failed, closed: it never came. A word of the provider
# that has no place here moves nothing and is shown to a person.
_MONEY_CAME = {
    "paid": "paid",
    "refund": "refund_pending",
    "none_back": "paid",
    "part_back": "part_refunded",
    "all_back": "refunded",
}
PAYMENT = StateTable(
    "payment",
    {
        "created": {
            "waiting": "pending",
            "doubt": "in_doubt",
            "paid": "paid",
            "closed": "closed",
            "declined": "failed",
            "reverse": "reversing",
            "reversed": "reversed",
        },
        "pending": {
            "waiting": "pending",
            "paid": "paid",
            "closed": "closed",
            "reverse": "reversing",
            "reversed": "reversed",
        },
        "in_doubt": {
            "waiting": "pending",
            "doubt": "in_doubt",
            "paid": "paid",
            "closed": "closed",
            "declined": "failed",
            "reverse": "reversing",
            "reversed": "reversed",
        },
        "reversing": {
            "waiting": "reversing",
            "doubt": "reversing",
            "paid": "reversing",
            "closed": "reversed",
            "absent": "failed",
            "reverse": "reversing",
            "reversed": "reversed",
        },
        "paid": _MONEY_CAME | {"waiting": "paid", "reverse": "reversing"},
        "refund_pending": _MONEY_CAME | {"paid": "refund_pending", "waiting": "refund_pending"},
        "part_refunded": _MONEY_CAME | {"paid": "part_refunded", "waiting": "part_refunded"},
        "refunded": _MONEY_CAME | {"paid": "refunded", "waiting": "refunded"},
        "reversed": {"waiting": "reversed", "paid": "reversed", "closed": "reversed", "reversed": "reversed"},
        # accept: a person has seen that the money came all the same.
        "closed": {"waiting": "closed", "closed": "closed", "accept": "paid"},
        "failed": {"waiting": "failed", "closed": "failed", "declined": "failed", "accept": "paid"},
    },
)

# A business day 营业日. closing: nothing is posted to it any more, and its report is being made. closed: for good.
DAY = StateTable(
    "business day",
    {"open": {"begin": "closing"}, "closing": {"begin": "closing", "close": "closed", "back": "open"}, "closed": {}},
)

# A payment in doubt in the ledger: resolved at most once.
PENDING = StateTable("payment in doubt", {"pending": {"post": "posted", "void": "void"}, "posted": {}, "void": {}})

# An e-invoice 数电票. requested: told to the tax platform by export. red_requested: its red letter 红字发票 is.
INVOICE = StateTable(
    "invoice",
    {
        "requested": {"issue": "issued", "cancel": "cancelled"},
        "issued": {"redden": "red_requested"},
        "red_requested": {"red_issued": "red", "red_refused": "issued"},
        "red": {},
        "cancelled": {},
    },
)

# A refund through a provider. short: the merchant's balance lacks money 余额不足: sent again later, or given in cash,
# never both. stuck 退款异常: the guest's account takes nothing. failed: the money stayed here, another may be made.
REFUND = StateTable(
    "refund",
    {
        "created": {
            "absent": "created",
            "underway": "processing",
            "doubt": "in_doubt",
            "short": "short",
            "declined": "failed",
            "done": "done",
            "failed": "failed",
            "stuck": "stuck",
        },
        "in_doubt": {
            "absent": "created",
            "underway": "processing",
            "doubt": "in_doubt",
            "short": "short",
            "declined": "failed",
            "done": "done",
            "failed": "failed",
            "stuck": "stuck",
        },
        "processing": {"underway": "processing", "done": "done", "failed": "failed", "stuck": "stuck"},
        "short": {"retry": "created", "cash": "cash", "done": "done"},
        "stuck": {"underway": "stuck", "stuck": "stuck", "done": "done", "failed": "failed"},
        "done": {"underway": "done", "done": "done"},
        "failed": {"failed": "failed"},
        "cash": {},
    },
)

# A deposit 押金. part_kept: some of it paid for something, the rest went back. kept: all of it did.
DEPOSIT = StateTable(
    "deposit",
    {
        "held": {"spend": "held", "return": "returned", "return_part": "part_kept", "keep": "kept"},
        "returned": {},
        "part_kept": {},
        "kept": {},
    },
)

# A piece of equipment. What cards and counters tell of a damaged or retired one is shown, and moves nothing.
PIECE = StateTable(
    "piece",
    {
        "in": {"take": "out", "damage": "damaged", "retire": "retired"},
        "out": {"give_back": "in", "damage": "damaged", "retire": "retired"},
        "damaged": {"repair": "in", "retire": "retired"},
        "retired": {},
    },
)

# A settlement 结算, kept before the card is wiped. dropped: it was given up before anything was paid.
SETTLEMENT = StateTable("settlement", {"begun": {"settle": "settled", "drop": "dropped"}, "settled": {}, "dropped": {}})

# A compensation 停运补偿 for a stop: previewed, then given in chunks.
COMPENSATION = StateTable(
    "compensation",
    {
        "draft": {"run": "running", "drop": "dropped"},
        "running": {"run": "running", "end": "done"},
        "done": {},
        "dropped": {},
    },
)

# A contingency ticket 应急票. held: signed, on its way to the window's box or there. spoilt 作废: its sale was voided
# before anybody saw its code. unsold_denied: refused at every gate. sold_denied: sold before that, and told after it.
# expired: it was not sold, and its day was over before its box was done: no gate takes it any more.
CONTINGENCY_TICKET = StateTable(
    "contingency ticket",
    {
        "held": {"sell": "sold", "spoil": "spoilt", "deny": "unsold_denied", "expire": "expired"},
        "sold": {},
        "spoilt": {},
        "unsold_denied": {"sell": "sold_denied", "spoil": "spoilt"},
        "expired": {"sell": "sold", "spoil": "spoilt"},
        "sold_denied": {},
    },
)

# A window's batch of them. held: its box may sell. done: the box said that it sells no more of it. lost: a person said
# so.
CONTINGENCY_BATCH = StateTable(
    "contingency batch", {"held": {"done": "done", "lose": "lost"}, "done": {}, "lost": {"done": "done"}}
)

# A box's receipt. trouble: the money is in the drawer and nothing is booked for it, or its tickets were denied.
CONTINGENCY_SALE = StateTable(
    "contingency sale",
    {
        "heard": {"book": "booked", "void": "void", "trouble": "trouble"},
        "booked": {},
        "void": {},
        "trouble": {"book": "booked", "settle": "settled"},
        "settled": {},
    },
)

# A message to a guest. sending: one process has it; if it does not come back, another takes it over. failed: the
# provider will not send it. given_up: too late, or nobody knows whether it arrived and asking again might double it.
NOTIFICATION = StateTable(
    "notification",
    {
        "waiting": {"send": "sending", "give_up": "given_up"},
        "sending": {
            "send": "sending",
            "sent": "sent",
            "again": "waiting",
            "refused": "failed",
            "give_up": "given_up",
        },
        "sent": {},
        "failed": {"retry": "waiting"},
        "given_up": {"retry": "waiting"},
    },
)
