# SPDX-License-Identifier: Apache-2.0
"""Schema migrations, in order; never edited once released."""
