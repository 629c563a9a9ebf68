# SPDX-License-Identifier: Apache-2.0
"""The lane board as a host of a lane: framed serial link, session, technicians' commands."""
