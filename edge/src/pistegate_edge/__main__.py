# SPDX-License-Identifier: Apache-2.0
"""`python -m pistegate_edge` is `pistegate-gate`."""

import sys

from pistegate_edge.cli import main

sys.exit(main())
