# SPDX-License-Identifier: Apache-2.0
"""Rights, limits and passwords: pure."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pistegate_cloud.staff.rules import (
    EVERYTHING,
    NO_LIMITS,
    Action,
    Grant,
    Limits,
    beyond,
    rights,
    weak,
)

SELL = frozenset({"orders:write"})
SCOPES = ("orders:read", "orders:write", "staff:write")
limits = st.dictionaries(st.sampled_from([a.value for a in Action]), st.none() | st.integers(0, 1000)).map(Limits)
grants = st.builds(
    Grant,
    st.frozensets(st.sampled_from((*SCOPES, EVERYTHING)), min_size=1),
    st.none() | st.integers(1, 3),
    st.none() | st.integers(1, 2),
    limits,
)


def test_an_action_that_a_group_does_not_name_always_needs_a_second_person() -> None:
    """What nobody thought of is not free for all; an amount of zero moves nothing."""
    assert Limits().needs_second("refund", 1)
    assert not Limits().needs_second("refund", 0)
    assert not NO_LIMITS.needs_second("refund", 10**12)


@pytest.mark.parametrize(("amount", "second"), [(199, False), (200, False), (201, True)])
def test_the_limit_itself_is_still_done_alone(amount: int, second: bool) -> None:
    """Above, not from."""
    assert Limits({"refund": 200}).needs_second("refund", amount) is second


def test_several_groups_add_up_and_the_widest_limit_holds() -> None:
    """A seller of two sites, who at one of them has one window only."""
    held = rights(
        [
            Grant(SELL, 1, None, Limits({"refund": 100})),
            Grant(SELL, 2, 7, Limits({"refund": 300})),
            Grant(frozenset({"orders:read"}), 3),
        ],
        "orders:write",
    )
    assert held is not None
    assert held.sites == {1, 2}
    assert held.windows == {(1, None), (2, 7)}
    assert held.limits.alone["refund"] == 300
    assert rights([Grant(SELL, 1)], "staff:write") is None


def test_one_membership_without_a_site_holds_everywhere() -> None:
    """Whatever the others say."""
    held = rights([Grant(SELL, 1, 1), Grant(SELL)], "orders:write")
    assert held is not None
    assert (held.sites, held.windows) == (None, None)


@pytest.mark.parametrize(
    ("wanted", "what"),
    [
        (Grant(SELL, 1, None, Limits()), None),
        (Grant(SELL, 1, 4, Limits()), None),
        (Grant(SELL, 2, None, Limits()), "orders:write"),
        (Grant(SELL, None, None, Limits()), "orders:write"),
        (Grant(frozenset({EVERYTHING}), 1, None, Limits()), EVERYTHING),
        (Grant(frozenset({"ledger:write"}), 1, None, Limits()), "ledger:write"),
        (Grant(SELL, 1, None, NO_LIMITS), "limits"),
        (Grant(SELL, 1, None, Limits({"refund": 501})), "limits"),
        (Grant(SELL, 1, None, Limits({"refund": 500})), None),
    ],
)
def test_nobody_gives_what_they_do_not_have_there(wanted: Grant, what: str | None) -> None:
    """Neither elsewhere, nor more, nor with wider limits."""
    holder = [Grant(frozenset({"orders:write", "staff:write"}), 1, None, Limits({"refund": 500}))]
    assert beyond(holder, wanted) == what


@given(st.lists(grants, max_size=4), grants)
def test_giving_never_widens_what_the_giver_has(holder: list[Grant], wanted: Grant) -> None:
    """With what was given, nobody may do more anywhere than the giver could: scope by scope, place by place."""
    if beyond(holder, wanted) is not None:
        return
    for scope in (*SCOPES, "another:scope"):
        for site, window in [(1, 1), (1, None), (2, 2), (3, None), (9, 1)]:
            there = [grant for grant in holder if grant.reaches(site, window)]
            if wanted.reaches(site, window) and wanted.gives(scope):
                assert any(grant.gives(scope) for grant in there)


@given(limits, limits)
def test_limits_within_others_never_do_more_alone(one: Limits, other: Limits) -> None:
    """`within` is what `needs_second` means."""
    more = any(
        other.needs_second(action, amount) and not one.needs_second(action, amount)
        for action in Action
        for amount in range(1, 1002)
    )
    assert one.within(other) is not more


@pytest.mark.parametrize(
    "password",
    ["short", "password123", "Passw0rd", "li.na-2026x", "aaaaaaaaaaaa", "1234567890", "abcdefghijkl", "ababababab"],
)
def test_easy_passwords_are_refused(password: str) -> None:
    """Short, well known, with the login in it, runs and repeats."""
    assert weak(password, "li.na")


def test_a_fair_password_is_taken_and_the_old_one_is_not() -> None:
    """Ten characters that nobody guesses."""
    assert not weak("lift7-noon-tea", "li.na")
    assert weak("lift7-noon-tea", "li.na", "lift7-noon-tea")
