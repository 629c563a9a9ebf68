# SPDX-License-Identifier: Apache-2.0
"""Rentals 租赁: equipment taken and returned at tills, and what is settled at the desk."""
