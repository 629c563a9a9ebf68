# SPDX-License-Identifier: Apache-2.0
"""A network between real processes that delays, loses, doubles and reorders: two namespaces and a seeded line."""
