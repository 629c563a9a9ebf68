# SPDX-License-Identifier: Apache-2.0
"""Payments 收款 that a provider carries out: asked for, told, doubted, reversed, refunded, compared with its bills."""
