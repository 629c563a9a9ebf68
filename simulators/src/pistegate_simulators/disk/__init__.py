# SPDX-License-Identifier: Apache-2.0
"""A disk that loses its power: SQLite databases in memory whose unsynced writes are kept, dropped or torn.

    disk = Disk(Random(seed))                    # named files; disk.operations counts what changes the medium
    db = CrashingConnection(disk, "journal.sqlite")   # the API of sqlite3 that the journal uses, over apsw's own SQLite
    disk.cut_at = disk.operations + n            # the power goes in the n-th operation from now: PowerCut is raised
    disk.cut(); disk.kill()                      # or now, between two operations; or only the process dies
    fate = disk.power_on()                       # what was not synced is kept, dropped, a subset or torn at 512 B
    disk.capacity = disk.used                    # full: the next write that needs room raises (SQLITE_FULL, ENOSPC)
    disk.image(), disk.restore(image)            # an SD card's image taken, and written back later
    Journal(Path(), site, gate, reserve, clock, random32, "x", files=DiskFiles(disk))   # the real journal on it

A rig that cuts at every operation runs its workload once to learn `disk.operations`, then again for each number.
PowerCut is no Exception: no product code may handle it. What was open before a cut, kill or restore is dead and says
PowerCut to whoever goes on using it. The one SQLite feature that differs from a gate's: the WAL index lies in the
process, not in shared memory (`-shm`), hence locking_mode=EXCLUSIVE; the block-level rig covers that.
"""

from pistegate_simulators.disk.connection import CrashingConnection as CrashingConnection
from pistegate_simulators.disk.disk import Disk as Disk
from pistegate_simulators.disk.disk import DiskFull as DiskFull
from pistegate_simulators.disk.disk import PowerCut as PowerCut
from pistegate_simulators.disk.files import DiskFiles as DiskFiles
from pistegate_simulators.disk.image import FATES as FATES
from pistegate_simulators.disk.image import Fate as Fate
