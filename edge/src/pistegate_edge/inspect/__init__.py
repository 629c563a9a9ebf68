# SPDX-License-Identifier: Apache-2.0
"""An attendant's handheld: says what any card held to it is worth here and now, and changes nothing."""
