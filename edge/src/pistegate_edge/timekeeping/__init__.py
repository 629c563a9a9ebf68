# SPDX-License-Identifier: Apache-2.0
"""Whether the gate's time is to be believed, and what it is when the system's clock is not."""
