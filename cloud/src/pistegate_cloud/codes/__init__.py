# SPDX-License-Identifier: Apache-2.0
"""Codes of tickets: static ones for paper and messages, and the sheets of rotating ones for a phone's page."""
