# SPDX-License-Identifier: Apache-2.0
"""The hub of a site: gates reserve with it what they are about to admit, and hand over whom they still owe."""
