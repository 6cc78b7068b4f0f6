"""Identifiers of DICOM objects as names on disk: always safe, reversible, and never one for two.

An identifier that is safe everywhere is its own name; every other character is written as ``%XX`` (its UTF-8
bytes in upper-case hexadecimal). Names never begin with a dot, a dash or a blank, never end with a dot or a
blank, and are never a device name of Windows or a folder that Conquest passes over when it regenerates.
"""

import hashlib
import os
import re
from urllib.parse import unquote_to_bytes

MAX_NAME_BYTES = 200
_EMPTY = "%"
_HASH_MARK = "%~"  # no escape looks like this, so a hashed name is never taken for a reversible one
_SAFE_FOLDER = re.compile(r"[A-Za-z0-9_^=+@#,()](?:[A-Za-z0-9 ._^=+@#,()-]*[A-Za-z0-9_^=+@#,()-])?")
_SAFE_UID = re.compile(r"[0-9](?:[0-9.]*[0-9])?")
_RESERVED = re.compile(
    r"(?:con|prn|aux|nul|clock\$|com[0-9]|lpt[0-9])(?:\..*)?|incoming|printer_files|bin", re.IGNORECASE
)
_KEPT_IN_FOLDER = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789 ._^=+@#,()-")
_KEPT_IN_UID = frozenset(b"0123456789.")
_SURROGATES, _PRIVATE = (
    0xDC00,
    0xF000,
)  # what Python reads bytes as that are no UTF-8, and what rows hold for them
_MARKED = {ord("\\"): _PRIVATE + ord("\\")} | {
    _SURROGATES + byte: _PRIVATE + byte for byte in range(0x80, 0x100)
}
# Where a backslash separates folders it never stands in a name, and must not come out of one.
_UNMARKED = {mark: char for char, mark in _MARKED.items()} if os.sep == "/" else {}


def folder_name(patient_id: str) -> str:
    """Return the name of the folder that holds a patient's files.

    On a file system that folds case, ``smith`` and ``SMITH`` share a folder; their files never clash, since
    those are named by :func:`file_name`.
    """
    if _SAFE_FOLDER.fullmatch(patient_id) and len(patient_id) <= MAX_NAME_BYTES:
        return _escape_first(patient_id) if _RESERVED.fullmatch(patient_id) else patient_id
    return _escape(patient_id, _KEPT_IN_FOLDER)


def file_name(sop_instance_uid: str, extension: str = ".dcm") -> str:
    """Return the name of the file that holds an instance; a UID of digits and dots is its own name."""
    if _SAFE_UID.fullmatch(sop_instance_uid) and len(sop_instance_uid) <= MAX_NAME_BYTES:
        return sop_instance_uid + extension
    return _escape(sop_instance_uid, _KEPT_IN_UID) + extension


def file_key(object_file: str) -> str:
    """Return the key, in the table files, of a row's ObjectFile: Conquest on Windows writes ``\\`` for ``/``."""
    return object_file.replace("\\", "/")


def path_text(name: str) -> str:
    """Return the text by which the index knows a file or folder of this name on disk.

    It is the name itself, but for what a row cannot hold as it is: a backslash within a name (of ZIP files that were
    made on Windows and unpacked elsewhere) and bytes that are no UTF-8 become the private characters U+F000 + byte,
    as on other systems that keep such names.
    """
    return name if name.isascii() and "\\" not in name else name.translate(_MARKED)


def disk_name(text: str) -> str:
    """Return the name or path on disk that a text of the index stands for (see :func:`path_text`)."""
    return text if text.isascii() else text.translate(_UNMARKED)


def identifier(name: str) -> str | None:
    """Return the identifier that :func:`folder_name` wrote as ``name``; None where the name is a hashed one."""
    if _HASH_MARK in name:
        return None
    if name == _EMPTY:
        return ""
    return unquote_to_bytes(name).decode("utf-8", "surrogatepass")


def _escape(text: str, kept: frozenset[int]) -> str:
    raw = text.encode("utf-8", "surrogatepass")
    parts = [chr(byte) if byte in kept else f"%{byte:02X}" for byte in raw]
    if not parts:
        return _EMPTY
    if parts[0] in {".", "-", " "}:
        parts[0] = f"%{ord(parts[0]):02X}"
    if parts[-1] in {".", " "}:
        parts[-1] = f"%{ord(parts[-1]):02X}"
    name = "".join(parts)
    if len(name) > MAX_NAME_BYTES:
        digest = hashlib.sha256(raw).hexdigest()[:32]
        name = "".join(parts[:40])[:120].rstrip(". %") + _HASH_MARK + digest
    return _escape_first(name) if _RESERVED.fullmatch(name) else name


def _escape_first(name: str) -> str:
    return f"%{ord(name[0]):02X}{name[1:]}"
