# SPDX-License-Identifier: Apache-2.0
"""The double-entry ledger through which all money moves."""
