# SPDX-License-Identifier: Apache-2.0
"""A device's own key and certificate: made here, renewed, and shown in everything that it says to the cloud."""
