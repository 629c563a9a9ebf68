# SPDX-License-Identifier: Apache-2.0
"""Cards IC卡: stock, personalising, taking back, wiping, losing and finding; keys of each card."""
