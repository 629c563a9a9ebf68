# SPDX-License-Identifier: Apache-2.0
"""Suspensions 停运: an area closed for a time, with or without the clocks of its tickets."""
