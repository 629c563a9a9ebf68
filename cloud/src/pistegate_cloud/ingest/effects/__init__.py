# SPDX-License-Identifier: Apache-2.0
"""What events do, by kind: read first, then saved in the applier's transaction."""
