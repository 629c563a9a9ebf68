# SPDX-License-Identifier: Apache-2.0
"""The gate's journal: one SQLite database that holds what must survive."""
