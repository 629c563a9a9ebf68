# SPDX-License-Identifier: Apache-2.0
"""Ask a lane what a trace says, step by step; the same file runs on CPython and on MicroPython.

A trace is {"profile": {...}, "calls": [[ms, method, [arguments after ms]], ...]}.
"""

import json

from pistegate_edge.lane.core.lanes import open_lane

SNAPSHOT_EVERY = 16  # calls; a snapshot holds what states and outputs do not show yet


def answers(trace):
    """One line of JSON per call: state, outputs, deadline, counts, what the call returned; now and then a snapshot."""
    lane = open_lane(trace["profile"])
    for index, call in enumerate(trace["calls"]):
        now = call[0]
        try:
            told = getattr(lane, call[1])(now, *call[2])
        except ValueError:
            told = "ValueError"
        line = [lane.state, lane.outputs, lane.deadline, lane.counts, told]
        if index % SNAPSHOT_EVERY == 0:
            line.append(lane.snapshot(now))
        yield json.dumps(line)


def main(folder, count):
    """Print the answers to traces 0 .. count - 1 of `folder`, a line `trace N` before each."""
    for number in range(count):
        print("trace", number)
        with open(folder + "/" + str(number) + ".json") as file:
            trace = json.load(file)
        for line in answers(trace):
            print(line)
