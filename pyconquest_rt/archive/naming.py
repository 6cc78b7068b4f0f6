"""File names as Conquest forms them: its ``FileNameSyntax`` 0 to 12, and templates of ``%`` variables.

A template such as ``%studydate[0,3]/%name_%id/%sopuid`` is a name below the data directory. The variables are
``%id %name %modality %studyid %studyuid %studydate %studydesc %seriesid %series %seriesuid %imagenum %image
%imageid %sopuid %calledae %callingae %time %date %counter`` and any element as ``%vGGGG,EEEE``; ``[a,b]`` after one
takes its characters a to b, counted from 0, both included. ``%series`` and ``%image`` are the numbers with 4 and 6
digits, ``%time`` the seconds since 1970, ``%date`` today's date. What an object does not have reads ``empty``.

Three things differ from Conquest. Values are escaped by :mod:`pyconquest_rt.archive.names`, where Conquest makes one
character of many, so no name leads out of the archive. A name that another instance has gets the SOPInstanceUID
appended. And every file ends in ``.dcm``, those of the syntaxes with ``.v2`` too: ``.v2`` means a file without file
meta information, and files are always written with it.
"""

import itertools
import os
import re
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

from pyconquest_rt.archive.arrival import NameOf, standard
from pyconquest_rt.archive.files.storage import standard_name
from pyconquest_rt.archive.names import folder_name
from pyconquest_rt.dicom.header import Field, HeaderReader
from pyconquest_rt.errors import SettingsError, StorageError, UnreadableError

STANDARD: Final = "standard"
MAX_LENGTH: Final = 255  #: characters of a name, Conquest's limit for ObjectFile
_MAX_FOLDERS: Final = 16
_TRIES: Final = 100
_REMEMBERED: Final = 20_000

_SORTED = "%series_%image_%time%counter"
_BY_UID = "%studyuid/%seriesuid/%sopuid"
SYNTAXES: Final = (
    "%name[0,7]_%id[0,7]/%seriesid_%imagenum_%time",
    f"%name[0,7]_%id[0,7]/{_SORTED}",
    f"%name[0,7]_%id[0,7]/%seriesuid_{_SORTED}",
    f"%id[0,15]/%seriesuid_{_SORTED}",
    f"%id[0,15]/%seriesuid_{_SORTED}",
    f"%name/%seriesuid_{_SORTED}",
    f"%id[0,31]/{_BY_UID}",
    _BY_UID,
    f"%id[0,31]/{_BY_UID}",
    _BY_UID,
    "Images/%sopuid",
    f"%name/{_BY_UID}",
    "%name_%id/%modality_%studyid/%seriesid/%sopuid",
)
"""Conquest's syntaxes 0 to 12 as templates."""

_TAGS: Final = {
    "id": 0x00100020,
    "name": 0x00100010,
    "modality": 0x00080060,
    "studyid": 0x00200010,
    "studyuid": 0x0020000D,
    "studydate": 0x00080020,
    "studydesc": 0x00081030,
    "seriesid": 0x00200011,
    "series": 0x00200011,
    "seriesuid": 0x0020000E,
    "imagenum": 0x00200013,
    "image": 0x00200013,
    "imageid": 0x00540400,
    "sopuid": 0x00080018,
    "callingae": 0x00020017,  # SendingApplicationEntityTitle, as the listener writes it
    "calledae": 0x00020018,  # ReceivingApplicationEntityTitle
}
_DIGITS: Final = {"series": 4, "image": 6}
_SOP_INSTANCE_UID: Final = Field((0x00080018,))
_OF_THE_MOMENT: Final[dict[str, Callable[[int], str]]] = {
    "time": lambda count: str(int(time.time())),
    "date": lambda count: time.strftime("%Y%m%d"),
    "counter": lambda count: f"{count & 0xFFFF:04x}",
}
_VARIABLE: Final = re.compile(
    "%(?:("
    + "|".join(sorted([*_TAGS, *_OF_THE_MOMENT], key=len, reverse=True))
    + r")|[vV]([0-9a-fA-F]{4}),([0-9a-fA-F]{4}))(?:\[(\d{1,4}),(\d{1,4})\])?"
)


def naming(syntax: str, data: str | Path) -> NameOf:
    """Return the function that names files.

    It reads a staged file's header for what the template asks, and looks into the data directory for whether a
    name is taken; it is for one thread, the one that places files.

    Args:
        syntax: ``standard`` (``PatientID/SOPInstanceUID.dcm``), a number from 0 to 12, or a template.
        data: the data directory.

    Raises:
        SettingsError: it is none of these.
    """
    if syntax == STANDARD:
        return standard
    if syntax.isdecimal():
        if int(syntax) >= len(SYNTAXES):
            raise SettingsError(
                f"file_names: there is no FileNameSyntax {syntax}; known are 0 to {len(SYNTAXES) - 1}"
            )
        return _Naming(SYNTAXES[int(syntax)], Path(data)).name
    return _Naming(syntax, Path(data)).name


