"""What is in an archive, as rows with plain names: patients, studies, series, objects, and all that is known of one.

Patterns are matched whole, in any case, with ``*`` for any characters and ``?`` for one.
"""

from collections.abc import Mapping
from typing import Any, Literal

from pyconquest_rt.archive.archive import Archive
from pyconquest_rt.database.archive_views import selects
from pyconquest_rt.errors import ObjectError

Level = Literal["patients", "studies", "series", "objects"]
Rows = list[dict[str, Any]]

_PATTERN = {
    "patients": ("patient_id", "patient_name"),
    "studies": ("study_uid", "study_description", "patient_id"),
    "series": ("series_uid", "series_description", "study_uid", "patient_id"),
    "objects": ("sop_uid", "series_uid", "study_uid", "patient_id", "file"),
}
_MODALITY = {"patients": "modalities", "studies": "modalities", "series": "modality", "objects": "modality"}
_SINCE = {"patients": "last_arrival", "studies": "study_date", "series": "series_date", "objects": "arrived"}
_DESCRIPTION = {"studies": "study_description", "series": "series_description"}
_ORDER = {
    "patients": "patient_id",
    "studies": "patient_id, study_date, study_uid",
    "series": "patient_id, study_uid, modality, series_uid",
    "objects": "series_uid, sop_uid",
}


def listed(
    archive: Archive,
    level: Level,
    pattern: str | None = None,
    *,
    modality: str | None = None,
    since: str | None = None,
    description: str | None = None,
    limit: int | None = None,
) -> Rows:
    """Return the patients, studies, series or objects that conditions choose, one row each.

    Args:
        archive: the archive.
        level: what a row is.
        pattern: for identifiers, names and descriptions of the level, and identifiers above it.
        modality: those that have this modality.
        since: a date (``YYYY-MM-DD``) of the study or series; of patients and objects that of arrival.
        description: of the study or series.
        limit: so many rows at most.

    Raises:
        ValueError: the level has no description.
    """
    conditions, values = [], dict[str, Any]()
    if pattern:
        conditions.append(" OR ".join(f"{name} LIKE :pattern ESCAPE '~'" for name in _PATTERN[level]))
        values["pattern"] = like(pattern)
    if modality:
        conditions.append(f"',' || {_MODALITY[level]} || ',' LIKE :modality ESCAPE '~'")
        values["modality"] = f"%,{like(modality)},%"
    if since:
        conditions.append(f"{_SINCE[level]} >= :since")
        values["since"] = since
    if description:
        if level not in _DESCRIPTION:
            raise ValueError(f"{level} have no description; ask for studies or series")
        conditions.append(f"{_DESCRIPTION[level]} LIKE :description ESCAPE '~'")
        values["description"] = like(description)
    where = " AND ".join(f"({condition})" for condition in conditions) or "1 = 1"
    select = selects(archive.database.definition)[f"archive_{level}"]
    most = "" if limit is None else f" LIMIT {int(limit)}"
    # names are words of this module, values are bound
    return archive.database.query(
        f"SELECT * FROM ({select}) v WHERE {where} ORDER BY {_ORDER[level]}{most}",  # noqa: S608
        values,
    )


def like(pattern: str) -> str:
    """Return a pattern with ``*`` and ``?`` as one of LIKE with the escape character ``~``."""
    for special in "~%_":
        pattern = pattern.replace(special, f"~{special}")
    return pattern.replace("*", "%").replace("?", "_")


_KEYS = (
    ("objects", "sop_uid"),
    ("series", "series_uid"),
    ("studies", "study_uid"),
    ("patients", "patient_id"),
)


def resolve(archive: Archive, text: str) -> tuple[Level, str]:
    """Return the level and the whole identifier that a text names: one as it is, or its end if that is unique.

    Raises:
        ObjectError: nothing is named so, or several are; the message says which.
    """
    end = text.lstrip("…")
    found: list[tuple[Level, str]] = []
    for level, key in _KEYS:
        select = selects(archive.database.definition)[f"archive_{level}"]
        rows = archive.database.query(
            f"SELECT {key} AS uid FROM ({select}) v WHERE {key} = :uid OR {key} LIKE :end ESCAPE '~' LIMIT 9",  # noqa: S608
            {"uid": end, "end": f"%{like(end)}" if len(end) >= _SHORTEST_END else end},
        )
        uids = [str(row["uid"]) for row in rows]
        if end in uids:
            return level, end  # type: ignore[return-value]
        found += [(level, uid) for uid in uids]  # type: ignore[misc]
    if len(found) == 1:
        return found[0]
    if not found:
        raise ObjectError(f"the archive has no patient, study, series or object {text!r}")
    raise ObjectError(f"{text!r} may mean {', '.join(uid for _, uid in found)}; give more of it")


_SHORTEST_END = 4


def show(archive: Archive, key: str) -> dict[str, Any]:
    """Return all that is known of a patient, study, series or object: its row, and of an object more.

    ``row`` is that of :func:`listed`; ``index`` the row of DICOMImages without what is empty; ``derivations``,
    ``refused``, ``audit`` and ``dose`` are rows about the object, empty where there are none.

    Raises:
        ObjectError: there is no such thing, or several.
    """
    level, uid = resolve(archive, key)
    name = dict(_KEYS)[level]
    select = selects(archive.database.definition)[f"archive_{level}"]
    row = archive.database.query(f"SELECT * FROM ({select}) v WHERE {name} = ?", (uid,))[0]  # noqa: S608
    found: dict[str, Any] = {"level": level, "uid": uid, "row": row}
    if level != "objects":
        return found
    (index,) = archive.database.query("SELECT * FROM DICOMImages WHERE SOPInstanc = ?", (uid,))
    found["index"] = {name: value for name, value in index.items() if value not in (None, "")}
    for what, (table, statement) in _ABOUT.items():
        found[what] = archive.database.query(statement, (uid,)) if archive.database.has(table) else []
    return found


_ABOUT: Mapping[str, tuple[str, str]] = {
    "derivations": (
        "derivations",
        "SELECT extractor, state, result, reason, time, seconds FROM derivations WHERE sop = ? ORDER BY extractor",
    ),
    "refused": ("rejected", "SELECT time, path, reason FROM rejected WHERE SOPInstanceUID = ? ORDER BY id"),
    "audit": ("audit", "SELECT time, action, detail FROM audit WHERE subject = ? ORDER BY id"),
    "dose": (
        "dose_object",
        "SELECT * FROM dose_object WHERE SOPInstanceUID = ?",
    ),
}
