# SPDX-License-Identifier: Apache-2.0
"""A whole ski day: real broker, cloud, gates and encoders; simulated cards, readers, turnstiles and people."""
