"""What is derived from which object, and which of it is due: the rows that keep the account.

``derivations`` has a row per object and extractor; ``derivation_inputs`` lists every object that a result rests on,
with the fingerprint of its file then. ``derived_tables`` names the tables that hold results; each has a column
SOPInstanceUID. The functions here are called wherever an object's rows change, in the same transaction.
"""

from collections.abc import Collection

from pyconquest_rt.database.connection import Database, quote


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


_PATIENT_COLUMNS = frozenset({"patient_id", "patientid"})
_PATIENT_OF = (
    "SELECT t.PatientID FROM DICOMImages i JOIN DICOMSeries s ON s.SeriesInst = i.SeriesInst "
    "JOIN DICOMStudies t ON t.StudyInsta = s.StudyInsta WHERE i.SOPInstanc = {table}.SOPInstanceUID"
)


def assign_patient(database: Database, sops: Collection[str]) -> None:
    """Give the results of these objects the PatientID that the index has for them, whatever their files say."""
    for (table,) in database.connection.execute("SELECT name FROM derived_tables").fetchall():
        for column in database.columns(table):
            if column.lower() in _PATIENT_COLUMNS:
                patient = _PATIENT_OF.format(table=quote(table))
                database.connection.executemany(
                    f"UPDATE {quote(table)} SET {quote(column)} = ({patient}) WHERE SOPInstanceUID = ?",
                    [(sop,) for sop in sops],
                )
