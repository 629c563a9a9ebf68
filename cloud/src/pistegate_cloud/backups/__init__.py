# SPDX-License-Identifier: Apache-2.0
"""Backups of the database, and what a restored one must know: gates are asked for everything since."""
