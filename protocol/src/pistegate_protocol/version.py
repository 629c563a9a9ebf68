# SPDX-License-Identifier: Apache-2.0
"""The release all parts are built from."""

__version__ = "0.1.0"
