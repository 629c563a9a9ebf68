# SPDX-License-Identifier: Apache-2.0
"""Messages to guests: an outbox, those who send it, and links to ticket pages."""
