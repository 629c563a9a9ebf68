# SPDX-License-Identifier: Apache-2.0
"""Tickets 门票: issuing them to cards, revoking them."""
