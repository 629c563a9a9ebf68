# SPDX-License-Identifier: Apache-2.0
"""From the journal to the cloud: what to send is decided purely, and sent over MQTT."""
