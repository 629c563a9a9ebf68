# SPDX-License-Identifier: Apache-2.0
"""Signed, versioned documents sent down to devices."""
