"""The column ``hash`` of structure sets, plans and doses (see :mod:`pyconquest_rt.rt.objects.hashes`)."""

from typing import TYPE_CHECKING

from pyconquest_rt.archive.archive import Archive
from pyconquest_rt.archive.selection import select_images
from pyconquest_rt.dicom.objects import content_errors, read_object
from pyconquest_rt.errors import PyconquestError
from pyconquest_rt.rt.objects.hashes import content_hash, structure_set_hash

if TYPE_CHECKING:
    from pydicom import Dataset


def hash_object(data_set: "Dataset") -> str | None:
    """Return the hash of an object's content; None where its kind has none.

    Raises:
        ObjectError: the content cannot be read.
    """
    with content_errors("its content cannot be hashed"):
        return content_hash(data_set)


def fill_hashes(archive: Archive) -> int:
    """Hash the RT objects without a hash; returns the number of unreadable ones.

    Raises:
        DatabaseError: the database cannot be written.
    """
    database = archive.database
    if "Modality" not in database.columns("DICOMSeries"):
        return 0
    due = database.connection.execute(
        "SELECT i.SOPInstanc, i.ObjectFile, i.DeviceName FROM DICOMSeries s "
        "JOIN DICOMImages i ON i.SeriesInst = s.SeriesInst "
        "WHERE s.Modality IN ('RTSTRUCT', 'RTPLAN', 'RTDOSE') AND i.hash IS NULL"
    ).fetchall()
    failed = 0
    for sop, object_file, device in due:
        try:
            value = hash_object(read_object(archive.storage.path_of(object_file or "", device)))
        except (PyconquestError, OSError):
            failed += 1
            continue
        _write(archive, sop, value)
    return failed


def hash_structure_sets(archive: Archive, series: str) -> list[str]:
    """Hash the structure sets of a series and write the hashes; ``""`` stands for another modality.

    Raises:
        PyconquestError, OSError: a file cannot be read.
        DatabaseError: the database cannot be written.
    """
    hashes = []
    for image in select_images(archive.database, "series", series):
        data_set = read_object(archive.storage.path_of(image.object_file, image.device))
        with content_errors("its contours cannot be hashed"):
            value = structure_set_hash(data_set) if data_set.get("Modality") == "RTSTRUCT" else ""
        if value:
            _write(archive, image.sop, value)
        hashes.append(value)
    return hashes


def _write(archive: Archive, sop: str, value: str | None) -> None:
    archive.database.connection.execute("UPDATE DICOMImages SET hash = ? WHERE SOPInstanc = ?", (value, sop))
