# SPDX-License-Identifier: Apache-2.0
"""Encoders: the readers at windows, and the relayed link to the card on them."""
