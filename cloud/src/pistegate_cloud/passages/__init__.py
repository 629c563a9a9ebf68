# SPDX-License-Identifier: Apache-2.0
"""What gates report: admissions 放行 with their outcomes, refusals, incidents."""
