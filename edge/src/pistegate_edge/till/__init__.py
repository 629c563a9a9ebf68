# SPDX-License-Identifier: Apache-2.0
"""The till: a point of sale, rental or catering that shows, debits and loads cards, on its own or with the cloud."""
