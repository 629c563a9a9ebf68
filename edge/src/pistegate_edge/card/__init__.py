# SPDX-License-Identifier: Apache-2.0
"""A whole card for people: read without changing it, understood, and told in words."""
