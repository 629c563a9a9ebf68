# SPDX-License-Identifier: Apache-2.0
"""The lane: a pure core and its hosts."""
