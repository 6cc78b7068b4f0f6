"""The extractors of pairs of organ and target, and of isodoses; they work after the DVHs."""

from pathlib import Path
from typing import Any

from pyconquest_rt.derive.extractor import Extractor, Rows, Source, Waiting, version_of
from pyconquest_rt.dicom.access import read_objects, view_object
from pyconquest_rt.rt.dvh.contours import read_rois
from pyconquest_rt.rt.dvh.dose_reading import DoseError, read_dose_grid
from pyconquest_rt.rt.names.roi_map import DEFAULT_PHYSICIAN
from pyconquest_rt.rt.relations.isodoses import reaches_border
from pyconquest_rt.rt.relations.pairs import Pairs, RoiSet
from pyconquest_rt.rt.relations.rows import no_targets_row, relation_row, sts_row
from pyconquest_rt.rt.relations.tables import script_sql
from pyconquest_rt.rt.relations.targets import Targets, facts_of, targets_of
from pyconquest_rt.settings.sections import RTSettings

_STORAGE = "1.2.840.10008.5.1.4.1.1.481."
RT_DOSE, RT_STRUCTURE_SET = f"{_STORAGE}2", f"{_STORAGE}3"
RELATION_VERSION = 1
ISODOSE_VERSION = 1
LEVELS_PERCENT = (110, 107, 105, 100, 95, 90, 80, 70, 60, 50, 40, 30, 20, 10)
NO_TARGET = "no target: no name, prescription or type tells one; the setting targets can"


def _plans(source: Source) -> list[str]:
    """The plans that are there of a structure set."""
    rows = source.query("SELECT SOPInstanceUID FROM rt_plan WHERE structure_set_uid = ?", (source.sop,))
    return sorted(row["SOPInstanceUID"] for row in rows)


def _targets(source: Source, patterns: tuple[str, ...]) -> Targets:
    rois = source.query(
        "SELECT r.roi_number, r.raw_name, r.interpreted_type, n.tg263_name FROM rt_roi r LEFT JOIN roi_name n "
        "ON n.raw_name = r.raw_name AND n.physician = ? WHERE r.SOPInstanceUID = ?",
        (DEFAULT_PHYSICIAN, source.sop),
    )
    prescribed = source.query(
        "SELECT DISTINCT g.rx_roi_number FROM rt_plan p JOIN rt_fraction_group g "
        "ON g.SOPInstanceUID = p.SOPInstanceUID WHERE p.structure_set_uid = ? AND g.rx_roi_number IS NOT NULL",
        (source.sop,),
    )
    return targets_of(facts_of(rois), patterns, [row["rx_roi_number"] for row in prescribed])


def relation_extractor(settings: RTSettings, roi_map: str) -> Extractor:
    """Return the extractor of pairs with a site's settings; others make all pairs due again.

    ``roi_map`` is the content of the site's map of ROI names, by which targets are known.
    """
    patterns = tuple(settings.targets.split())

    def extract(source: Source) -> Rows:
        for plan in _plans(source):
            source.file_of(plan)
        found = source.query(
            "SELECT plane_spacing_mm FROM rt_structure_set WHERE SOPInstanceUID = ?", (source.sop,)
        )
        if not found:
            raise Waiting("its own row in rt_structure_set")
        return relation_rows(
            source.path,
            _targets(source, patterns),
            settings.end_cap,
            found[0]["plane_spacing_mm"],
            source.sop,
        )

    return Extractor(
        name="relation",
        version=version_of(RELATION_VERSION, repr((settings.targets, settings.end_cap, roi_map))),
        sop_classes=(RT_STRUCTURE_SET,),
        tables=("rt_relation", "rt_sts"),
        scripts=(script_sql(),),
        extract=extract,
        inputs=_plans,
    )


def relation_rows(path: Path, targets: Targets, end_cap: str, spacing: float | None, sop: str) -> Rows:
    """Return the rows of every organ against every target, and against the union of all targets."""
    key = {"SOPInstanceUID": sop}
    if not targets.numbers:
        return {"rt_relation": [key | no_targets_row(end_cap, NO_TARGET)], "rt_sts": []}
    rois = RoiSet.of(read_rois(view_object(path)), spacing)
    pairs = Pairs(rois, end_cap)
    organs = [(number,) for number in rois.rois if number not in targets.numbers]
    sides: list[tuple[int, ...]] = [(number,) for number in targets.numbers]
    if len(targets.numbers) > 1:
        sides.append(targets.numbers)
    relations: list[dict[str, Any]] = []
    directions: list[dict[str, Any]] = []
    for side in sides:
        pairs.prepare(side, organs)
        for organ in organs:
            found = pairs.relate(organ, side)
            relations.append(key | relation_row(found, targets.rule, side == targets.numbers))
            sts = sts_row(found)
            directions += [key | sts] if sts else []
    return {"rt_relation": relations, "rt_sts": directions}


def _isodoses(source: Source) -> Rows:
    of_dvhs = source.query(
        "SELECT max(prescription_gy) AS gy FROM dvh WHERE SOPInstanceUID = ? AND source = 'pyconquest'",
        (source.sop,),
    )
    try:
        grid = read_dose_grid(read_objects(source.path))
    except DoseError as error:
        row = {"level_percent": 100.0, "of_what": "maximum", "status": "failed", "reason": str(error)}
        return {"rt_isodose": [{"SOPInstanceUID": source.sop, "dose_gy": None, "volume_cc": None} | row]}
    rx = of_dvhs[0]["gy"]
    whole = float(rx or grid.range[1])
    rows = []
    for level in LEVELS_PERCENT:
        dose = whole * level / 100.0
        if not 0 < dose <= grid.range[1]:
            continue
        notes = [*grid.notes, *reaches_border(grid, dose)]
        rows.append(
            {
                "SOPInstanceUID": source.sop,
                "level_percent": float(level),
                "of_what": "prescription" if rx else "maximum",
                "dose_gy": dose,
                "volume_cc": grid.volume_above(dose),
                "status": "warning" if notes else "ok",
                "reason": "; ".join(notes) or None,
            }
        )
    return {"rt_isodose": rows}


ISODOSE = Extractor(
    name="isodose",
    version=ISODOSE_VERSION,
    sop_classes=(RT_DOSE,),
    tables=("rt_isodose",),
    scripts=(),
    extract=_isodoses,
)


def extractors(settings: RTSettings, roi_map: str) -> tuple[Extractor, ...]:
    """Return the extractors of pairs and isodoses."""
    return relation_extractor(settings, roi_map), ISODOSE
