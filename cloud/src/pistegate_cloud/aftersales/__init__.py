# SPDX-License-Identifier: Apache-2.0
"""What happens to an order after the sale: refunds, exchanges, extensions, compensation, free tickets, arrivals."""
