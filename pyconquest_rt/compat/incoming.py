"""The part of the class that takes objects in."""

from pathlib import Path
from typing import TYPE_CHECKING

from pyconquest_rt.archive import hashing, store
from pyconquest_rt.archive import rebuild as indexer
from pyconquest_rt.archive.selection import folders_of
from pyconquest_rt.compat.base import Base
from pyconquest_rt.errors import DatabaseError, reason

if TYPE_CHECKING:
    from pydicom import Dataset


class Incoming(Base):
    """Files and data sets become objects of the archive."""

    def write_tags(self, ds: "Dataset", filename: str = "", check_existing: bool = True) -> None:
        """Index one object that was read already.

        Args:
            ds: the object.
            filename: the file that its row names, relative to the data directory.
            check_existing: without effect: an instance never has two rows.

        Raises:
            ObjectError: it cannot be indexed; the message says why.
        """
        store.index_data_set(self._archive, ds, filename, compute_hash=self._compute_hash)

    def rebuild_database_from_dicom(
        self, mrn: str | None = None, compute_only_missing: bool = True, check_existing: bool = True
    ) -> int:
        """Bring the index into line with the files below the data directory.

        Args:
            mrn: only this patient's folders.
            compute_only_missing: read only files that were never seen; otherwise all.
            check_existing: without effect: an instance never has two rows.

        Returns:
            the number of files that were read, those included that are no DICOM objects.

        Raises:
            DatabaseError: the data directory is empty but the index is not; is its disk mounted?
        """
        archive = self._archive
        folders = [""] if mrn is None else folders_of(self._open_database, str(mrn))
        count = 0
        for folder in folders:
            report = indexer.rebuild(archive, only="missing" if compute_only_missing else "all", under=folder)
            self._log.info("%s", report)
            for path, why in report.rejected:
                self._log.error("a file was not indexed (its path is in the table rejected): %s", why)
                self._log.debug("not indexed: %s", path)
            count += report.read
        if self._compute_hash:
            self._log_count(hashing.fill_hashes(archive), "files could not be read to hash them")
        self.database_postprocessing()
        return count

    def store_dicom_file(
        self,
        filename: str,
        remove_after_store: bool = False,
        sopinstance_as_filename: bool = False,
        force_patientid: str | None = None,
    ) -> None:
        """Copy a file into the data directory and index it; what cannot be stored is only logged.

        Args:
            filename: the file.
            remove_after_store: remove it once the copy is safe and indexed.
            sopinstance_as_filename: name the copy by its SOPInstanceUID, not as the file is named.
            force_patientid: give the copy this PatientID; the one that it replaces goes into the row, if the
                image table has a column for (0011,0020).
        """
        storer = self._storer(remove_after_store, sopinstance_as_filename, force_patientid)
        try:
            self._note(storer.store(filename))
        except DatabaseError as error:
            self._log.error("a file was not stored: %s", error)

    def store_dicom_files_from_directory(
        self,
        directory_name: str,
        remove_after_store: bool = False,
        sopinstance_as_filename: bool = False,
        unzip: bool = True,
        unzipdir: str = "./unpack",
        force_patientid: str | None = None,
    ) -> int:
        """Store every file of a folder and of the folders in it.

        Args:
            directory_name: the folder.
            unzip: also store what ZIP files hold; the ZIP files stay.
            unzipdir: where they are unpacked for the moment, if there is such a folder.

        Returns:
            1, or -1 if there is no such folder.

        The other arguments are those of :meth:`store_dicom_file`.
        """
        if not Path(directory_name).exists():
            self._log.error("there is no such directory to store files from")
            return -1
        storer = self._storer(remove_after_store, sopinstance_as_filename, force_patientid)
        count = 0
        try:
            for stored in storer.store_directory(
                directory_name, unzip=unzip, unzipdir=unzipdir, on_zip=lambda path: print("this is a zipfile")
            ):
                count += self._note(stored)
        except DatabaseError as error:
            self._log.error("storing broke off: %s", error)
        self._log.info("stored %d files", count)
        return 1

    def database_postprocessing(self) -> None:
        """Do nothing: what PyConquest once did here, each object's own columns say."""
        self._log.info("nothing is left to do after the rebuild")

    # -- within -------------------------------------------------------------------------------------------

    def _storer(self, remove: bool, by_uid: bool, patient_id: str | None) -> store.Storer:
        return store.Storer(self._archive, store.Options(remove, by_uid, patient_id, self._compute_hash))

    def _note(self, stored: store.StoreResult) -> bool:
        """Log what became of a file that was to be stored; returns whether it was."""
        what = "not stored" if stored.series is None else "stored, but not removed"
        if stored.error is not None:
            self._log.error("a file was %s (DEBUG logs its name): %s", what, reason(stored.error))
            self._log.debug("%s: %s", what, stored.path)
        if stored.series is None:
            return False
        self.last_seriesuid_loaded = stored.series
        return True
