# SPDX-License-Identifier: Apache-2.0
"""A tripod turnstile with its own controller, wired to a gate's GPIO pins over a socket."""
