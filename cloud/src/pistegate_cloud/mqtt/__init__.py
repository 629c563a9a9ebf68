# SPDX-License-Identifier: Apache-2.0
"""The cloud's side of the broker."""
