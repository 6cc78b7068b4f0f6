"""The files of further devices (Conquest's MAG1 and so on), walked beside those of the data directory.

What was seen of them is not remembered as for the data directory: a file is known by the row that names it, and one
without a row is read in every rebuild.
"""

import os
from collections.abc import Iterator

from pyconquest_rt.archive.archive import Archive
from pyconquest_rt.archive.headers import _own_files, read_one, reader_of
from pyconquest_rt.archive.listing import Span, spans
from pyconquest_rt.archive.rebuild_report import Report
from pyconquest_rt.archive.removal import audit, is_too_much, remove_images


def index_devices(archive: Archive, report: Report, *, every_file: bool, force: bool = False) -> None:
    """Update the rows of all further devices from their files; an absent device is skipped.

    Args:
        archive: the archive.
        report: takes up what was done.
        every_file: read those too that have a row.
        force: remove the rows of files that are gone, even if they are more than a tenth of a device's.

    Raises:
        DatabaseError: the database cannot be written.
    """
    for device in archive.storage.devices:
        if archive.storage.holds(device):
            _index_device(archive, device, report, every_file=every_file)
            _remove_gone(archive, device, report, force=force)


def without_row(archive: Archive) -> Iterator[tuple[str, str, bool]]:
    """Yield device and path of each file that no row names, and whether its instance has one of another file.

    Files that were refused are left out: they are on record in ``rejected``.
    """
    reader = reader_of(archive.database.definition)
    layout = archive.layout
    for device in archive.storage.devices:
        root = os.fspath(archive.storage.folder_of(device) or "")
        for span in _spans(archive, device):
            for path in _unknown(archive, device, span):
                header = read_one(reader, root, path).header
                sop = header and layout.complete(header.values)[layout.sop_key]
                if sop is not None and not _is_refused(archive, named(device, path)):
                    yield device, path, _has_row(archive, sop)


def named(device: str, path: str) -> str:
    """Return how a file of a further device is called where its path alone would be taken for the data directory's."""
    return f"{device}:{path}"


def _index_device(archive: Archive, device: str, report: Report, *, every_file: bool) -> None:
    reader, root = reader_of(archive.database.definition), os.fspath(archive.storage.folder_of(device) or "")
    writer = archive.writer(device=device)
    with archive.database.transaction() as connection:
        prefix = named(device, "")
        connection.execute("DELETE FROM rejected WHERE substr(path, 1, ?) = ?", (len(prefix), prefix))
    for span in _spans(archive, device):
        paths = [folder + name for folder, names in span.files for name in names]
        due = paths if every_file else _unknown(archive, device, span)
        report.unchanged += len(paths) - len(due)
        if due:
            report.count(writer.add([read_one(reader, root, path) for path in due]))


def _spans(archive: Archive, device: str) -> Iterator[Span]:
    folder = archive.storage.folder_of(device)
    return iter(()) if folder is None else spans(folder, skip=_own_files(archive))


def _unknown(archive: Archive, device: str, span: Span) -> list[str]:
    """The files that no row of the device names."""
    paths = [folder + name for folder, names in span.files for name in names]
    rows = archive.database.select_in(
        "SELECT replace(ObjectFile, '\\', '/'), DeviceName FROM DICOMImages WHERE ObjectFile IN (?)",
        [*paths, *(path.replace("/", "\\") for path in paths)],
    )
    known = {path for path, name in rows if archive.storage.device_of(name) == device}
    return [path for path in paths if path not in known]


def _remove_gone(archive: Archive, device: str, report: Report, *, force: bool) -> None:
    """Remove rows of missing files, unless so many are missing that the disk is probably not mounted."""
    mine = _rows_on(archive, device)
    gone = [(sop, path) for sop, path in mine if archive.storage.is_gone(path, device)]
    if not force and is_too_much(len(gone), len(mine)):
        report.withheld += len(gone)
        return
    if not gone:
        return
    with archive.database.transaction():
        sops = [sop for sop, _ in gone]
        remove_images(archive.database, sops)
        detail = f"rows without a file on {device}: {', '.join(sops[:100])}"
        audit(archive.database, "rebuild", f"{len(gone)} images", detail)
    report.count_removed([named(device, path) for _, path in gone])


def _rows_on(archive: Archive, device: str) -> list[tuple[str, str]]:
    """SOPInstanceUID and file of each image of a device."""
    rows = archive.database.connection.execute("SELECT SOPInstanc, ObjectFile, DeviceName FROM DICOMImages")
    device_of = archive.storage.device_of
    return [(sop, path or "") for sop, path, name in rows if device_of(name) == device]


def _is_refused(archive: Archive, path: str) -> bool:
    sql = "SELECT 1 FROM rejected WHERE path = ?"
    return archive.database.connection.execute(sql, (path,)).fetchone() is not None


def _has_row(archive: Archive, sop: str) -> bool:
    sql = "SELECT 1 FROM DICOMImages WHERE SOPInstanc = ?"
    return archive.database.connection.execute(sql, (sop,)).fetchone() is not None
