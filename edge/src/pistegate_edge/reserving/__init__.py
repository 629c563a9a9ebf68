# SPDX-License-Identifier: Apache-2.0
"""The gate's side of the site hub: what it asks, tells and hands over, and when it does without."""
