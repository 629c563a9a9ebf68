# SPDX-License-Identifier: Apache-2.0
"""Providers of messages to guests: a gateway of short messages, and WeChat's template messages."""
