# SPDX-License-Identifier: Apache-2.0
"""The gate: readers, decision, journal, lane, uplink."""