class _Naming:
    """One template, and the archive in which the names are to be unique."""

    def __init__(self, template: str, data: Path) -> None:
        parts = template.replace("\\", "/").split("/")
        parts[-1] = re.sub(r"\.(?:dcm|v2)$", "", parts[-1], flags=re.IGNORECASE)
        _check(template, parts)
        self._data = data
        self._parts = parts
        self._tags = sorted({tag for part in parts for tag in _wanted(part)})
        self._count = itertools.count()
        self._given: OrderedDict[str, str] = OrderedDict()
        self._reader = HeaderReader([Field((tag,)) for tag in self._tags])
        self._identity = HeaderReader([_SOP_INSTANCE_UID])
        self._lock = threading.Lock()

    def name(self, patient_id: str, sop_instance_uid: str, staged: os.PathLike[str]) -> str:
        """Return a name that no other instance has. Raises StorageError if all that are tried are taken.

        An instance that had its name lately keeps it, though the template may give another at another time: where
        nothing is indexed, nobody else knows what a file that comes again was called.
        """
        with self._lock:
            given = self._given.get(sop_instance_uid)
            if given is not None and self._is_free(given, sop_instance_uid):
                return given
            values = dict(zip(self._tags, self._reader.read_file(staged).values, strict=True))
            values |= {_TAGS["id"]: patient_id, _TAGS["sopuid"]: sop_instance_uid}
            count = next(self._count)
            *folders, stem = [_filled(part, values, count) for part in self._parts]
            candidates = _candidates(folders, stem, patient_id, sop_instance_uid)
            for name in candidates:
                if self._is_free(name, sop_instance_uid):
                    self._given[sop_instance_uid] = name
                    if len(self._given) > _REMEMBERED:
                        self._given.popitem(last=False)
                    return name
        raise StorageError(f"every name for instance {sop_instance_uid} is taken: {name} and those before it")

    def _is_free(self, name: str, sop_instance_uid: str) -> bool:
        """Whether there is nothing of this name, or a file of this very instance."""
        path = self._data / name
        if not path.exists():
            return True
        try:
            return self._identity.read_file(path).values == (sop_instance_uid,)
        except UnreadableError:
            return False


def _check(template: str, parts: list[str]) -> None:
    """Raise SettingsError for a template that cannot be used."""
    where = f"file_names: the template {template!r}"
    rest = [_VARIABLE.sub("", part) for part in parts]
    _check_variables(where, template, rest)
    if rest == parts:
        raise SettingsError(
            f"{where} has no % variable; expected 'standard', a number 0 to 12, or a template"
        )
    if not all(parts) or len(parts) > _MAX_FOLDERS or any(part in {".", ".."} for part in parts):
        raise SettingsError(
            f"{where} must be a relative name of at most {_MAX_FOLDERS} parts, none of them empty"
        )


def _check_variables(where: str, template: str, rest: list[str]) -> None:
    for part in rest:
        if "%" in part:
            raise SettingsError(
                f"{where} has an unknown variable at {part[part.index('%') :]!r}; "
                f"known are %{', %'.join([*_TAGS, *_OF_THE_MOMENT])} and %vGGGG,EEEE"
            )
    for first, last in ((int(a), int(b)) for *_, a, b in _VARIABLE.findall(template) if a):
        if first > last:
            raise SettingsError(f"{where} takes the characters [{first},{last}], the first after the last")


def _wanted(part: str) -> Iterator[int]:
    for name, group, element, *_ in _VARIABLE.findall(part):
        if name in _TAGS:
            yield _TAGS[name]
        elif group:
            yield int(group + element, 16)


def _filled(part: str, values: dict[int, str | None], count: int) -> str:
    """A part of the template with its variables replaced."""

    def text(variable: re.Match[str]) -> str:
        name, group, element, first, last = variable.groups()
        if name in _OF_THE_MOMENT:
            value = _OF_THE_MOMENT[name](count)
        else:
            value = values[_TAGS[name] if name else int(group + element, 16)] or ""
            value = _number(value, _DIGITS[name]) if name in _DIGITS else value or "empty"
        return value[int(first) : int(last) + 1] if first else value

    return _VARIABLE.sub(text, part) or "unknown"


def _number(text: str, digits: int) -> str:
    """A number with leading zeros; what is none reads 0, as in Conquest."""
    found = re.match(r" *([+-]?[0-9]{1,12})", text)
    return f"{int(found[1]) if found else 0:0{digits}d}"


def _candidates(folders: list[str], stem: str, patient_id: str, sop_instance_uid: str) -> Iterator[str]:
    """Names to try: as the template has it, with the UID appended, and so on; too long a one is the standard name."""
    place = "".join(folder_name(folder) + "/" for folder in folders)
    with_uid = f"{stem}_{sop_instance_uid}"
    numbered = (f"{with_uid}_{number}" for number in range(1, _TRIES))
    for text in itertools.chain([stem, with_uid], numbered):
        name = f"{place}{folder_name(text)}.dcm"
        yield name if len(name) <= MAX_LENGTH else standard_name(patient_id, sop_instance_uid)
