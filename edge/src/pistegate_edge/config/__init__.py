# SPDX-License-Identifier: Apache-2.0
"""gate.toml, which every device reads at its start: its sections, how it is checked, what follows of the place."""

from pistegate_edge.config.checking import check_config as check_config
from pistegate_edge.config.checking import load_config as load_config
from pistegate_edge.config.places import holder_classes as holder_classes
from pistegate_edge.config.places import lane_profile as lane_profile
from pistegate_edge.config.places import placeless as placeless
from pistegate_edge.config.sections import Broker as Broker
from pistegate_edge.config.sections import ClockSource as ClockSource
from pistegate_edge.config.sections import Config as Config
from pistegate_edge.config.sections import Device as Device
from pistegate_edge.config.sections import DisplayText as DisplayText
from pistegate_edge.config.sections import IdentityFiles as IdentityFiles
from pistegate_edge.config.sections import KeyStoreFile as KeyStoreFile
from pistegate_edge.config.sections import Overrides as Overrides
from pistegate_edge.config.sections import Place as Place
from pistegate_edge.config.sections import Reader as Reader
from pistegate_edge.config.sections import Signals as Signals
from pistegate_edge.config.sections import SiteHub as SiteHub
from pistegate_edge.config.sections import Stale as Stale
from pistegate_edge.config.sections import Storage as Storage
from pistegate_edge.config.sections import Till as Till
