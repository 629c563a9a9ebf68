# SPDX-License-Identifier: Apache-2.0
"""Orders 订单 and their payments 收款."""
