# SPDX-License-Identifier: Apache-2.0
"""Fixtures and rules for every test; they live in tests/support, which is on pytest's path."""

pytest_plugins = ["skips", "servers"]
