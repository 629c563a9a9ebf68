# SPDX-License-Identifier: Apache-2.0
"""The storm: real gates, hub and cloud core in a simulated world where everything fails, seed by seed.

Real: the gate's loop with its passage protocol, judge, books, recorder, journal (SQLite), documents and uplink; the
cloud's ingest core; every codec and signature. Simulated: time, network, disk, cards and their radio, lanes, guests,
and the cloud's tables. The same seed gives the same trace.
"""
