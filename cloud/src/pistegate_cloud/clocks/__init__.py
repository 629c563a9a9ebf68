# SPDX-License-Identifier: Apache-2.0
"""How far gates' times are to be believed, and the cloud's own time for those who ask."""
