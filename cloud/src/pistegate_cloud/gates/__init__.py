# SPDX-License-Identifier: Apache-2.0
"""Gates 闸机: who they are, when they were last heard, what they know."""
