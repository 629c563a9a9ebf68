# SPDX-License-Identifier: Apache-2.0
"""The dose of every run of the tests: a thousand storms, none of which breaks a promise."""

import os

import pytest

from pistegate_simulators.storm.run import Summary, storms

DOSE = 1000
PRESENTATIONS, FAULTS = 50, 5


@pytest.mark.timeout(900)
def test_no_storm_of_the_dose_breaks_a_promise() -> None:
    """Every seed: at least 50 media presented, at least 5 faults, everything counted once, nobody lost."""
    summary = Summary()
    shared = "PYTEST_XDIST_WORKER" in os.environ  # then other tests have the other processors
    for result in storms(range(DOSE), 1 if shared else os.cpu_count() or 1):
        summary.add(result)
    reds = [f"{r.red}: {r.what}; replay: pistegate-sim storm --seed {r.seed} --trace" for r in summary.reds]
    assert not reds, "\n".join(reds)
    assert summary.seeds == DOSE
    assert (summary.fewest_presented or 0) >= PRESENTATIONS
    assert (summary.fewest_faults or 0) >= FAULTS
