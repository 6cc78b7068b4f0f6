"""The part of the class that deletes, copies and lists files."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pyconquest_rt.archive import delete
from pyconquest_rt.archive.selection import Level, select_images, series_in
from pyconquest_rt.compat.base import Base
from pyconquest_rt.errors import PyconquestError
from pyconquest_rt.exports.files import copy_series
from pyconquest_rt.exports.objects import Exported, Pseudonymisation, export, select


class Outgoing(Base):
    """Series leave the archive, or are copied out of it."""

    def delete_series(
        self,
        seriesuid: str | list[str] = "",
        query: str | None = None,
        delete_files: bool = False,
        delete_only_files: bool = False,
        mrn: str | None = None,
    ) -> Any:
        """Delete series from the index, from disk, or from both; parents left empty go too.

        Args:
            seriesuid: one series or a list.
            query: an SQL query with the series in its column SeriesInst.
            delete_files: remove the files too.
            delete_only_files: remove the files and keep the rows.
            mrn: a patient, whose rows all go; the files stay.

        Returns:
            None for one series, () for a list or a query; for a patient 1, or -1 if files were to go too.
        """
        if mrn is not None:
            return self._delete_patient(mrn, delete_files=delete_files or delete_only_files)
        if query is None and isinstance(seriesuid, str):
            self._delete_one(seriesuid, delete_files or delete_only_files, not delete_only_files)
            return None
        for uid in self._wanted_series(None if query is not None else seriesuid, query):
            self._delete_one(uid, delete_files or delete_only_files, not delete_only_files)
        return ()

    def copy_dicom_files_to_dest(
        self,
        seriesuid: str | list[str] | None = None,
        query: str | None = None,
        destination: str = "",
        CreateDir: bool = True,  # noqa: N803
        UseSubDirectories: bool = False,  # noqa: N803
    ) -> Any:
        """Copy the files of series to a folder; two instances never get one name.

        Args:
            seriesuid: one series or a list.
            query: an SQL query with the series in its column SeriesInst.
            destination: the folder.
            CreateDir: make it if it is not there.
            UseSubDirectories: put each patient's files into a folder named by the PatientID.

        Returns:
            for one series the list of files made (an empty one with UseSubDirectories), for a list or a query
            None, if neither is given -1.

        Raises:
            StorageError: the folder cannot be made or written.
        """
        if seriesuid is None and query is None:
            self._log.error("name the series to copy, or a query for them")
            return -1
        made: list[str] = []
        for uid in self._wanted_series(seriesuid, query):
            copied = copy_series(
                self._archive, uid, destination or ".", create=CreateDir, subdirectories=UseSubDirectories
            )
            self._log_count(copied.missing, "files of a series are not on disk and were not copied")
            self._log.info("copied %d files of a series", len(copied.names))
            made += copied.names
        if not isinstance(seriesuid, str):
            return None
        return [] if UseSubDirectories else made

    def export(
        self,
        destination: str,
        patientid: str | Sequence[str] = (),
        studyuid: str | Sequence[str] = (),
        seriesuid: str | Sequence[str] = (),
        where: str = "",
        *,
        pseudonymise: bool = False,
        dates: str = "shift",
        keep: Sequence[str] = (),
        burned_in: bool = False,
        key_file: str | None = None,
        map_file: str | None = None,
    ) -> Exported:
        """Write objects to a folder, as they are or under pseudonyms; an addition to PyConquest.

        Args:
            destination: the folder.
            patientid, studyuid, seriesuid: what is exported, one or several of each.
            where: a condition on ``v_series`` for further series, such as ``Modality = 'RTDOSE'``.
            pseudonymise: take out who the patients are, by the basic profile of DICOM PS3.15 Annex E.
            dates: ``shift`` moves all dates of a patient by the same number of weeks, ``remove`` takes them out.
            keep: what the profile would take out: ``roi-names``, ``labels``, ``descriptions``,
                ``patient-characteristics``, ``devices``.
            burned_in: also objects that may show the patient (screen captures, documents).
            key_file: a file with the key, which is made if it is not there; otherwise the archive has its own.
            map_file: a CSV file for the map, which otherwise stands in the table ``pseudonyms`` alone.

        Returns:
            ``files`` that were made, and ``refused`` with the SOPInstanceUID and the reason of each other object.

        Raises:
            StorageError: the folder cannot be written, or lies in the data directory.
            SettingsError, DatabaseError: an option, the key or the condition cannot be used.
        """
        options = Pseudonymisation(dates, keep, burned_in, _path(key_file), _path(map_file))
        images = select(
            self._archive,
            patients=_several(patientid),
            studies=_several(studyuid),
            series=_several(seriesuid),
            where=where,
        )
        exported = export(self._archive, images, destination, pseudonymise=options if pseudonymise else None)
        self._log.info("%s", exported)
        self._log_count(len(exported.refused), "objects were not exported")
        return exported

    def get_list_of_filenames(
        self,
        filename: str | list[str] | None = None,
        seriesuid: str | list[str] | None = None,
        studyuid: str | list[str] | None = None,
    ) -> list[str] | None:
        """Return the paths given, or those of the files of series or studies; None if nothing is given."""
        if filename is not None:
            return filename if isinstance(filename, list) else [filename]
        level: Level = "study" if seriesuid is None else "series"
        uids = studyuid if seriesuid is None else seriesuid
        if uids is None:
            return None
        database, storage = self._open_database, self._archive.storage
        return [
            str(storage.path_of(image.object_file, image.device))
            for uid in ([uids] if isinstance(uids, str) else uids)
            for image in select_images(database, level, uid)
        ]

    # -- within -------------------------------------------------------------------------------------------

    def _wanted_series(self, series: str | list[str] | None, query: str | None) -> list[str]:
        """Return the series named, or else the column SeriesInst (in any case) of the caller's query."""
        if series is not None:
            return [series] if isinstance(series, str) else series
        return series_in(self.execute_db_query(query or "") or [])

    def _delete_one(self, series: str, files: bool, rows: bool) -> None:
        try:
            deleted = delete.delete_series(self._archive, series, files=files, rows=rows)
        except PyconquestError as error:
            self._log.error("a series was not deleted: %s", error)
            return
        self._log.info("deleted a series of %d images, %d files", deleted.images, deleted.files)
        self._log_count(len(deleted.failures), "files could not be removed; their rows stay")
        for failure in deleted.failures:
            self._log.debug("%s", failure)

    def _delete_patient(self, patient_id: str, *, delete_files: bool) -> int:
        if delete_files:
            self._log.error("files cannot be deleted by mrn; name the series, or a query for them")
            return -1
        count = delete.delete_patient_rows(self._archive, patient_id)
        self._log.info("deleted the rows of a patient with %d images", count)
        return 1


def _several(given: str | Sequence[str]) -> Sequence[str]:
    """Return one name as a list, an empty one as none."""
    return ([given] if given else []) if isinstance(given, str) else given


def _path(name: str | None) -> Path | None:
    return None if name is None else Path(name)
