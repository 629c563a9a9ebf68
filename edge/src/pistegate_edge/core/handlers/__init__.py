# SPDX-License-Identifier: Apache-2.0
"""What the passage protocol does about each input, by subject; `core.passage.TABLE` says which in which state."""
