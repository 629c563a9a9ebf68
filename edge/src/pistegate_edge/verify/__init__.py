# SPDX-License-Identifier: Apache-2.0
"""What a gate would decide about a code, for whoever prints codes or connects a scanner."""
