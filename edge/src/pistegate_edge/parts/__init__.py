# SPDX-License-Identifier: Apache-2.0
"""What may hang on a gate beside its reader and lane: scanners, power, fingers, tables, the site's hub."""
