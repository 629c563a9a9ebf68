# SPDX-License-Identifier: Apache-2.0
"""Storing goes before applying, and applying gets on all the same."""

import asyncio

from pistegate_cloud.ingest.precedence import MORE_S, SHARE, Precedence

LONG_S = 30.0  # far more than any of these waits takes
WORKED_S = 0.02


async def waited(precedence: Precedence, worked_s: float) -> float:
    """Seconds for which applying gave way."""
    began = asyncio.get_running_loop().time()
    async with asyncio.timeout(LONG_S):
        await precedence.give_way(worked_s)
    return asyncio.get_running_loop().time() - began


async def test_nothing_is_stored_and_nobody_waits() -> None:
    """Not even a turn of the loop's clock."""
    assert await waited(Precedence(), LONG_S) < MORE_S


async def test_applying_waits_while_a_batch_is_stored() -> None:
    """And goes on when it is, at once after the last of several."""
    precedence = Precedence()
    with precedence.storing(more=False):
        applying = asyncio.create_task(waited(precedence, LONG_S))
        with precedence.storing(more=False):
            await asyncio.sleep(MORE_S)
        await asyncio.sleep(MORE_S)
        assert not applying.done()
    assert await applying >= 2 * MORE_S * 0.9


async def test_a_full_batch_says_that_more_follow() -> None:
    """Applying waits for them, for a moment; a small batch of another gate in between does not end that."""
    precedence = Precedence()
    with precedence.storing(more=True):
        pass
    with precedence.storing(more=False):
        pass
    assert await waited(precedence, LONG_S) >= MORE_S * 0.9
    assert await waited(precedence, LONG_S) < MORE_S


async def test_under_a_load_that_never_ends_applying_keeps_its_share() -> None:
    """It waits in proportion to what it did, no longer."""
    precedence = Precedence()
    with precedence.storing(more=True):
        assert SHARE * WORKED_S * 0.9 <= await waited(precedence, WORKED_S) < LONG_S
