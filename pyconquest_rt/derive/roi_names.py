"""The names of all ROIs of an index mapped anew, and the DVHs that rest on them due again."""

from pyconquest_rt.database.connection import Database
from pyconquest_rt.rt.names.roi_map import RoiMap
from pyconquest_rt.rt.names.roi_mapping import COLUMNS, mapping_rows


def name_counts(database: Database) -> dict[str, int]:
    """Return how many ROIs have each raw name."""
    if not database.has("rt_roi"):
        return {}
    rows = database.query(
        "SELECT raw_name, count(*) AS n FROM rt_roi WHERE raw_name IS NOT NULL GROUP BY raw_name"
    )
    return {row["raw_name"]: row["n"] for row in rows}


def remap_names(database: Database, roi_map: RoiMap) -> int:
    """Map all ROI names with a site's map; returns how many doses are due again, since names decide what is a target.

    The rows of the ROIs themselves are never changed.
    """
    names = name_counts(database)
    with database.transaction() as connection:
        before = _tg263_names(database)
        database.put("roi_name", COLUMNS, mapping_rows(roi_map, names))
        after = _tg263_names(database)
        changed = [(name,) for name in names if before.get(name) != after.get(name)]
        if not database.has("dvh"):
            return 0
        due = 0
        for name in changed:
            due += connection.execute(
                "UPDATE derivations SET state = 'due', attempts = 0, version = -1 WHERE extractor = 'dvh' "
                "AND version <> -1 AND sop IN (SELECT SOPInstanceUID FROM dvh WHERE roi_name = ?)",
                name,
            ).rowcount
        return due


def _tg263_names(database: Database) -> dict[str, str | None]:
    rows = database.query("SELECT raw_name, tg263_name FROM roi_name WHERE physician = 'DEFAULT'")
    return {row["raw_name"]: row["tg263_name"] for row in rows}
