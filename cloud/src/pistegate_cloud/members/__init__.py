# SPDX-License-Identifier: Apache-2.0
"""Members 会员: who they are, levels, passes, families; what is known of them, and its end."""
