"""What is derived from which object, and which of it is due: the rows that keep the account.

``derivations`` has a row per object and extractor; ``derivation_inputs`` lists every object that a result rests on,
with the fingerprint of its file then. ``derived_tables`` names the tables that hold results; each has a column
SOPInstanceUID. The functions here are called wherever an object's rows change, in the same transaction.
"""

from collections.abc import Collection

from pyconquest_rt.database import Database, quote


def objects_changed(database: Database, sops: Collection[str]) -> None:
    """Everything that rests on these objects is due again."""
    database.connection.executemany(
        "UPDATE derivations SET state = 'due', attempts = 0 WHERE (sop, extractor) IN "
        "(SELECT sop, extractor FROM derivation_inputs WHERE input_sop = ?)",
        [(sop,) for sop in sops],
    )


def objects_removed(database: Database, sops: Collection[str]) -> None:
    """The results of these objects go, and what rests on them is due again."""
    if not sops:
        return
    objects_changed(database, sops)
    keys = [(sop,) for sop in sops]
    tables = [row[0] for row in database.connection.execute("SELECT name FROM derived_tables")]
    for table in tables:
        database.connection.executemany(f"DELETE FROM {quote(table)} WHERE SOPInstanceUID = ?", keys)
    for table in ("derivations", "derivation_inputs"):
        database.connection.executemany(f"DELETE FROM {table} WHERE sop = ?", keys)
