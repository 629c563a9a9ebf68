# SPDX-License-Identifier: Apache-2.0
"""Products 产品: what can be bought."""
