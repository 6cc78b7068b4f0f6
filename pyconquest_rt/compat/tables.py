"""The part of the class that reads and writes tables."""

import csv
from collections.abc import Mapping
from typing import Any

from pyconquest_rt.archive import summary
from pyconquest_rt.compat import slices, user_tables
from pyconquest_rt.compat.base import RAISED, Base
from pyconquest_rt.database.connection import quote
from pyconquest_rt.errors import DatabaseError, reason
from pyconquest_rt.exports.csv import dump


class Tables(Base):
    """Summaries, CSV files, and tables of the user's own."""

    def dicom_series_summary(self, orderby: str = "nrCT", print_summary: bool = True) -> list[dict[str, Any]]:
        """Return, and print, how many series of each modality each patient has.

        Args:
            orderby: PatientID, nrCT, nrMR, nrPT, nrRTSTRUCT, nrRTDOSE or nrRTPLAN, with ``desc`` if wanted.

        Raises:
            DatabaseError: ``orderby`` is something else.
        """
        rows = summary.series_summary(self._open_database, orderby)
        if print_summary:
            print(summary.as_table(rows))
        return rows

    def dump_data_to_csv(
        self,
        query: str | None = None,
        table: str | list[str] = "dicomseries",
        filename_dict: Mapping[str, str] | None = None,
        filename: str = "query_dump.csv",
        delimiter: str = ",",
        *,
        guard_formulas: bool = False,
    ) -> None:
        """Write tables, views or the result of a query to CSV files in UTF-8; what has no rows makes no file.

        Args:
            query: an SQL query, which goes to ``filename``; otherwise tables are written.
            table: a table or view, or a list of them, written to ``<table>.csv``.
            filename_dict: table → another name, without ``.csv``.
            guard_formulas: keep spreadsheets from running texts as formulas.
        """
        if query is not None:
            wanted = {filename: query}
        else:
            wanted = {}
            for name in [table] if isinstance(table, str) else table:
                target = f"{(filename_dict or {}).get(name, name)}.csv"
                wanted[target] = f"SELECT * FROM {quote(name)}"  # noqa: S608
                if filename_dict is not None and name in filename_dict:
                    print(target)
        for target, sql in wanted.items():
            try:
                dump(self._open_database, sql, target, delimiter=delimiter, guard_formulas=guard_formulas)
            except (*RAISED, csv.Error) as error:
                self._log.error("no CSV file was written: %s", reason(error))

    def insert_dict(
        self,
        tablename: str,
        datadict: Mapping[str, Any],
        exceptions: Mapping[str, str] = {},
        default_format: str = user_tables.DEFAULT_FORMAT,
    ) -> None:
        """Insert a row into a table, which is made if it is not there; errors are logged.

        Args:
            tablename: the table.
            datadict: column → value; several values as a list.
            exceptions: column → its SQL type, for a table that is made.
            default_format: the type of the other columns.
        """
        try:
            user_tables.insert(self._open_database, tablename, datadict, exceptions, default_format)
        except DatabaseError as error:
            self._log.error("no row was inserted into %s: %s", tablename, error)

    def load_csv_to_table(
        self,
        filename: str,
        tablename: str,
        first_row_are_columnnames: bool = True,
        key_translation: Mapping[str, str] = {},
        delimiter: str = ";",
    ) -> None:
        """Load a CSV file into a table, all of it or nothing; errors are logged.

        Args:
            filename: the file, in UTF-8 or Latin-1.
            first_row_are_columnnames: otherwise the columns are column1, column2 and so on.
            key_translation: name in the file → name of the column.
        """
        try:
            count = user_tables.load_csv(
                self._open_database,
                filename,
                tablename,
                first_row_are_columnnames=first_row_are_columnnames,
                key_translation=key_translation,
                delimiter=delimiter,
            )
            self._log.info("inserted %d rows into %s", count, tablename)
        except (*RAISED, csv.Error) as error:
            self._log.error("nothing was loaded into %s: %s", tablename, reason(error))

    def create_insertquery(self, table: str, myDict: Mapping[str, Any]) -> str:  # noqa: N803
        """Return the text of an INSERT with the values in double quotes."""
        return user_tables.insert_query(table, myDict)

    def create_buildquery(
        self,
        table: str,
        mydict: Mapping[str, Any],
        exceptions: Mapping[str, str] = {},
        default_format: str = user_tables.DEFAULT_FORMAT,
    ) -> str:
        """Return the text of a CREATE TABLE with a column for each key."""
        return user_tables.build_query(table, mydict, exceptions, default_format)

    def analyse_images(self, list_of_seriesuid: str | list[str] | None = None) -> list[str]:
        """Write number, range and spacing of the slices into the rows of image series.

        Args:
            list_of_seriesuid: one series or a list; None: all of CT, MR and PT images.

        Returns:
            the series whose slices are not evenly spaced, or that have only one.
        """
        wanted = [list_of_seriesuid] if isinstance(list_of_seriesuid, str) else list_of_seriesuid
        uneven, empty = slices.analyse(self._open_database, wanted)
        self._log_count(len(uneven), "series are not evenly spaced")
        self._log_count(len(empty), "series have no images in the index")
        return uneven
