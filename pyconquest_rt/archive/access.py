"""AccessTime: when an object was last asked for, as a Conquest server keeps it."""

import time
from collections.abc import Collection

from pyconquest_rt.database.connection import Database


def access_time() -> int:
    """Return the time now as Conquest writes it: seconds since 1970, in steps of 32."""
    return int(time.time()) & ~31


def note_access(database: Database, sops: Collection[str]) -> None:
    """Note that objects were retrieved, copied or exported now; retention removes the longest unused first.

    Of objects of a database that is open for reading alone nothing is noted.

    Raises:
        DatabaseError: the index cannot be written.
    """
    if not sops or not database.writes:
        return
    with database.transaction() as connection:
        connection.executemany(
            "UPDATE DICOMImages SET AccessTime = ? WHERE SOPInstanc = ?",
            [(access_time(), sop) for sop in sops],
        )
