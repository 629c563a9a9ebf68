# SPDX-License-Identifier: Apache-2.0
"""From a gate's batches to stored, acknowledged and applied events."""
