# SPDX-License-Identifier: Apache-2.0
"""Sales windows and shifts 班次: whose drawer it is, from the float to the close."""
