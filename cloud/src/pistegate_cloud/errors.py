# SPDX-License-Identifier: Apache-2.0
"""The error root of the cloud, and business errors that carry their HTTP status."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

# Every problem code and its HTTP status; titles and details are in texts/ under error.CODE and error_detail.CODE.
STATUS: Final[dict[str, int]] = {
    "invalid_request": 422,
    "not_found": 404,
    "method_not_allowed": 405,
    "too_large": 413,
    "token_missing": 401,
    "token_refused": 401,
    "scope_missing": 403,
    "too_many_attempts": 429,
    "login_refused": 401,
    "session_ended": 401,
    "origin_refused": 403,
    "password_weak": 422,
    "password_change_needed": 403,
    "site_not_allowed": 403,
    "window_not_allowed": 403,
    "site_needed": 422,
    "group_too_wide": 403,
    "last_admin": 409,
    "approval_needed": 403,
    "approval_refused": 403,
    "shift_needed": 409,
    "shift_open": 409,
    "shift_not_yours": 403,
    "shift_uncounted": 409,
    "shift_count_differs": 409,
    "device_refused": 401,
    "request_time": 401,
    "enrolment_off": 409,
    "code_refused": 403,
    "code_used": 403,
    "code_expired": 403,
    "csr_unreadable": 422,
    "csr_of_another": 422,
    "key_in_use": 409,
    "already_exists": 409,
    "unknown_reference": 422,
    "wrong_currency": 422,
    "payment_too_small": 422,
    "amount_too_large": 422,
    "tenders_too_much": 422,
    "tenders_unclear": 422,
    "reference_missing": 422,
    "outlet_of_another_group": 409,
    "order_being_paid": 409,
    "visit_date_past": 422,
    "season_over": 422,
    "sold_out": 409,
    "price_missing": 409,
    "not_sold_here": 409,
    "not_sold_that_day": 409,
    "not_sold_yet": 409,
    "not_sold_any_more": 409,
    "proof_needed": 422,
    "proof_unsuitable": 422,
    "companion_needed": 422,
    "slot_needed": 422,
    "slot_unknown": 422,
    "quote_expired": 409,
    "quote_differs": 409,
    "catalogue_contradicts": 422,
    "price_list_past": 422,
    "stock_below_sold": 409,
    "stock_full": 422,
    "idempotency_key_reused": 409,
    "request_in_progress": 409,
    "state_conflict": 409,
    "ticket_revoked": 409,
    "ticket_issued": 409,
    "ticket_reissues_exhausted": 409,
    "code_not_issued": 404,
    "code_rotates": 409,
    "code_is_static": 409,
    "code_day": 422,
    "bindings_off": 409,
    "binding_kind_off": 409,
    "identity_wrong": 422,
    "party_bound": 409,
    "finger_party": 409,
    "finger_full": 409,
    "number_not_kept": 404,
    "number_unreadable": 409,
    "table_not_there": 404,
    "document_full": 409,
    "terms_too_many": 422,
    "terms_impossible": 422,
    "calendar_full": 422,
    "calendar_csv": 422,
    "extension_empty": 422,
    "extension_not_later": 422,
    "extension_without_clock": 422,
    "extension_too_long": 422,
    "areas_held_already": 409,
    "returns_pending": 409,
    "amendments_exhausted": 409,
    "nothing_to_return": 409,
    "return_too_early": 409,
    "return_unknown": 409,
    "encoder_busy": 409,
    "encoder_offline": 409,
    "broker_unreachable": 503,
    "reader_lost": 409,
    "no_card": 409,
    "foreign_card": 409,
    "card_key_refused": 409,
    "card_lost": 409,
    "card_refused": 409,
    "card_unknown": 409,
    "card_personalising": 409,
    "card_returned": 409,
    "card_reported_lost": 409,
    "card_void": 409,
    "card_of_another_group": 409,
    "card_in_stock": 409,
    "card_holds_ticket": 409,
    "card_not_blank": 409,
    "card_proof_wrong": 409,
    "card_unsuitable": 409,
    "card_not_personalised": 409,
    "card_rental_out": 409,
    "card_laid_twice": 409,
    "card_in_use": 409,
    "card_not_from_stock": 409,
    "encoder_not_trusted": 409,
    "wrong_site": 409,
    "group_issue_finished": 409,
    "one_search_term": 422,
    "wallets_not_offered": 409,
    "wallet_has_card": 409,
    "wallet_has_no_card": 409,
    "card_has_wallet": 409,
    "wallet_too_small": 409,
    "wallet_wrong_card": 409,
    "wallet_above_cap": 409,
    "wallet_load_in_doubt": 409,
    "payments_off": 409,
    "payment_amount": 422,
    "payment_mismatch": 409,
    "payment_unknown": 404,
    "refund_too_large": 409,
    "reverse_too_early": 409,
    "notice_forged": 401,
    "notice_stale": 401,
    "notice_replayed": 409,
    "notice_unreadable": 422,
    "equipment_unfit": 409,
    "equipment_once": 409,
    "equipment_out": 409,
    "equipment_not_out": 409,
    "equipment_other_medium": 409,
    "deposit_too_small": 409,
    "deposit_in_wallet": 409,
    "deposit_bound": 409,
    "settlement_equipment_out": 409,
    "settlement_short": 409,
    "settlement_too_much": 422,
    "settlement_price": 422,
    "settlement_currency": 409,
    "settlement_begun": 409,
    "contingency_off": 409,
    "contingency_unfit": 409,
    "contingency_missing": 409,
    "deposit_none": 422,
    "deposit_held": 409,
    "deposit_method": 422,
    "day_not_over": 409,
    "day_differs": 409,
    "day_closed": 409,
    "cut_over_past": 409,
    "invoice_exists": 409,
    "invoice_nothing": 409,
    "invoice_buyer": 422,
    "invoice_reddened_first": 409,
    "invoice_number_used": 409,
    "internal": 500,
}


class CloudError(Exception):
    """Something the cloud cannot do."""


class SettingsError(CloudError, ValueError):
    """A missing or wrong value in the configuration; the message says which and what is expected."""


class SchemaError(CloudError, RuntimeError):
    """The database's schema is not the one this release needs; the message says what to do."""


class LedgerError(CloudError, ValueError):
    """Postings that do not balance."""


@dataclass(frozen=True, slots=True)
class Said:
    """A value of a problem that is a text itself, told in the language of the one who asks."""

    key: str
    values: Mapping[str, Any] = field(default_factory=dict)


class Problem(CloudError):
    """A refusal told to the caller as problem+json; `values` fill the detail's placeholders."""

    def __init__(self, code: str, /, **values: Any) -> None:
        super().__init__(code)
        self.code = code
        self.status = STATUS[code]
        self.values = values
