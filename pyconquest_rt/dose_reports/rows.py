"""Rows of one object: what an extractor hands back and what the store writes."""

from typing import TypeAlias

from pyconquest_rt.dose_reports.tables import TABLES

Value: TypeAlias = str | int | float | None
Row: TypeAlias = dict[str, Value]


class Rows(dict[str, list[Row]]):
    """The rows of one object: table name → list of rows (column → value); columns left out are NULL.

    Every key of :data:`~pyconquest_rt.dose_reports.tables.TABLES` is there, each with its list. ``object`` is
    the one row of ``dose_object``; its ``status`` is ``ok``, ``warning`` or ``failed``. ``is_dicom`` is False where
    it failed because the file is no DICOM file at all.
    """

    def __init__(self, sop_instance_uid: str) -> None:
        super().__init__((name, []) for name in TABLES)
        self.sop_instance_uid = sop_instance_uid
        self.is_dicom = True
        self.object: Row = {"SOPInstanceUID": sop_instance_uid, "status": "ok"}
        self["dose_object"].append(self.object)
        self._warnings: dict[str, None] = {}

    def add(self, table: str, /, **values: Value) -> Row:
        """Append a row of this object to a table and return it, to be filled further."""
        row: Row = {"SOPInstanceUID": self.sop_instance_uid, **values}
        if table == "dose_event":
            row["StudyInstanceUID"] = self.object.get("StudyInstanceUID")
        self[table].append(row)
        return row

    def warn(self, reason: str) -> None:
        """Note a reason why a value is missing or changed; the same reason is kept once."""
        self._warnings.setdefault(reason)
        self.object["status"] = "warning"
        self.object["warnings"] = "\n".join(self._warnings)
