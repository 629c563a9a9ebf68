# SPDX-License-Identifier: Apache-2.0
"""Staff 员工: users, groups, sessions, and who may do what where."""
