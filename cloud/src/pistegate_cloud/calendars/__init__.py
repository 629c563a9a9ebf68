# SPDX-License-Identifier: Apache-2.0
"""Calendars 日历: sets of days on which tickets that name them do not hold."""
