# SPDX-License-Identifier: Apache-2.0
"""Scanners of codes and readers of resident IDs that give lines of text: over serial lines, or as keyboards."""
