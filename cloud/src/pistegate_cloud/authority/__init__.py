# SPDX-License-Identifier: Apache-2.0
"""The operator's own certificate authority: devices, broker and cloud know each other by it."""
