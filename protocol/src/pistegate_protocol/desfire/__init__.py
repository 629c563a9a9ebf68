# SPDX-License-Identifier: Apache-2.0
"""Host side of DESFire EV2/EV3, sans-IO: flows are generators that yield command APDUs and receive responses."""
