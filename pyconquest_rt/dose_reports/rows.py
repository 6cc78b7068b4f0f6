"""Rows of one object: what an extractor hands back and what the store writes."""

from typing import TypeAlias

from pyconquest_rt.dose_reports.tables import TABLES

Value: TypeAlias = str | int | float | None
Row: TypeAlias = dict[str, Value]


class Rows(dict[str, list[Row]]):
    """The rows of one object: table name → list of rows (column → value); columns left out are NULL.

    Every key of :data:`~pyconquest_rt.dose_reports.tables.TABLES` is there, each with its list.
    """

    def __init__(self, sop_instance_uid: str) -> None:
        super().__init__((name, []) for name in TABLES)
        self._warnings: dict[str, None] = {}
        self.object = self.add("dose_object", SOPInstanceUID=sop_instance_uid, status="ok")

    def add(self, table: str, /, **values: Value) -> Row:
        """Append a row of this object to a table and return it, to be filled further."""
        row: Row = {"SOPInstanceUID": self.sop_instance_uid if table != "dose_object" else None, **values}
        self[table].append(row)
        return row

    @property
    def sop_instance_uid(self) -> str:
        return str(self.object["SOPInstanceUID"])

    def warn(self, reason: str) -> None:
        """Note a reason why a value is missing or changed; the same reason is kept once."""
        self._warnings.setdefault(reason)
        self.object["status"] = "warning"
        self.object["warnings"] = "\n".join(self._warnings)
