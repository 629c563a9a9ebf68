# SPDX-License-Identifier: Apache-2.0
"""Stock 库存: how many of what may be sold for a day, a channel, a time slot 时段."""
