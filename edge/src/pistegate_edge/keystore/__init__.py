# SPDX-License-Identifier: Apache-2.0
"""Where a gate's card keys are kept, and how they are got at."""
