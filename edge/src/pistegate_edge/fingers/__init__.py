# SPDX-License-Identifier: Apache-2.0
"""Fingerprints, for guests who want them: sensors of the R307/AS608/R503 family. Never the only way in."""
