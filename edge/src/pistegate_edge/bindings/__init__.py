# SPDX-License-Identifier: Apache-2.0
"""Bindings and the large deny list on a gate: the store, downloads in progress, from a document to its tickets."""
