# SPDX-License-Identifier: Apache-2.0
"""The till's decisions: inputs in, actions out; no card, disk, network or clock in here."""
