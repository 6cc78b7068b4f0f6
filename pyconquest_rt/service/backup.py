"""Backup of a database in use, and restore."""

import time
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

from pyconquest_rt.archive.locks import Lock, beside, in_use
from pyconquest_rt.database.backends.sqlite_files import check, settle, snapshot
from pyconquest_rt.dicom.system import sync_file, sync_folder
from pyconquest_rt.errors import DatabaseError, StorageError

_STAMP = "%Y%m%dT%H%M%S.%fZ"


def backup(database: str, folder: str, count: int) -> Path:
    """Copy a database that may be in use, by SQLite's online backup, and keep only the newest copies.

    Args:
        database: the database file.
        folder: where the copies are.
        count: how many are kept.

    Returns:
        the new copy: one file, consistent, checked and flushed to the disk.

    Raises:
        DatabaseError: the database cannot be read, or the copy is not sound; older copies stay.
        StorageError: the folder cannot be written.
    """
    stem = Path(database).stem
    copy = _copy(database, Path(folder), f"{stem}-{datetime.now(UTC).strftime(_STAMP)}.db")
    for old in copies(database, folder)[count:]:
        with suppress(OSError):
            old.unlink()
    return copy


def copies(database: str, folder: str) -> list[Path]:
    """Return the copies of a database in a folder, the newest first."""
    stem = f"{Path(database).stem}-"
    found = [
        path
        for path in Path(folder).glob("*.db")
        if path.name.startswith(stem) and _is_stamp(path.stem[len(stem) :])
    ]
    return sorted(found, reverse=True)


def _is_stamp(text: str) -> bool:
    with suppress(ValueError):
        datetime.strptime(text, _STAMP)
        return True
    return False


def restore(database: str, copy: str | Path) -> Path | None:
    """Restore a database from a copy.

    No listener, service or anything else may have the database open. What was there before is kept beside it,
    also when it is damaged.

    Returns:
        where the former database is; None if there was none.

    Raises:
        BusyError: a listener or the service runs on this database.
        DatabaseError: the copy is not sound, or is no index; nothing was changed.
        StorageError: the files cannot be written.
    """
    source = Path(copy)
    if not source.is_file():
        raise StorageError(f"{source}: there is no such file")
    with (
        Lock(beside(database, "serve.lock"), "the service runs on this archive; stop it first"),
        in_use(database, alone=True),
    ):
        _check(source)
        had_one = Path(database).exists()
        staged = _copy(str(source), Path(database).parent, f".{Path(database).name}.restoring")
        former = _put_aside(Path(database)) if had_one else None
        staged.replace(database)
        sync_folder(Path(database).parent)
    return former


def _copy(database: str, folder: Path, name: str) -> Path:
    """Copy a database to ``folder/name`` in one read transaction, which hinders no writer."""
    target, staged = folder / name, folder / f".{name}.tmp"
    if not Path(database).is_file():
        raise DatabaseError(f"{database}: there is no such database")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        staged.unlink(missing_ok=True)
        snapshot(database, staged)
        _check(staged)
        sync_file(staged)
        staged.replace(target)
        sync_folder(folder)
    except DatabaseError as error:
        raise DatabaseError(f"cannot copy {database}: {error}") from error
    except OSError as error:
        raise StorageError(f"cannot write {target}: {error.strerror}") from error
    finally:
        with suppress(OSError):
            staged.unlink(missing_ok=True)
    return target


def _check(path: Path) -> None:
    """Raise DatabaseError unless a file is a sound index."""
    try:
        health = check(path, "DICOMImages")
    except DatabaseError as error:
        raise DatabaseError(f"{path} is no index that can be used: {error}") from error
    if health.damage:
        raise DatabaseError(f"{path} is damaged: {health.damage}")


def _put_aside(database: Path) -> Path:
    """Give a database another name, and its journal one under which SQLite still finds both together."""
    settle(database)  # then a sound one is a single file
    former = database.with_name(f"{database.name}.before-{time.time_ns()}")
    for suffix in ("-wal", "-shm", "-journal", ""):
        path = Path(f"{database}{suffix}")
        if path.exists():
            path.replace(f"{former}{suffix}")
    return former
