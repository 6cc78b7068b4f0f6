"""Dose objects that a peer holds and the archive does not: found by C-FIND, sent here by C-MOVE.

Asked for: structured reports of dose by their SOP class, other reports and secondary captures whose series is named
after dose or numbered as makers number their dose pages (as pages/ct_screen.py knows them).
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import TYPE_CHECKING

from pyconquest_rt import scu
from pyconquest_rt.archive.archive import Archive
from pyconquest_rt.dose_reports.registry import SECONDARY_CAPTURE
from pyconquest_rt.dose_reports.reports.structured_report import DOSE_REPORT_CLASSES
from pyconquest_rt.errors import NetworkError
from pyconquest_rt.net.services.peers import Peer

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

_REPORTS = {f"1.2.840.10008.5.1.4.1.1.88.{number}" for number in ("11", "22", "33", "34")}
_NAMED = re.compile(r"dose|patient protocol", re.IGNORECASE)
_NUMBERED = {"999", "501", "9000"}  # GE, Siemens, Toshiba
_AT_ONCE = 100  # UIDs of one C-MOVE


@dataclass(slots=True)
class Pulled:
    """What one look at a peer came to: dose objects found, held already, received, and what went wrong."""

    studies: int = 0
    found: int = 0
    held: int = 0
    received: int = 0
    problems: list[str] = field(default_factory=list)


def pull(
    archive: Archive, peer: Peer, own_aet: str, *, days: int = 3, destination: str | None = None
) -> Pulled:
    """Have a peer send the dose objects of studies of the last days that the archive does not hold.

    They arrive at the listener of ``destination`` (``own_aet`` unless told), which the peer must know and which must be
    running. A study that cannot be queried or moved is named in ``problems`` and stops no other.

    Raises:
        NetworkError: the peer does not answer to the first query.
    """
    pulled = Pulled()
    since = (date.today() - timedelta(days=days)).strftime("%Y%m%d")
    keys = {"StudyDate": f"{since}-", "ModalitiesInStudy": "", "StudyInstanceUID": ""}
    for study in _find(peer, own_aet, "STUDY", keys):
        uid = str(study.get("StudyInstanceUID", ""))
        if not uid or not _may_hold_dose(study):
            continue
        pulled.studies += 1
        try:
            for series, sops in _dose_objects(peer, own_aet, uid):
                _move(archive, peer, own_aet, destination or own_aet, (uid, series), sops, pulled)
        except NetworkError as error:
            pulled.problems.append(f"{uid}: {error}")
    return pulled


def _find(peer: Peer, own_aet: str, level: str, keys: dict[str, str]) -> "list[Dataset]":
    result = scu.find(peer.host, peer.port, peer.aet, own_aet, level=level, keys=keys, tls=peer.tls)
    if not result.ok:
        raise NetworkError(
            f"{peer.aet} answers 0x{result.status:04X} {result.comment} to a query for {level}".rstrip()
        )
    return result.matches


def _values(match: "Dataset", keyword: str) -> list[str]:
    value = match.get(keyword)
    if value is None or isinstance(value, str):
        return [value] if value else []
    return [str(one) for one in value] if isinstance(value, Iterable) else [str(value)]


def _may_hold_dose(study: "Dataset") -> bool:
    """A study without reports and without CT has none; a peer that does not tell its modalities may."""
    modalities = _values(study, "ModalitiesInStudy")
    return not modalities or bool({"SR", "CT", "OT"} & set(modalities))


def _dose_objects(peer: Peer, own_aet: str, study: str) -> Iterator[tuple[str, list[str]]]:
    """Yield each series of a study that holds dose objects, with their SOP Instance UIDs."""
    keys = dict.fromkeys(("SeriesInstanceUID", "Modality", "SeriesDescription", "SeriesNumber"), "")
    for series in _find(peer, own_aet, "SERIES", {"StudyInstanceUID": study, **keys}):
        named = _is_named_so(series)
        if named or series.get("Modality") == "SR":
            uid = str(series.SeriesInstanceUID)
            if sops := _wanted(peer, own_aet, study, uid, named=named):
                yield uid, sops


def _is_named_so(series: "Dataset") -> bool:
    """Whether description or number of a series say that it tells a dose."""
    description, number = (str(series.get(key) or "") for key in ("SeriesDescription", "SeriesNumber"))
    return bool(_NAMED.search(description)) or number in _NUMBERED


def _wanted(peer: Peer, own_aet: str, study: str, series: str, *, named: bool) -> list[str]:
    """The SOP Instance UIDs of a series' dose objects."""
    keys = {"StudyInstanceUID": study, "SeriesInstanceUID": series, "SOPInstanceUID": "", "SOPClassUID": ""}
    return sorted(
        str(instance.SOPInstanceUID)
        for instance in _find(peer, own_aet, "IMAGE", keys)
        if _is_wanted(str(instance.get("SOPClassUID") or ""), named)
    )


def _is_wanted(sop_class: str, named: bool) -> bool:
    """Whether an object of a series of reports, or of one named so, may tell a dose; it may where no class is told."""
    if not sop_class or sop_class in DOSE_REPORT_CLASSES:
        return True
    return named and (sop_class == SECONDARY_CAPTURE or sop_class in _REPORTS)


def _move(
    archive: Archive,
    peer: Peer,
    own_aet: str,
    destination: str,
    place: tuple[str, str],
    sops: list[str],
    pulled: Pulled,
) -> None:
    held = {row[0] for row in archive.database.select_in(_HELD, sops)}
    missing = [sop for sop in sops if sop not in held]
    pulled.found += len(sops)
    pulled.held += len(held)
    for start in range(0, len(missing), _AT_ONCE):
        keys = {
            "StudyInstanceUID": place[0],
            "SeriesInstanceUID": place[1],
            "SOPInstanceUID": missing[start : start + _AT_ONCE],
        }
        result = scu.move(
            *(peer.host, peer.port, peer.aet, own_aet),
            destination=destination,
            level="IMAGE",
            keys=keys,
            tls=peer.tls,
        )
        pulled.received += result.completed + result.warning
        if not result.ok:
            pulled.problems.append(
                f"{place[0]}: {peer.aet} answers 0x{result.status:04X} {result.comment} to a move to {destination}, "
                f"{result.failed} not sent"
            )


_HELD = "SELECT SOPInstanc FROM DICOMImages WHERE SOPInstanc IN (?)"
