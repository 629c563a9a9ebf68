# SPDX-License-Identifier: Apache-2.0
"""Audit 审计: who did what, kept for good."""
