# SPDX-License-Identifier: Apache-2.0
"""Group issues 团队发卡: the tickets of one order put on cards, one after another."""
