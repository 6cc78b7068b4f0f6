"""The key of an archive's pseudonyms and the map of those that were given; both stay with the archive."""

import csv
import os
from collections.abc import Iterable
from pathlib import Path

from pyconquest_rt.database.connection import Database
from pyconquest_rt.errors import SettingsError, StorageError
from pyconquest_rt.exports.deidentify.pseudonyms import Pseudonym, new_key

_STATE = "pseudonym key"


def key_of(database: Database) -> bytes:
    """Return the archive's key, which its first pseudonymised export makes."""
    with database.transaction():
        known = database.state(_STATE)
        if known is None:
            known = new_key().decode()
            database.set_state(_STATE, known)
    return known.encode()


def read_key(file: Path) -> bytes:
    """Return the key in a file; a new one, readable by its owner alone, is made where there is no such file.

    Raises:
        SettingsError: the file cannot be read or made.
    """
    try:
        if file.exists():
            return file.read_bytes().strip()
        key = new_key()
        with os.fdopen(_open_private(file, os.O_EXCL), "wb") as made:
            made.write(key + b"\n")
    except OSError as error:
        raise SettingsError(f"the key file {file} cannot be used: {error.strerror}") from error
    return key


def remember(database: Database, given: Iterable[Pseudonym]) -> None:
    """Put pseudonyms into the table ``pseudonyms``."""
    with database.transaction():
        database.put("pseudonyms", ("kind", "original", "pseudonym"), given, keep=True)


def write_map(file: Path, given: Iterable[Pseudonym]) -> None:
    """Write pseudonyms to a CSV file that only its owner can read; one that is there is replaced.

    Raises:
        StorageError: it cannot be written.
    """
    staged = file.with_name(f".{file.name}.tmp")
    try:
        with os.fdopen(_open_private(staged, os.O_TRUNC), "w", encoding="utf-8", newline="") as opened:
            os.chmod(staged, 0o600)  # also where something of this name was there before
            writer = csv.writer(opened)
            writer.writerow(Pseudonym._fields)
            writer.writerows(given)
        staged.replace(file)
    except OSError as error:
        raise StorageError(f"the map cannot be written to {file}: {error.strerror}") from error


def _open_private(file: Path, flag: int) -> int:
    return os.open(file, os.O_WRONLY | os.O_CREAT | flag, 0o600)
