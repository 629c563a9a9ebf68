# SPDX-License-Identifier: Apache-2.0
"""Bearer tokens of machines and tools, and what they may do."""
