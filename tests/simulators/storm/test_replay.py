# SPDX-License-Identifier: Apache-2.0
"""A storm can be told again: the same seed is the same storm, in any process."""

import os
import subprocess
import sys

from pistegate_simulators.storm.run import storm

SEEDS = (3, 11)


def digests(hash_seed: str) -> list[str]:
    """Of traces in a process of their own."""
    code = f"from pistegate_simulators.storm.run import storm; print(*(storm(s).digest for s in {SEEDS}))"
    environment = os.environ | {"PYTHONHASHSEED": hash_seed}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    return done.stdout.split()


def test_same_seed_is_the_same_trace_in_every_process() -> None:
    """Nothing depends on the order of sets, on addresses, or on what ran before."""
    here = [storm(seed).digest for seed in SEEDS]
    assert here == digests("1") == digests("2")


def test_trace_tells_what_the_digest_covers() -> None:
    """With and without a listener, the same storm; other seeds are other storms."""
    lines: list[str] = []
    told = storm(SEEDS[0], tell=lines.append)
    assert told.digest == storm(SEEDS[0]).digest != storm(SEEDS[1]).digest
    assert any("opens for" in line for line in lines)
    assert any("boots" in line for line in lines)
