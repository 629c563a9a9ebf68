# SPDX-License-Identifier: Apache-2.0
"""Bindings: tickets in a guest's name 实名制, found again by an identity document; the tables that tell the gates."""
