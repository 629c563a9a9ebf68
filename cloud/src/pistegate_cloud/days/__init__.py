# SPDX-License-Identifier: Apache-2.0
"""The business day 营业日 and its close 日结."""
