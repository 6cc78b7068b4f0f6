"""The extractors of RT objects: structure sets, plans, doses, and the DVHs that they make together."""

from collections.abc import Callable, Collection, Sequence
from pathlib import Path
from typing import Any

from pyconquest_rt.derive import relations
from pyconquest_rt.derive.dvh_rows import DEFAULT_METRICS, Given, Setting, dvh_rows
from pyconquest_rt.derive.extractor import Extractor, Rows, Source, Waiting, version_of
from pyconquest_rt.derive.image_spacing import image_spacing
from pyconquest_rt.derive.rt_links import FRAME, LINKED, chain, own_doses, plan_uids, planes_of, plans_of
from pyconquest_rt.rt.dvh.biology import by_tissue
from pyconquest_rt.rt.dvh.dvh_views import drop_views_sql, view_sql
from pyconquest_rt.rt.dvh.planes import FEW_GAPS
from pyconquest_rt.rt.names.roi_files import load_map
from pyconquest_rt.rt.names.roi_map import DEFAULT_PHYSICIAN
from pyconquest_rt.rt.names.roi_mapping import mapping_rows
from pyconquest_rt.rt.objects import doses, plans, structures
from pyconquest_rt.rt.objects.dose_basis import Basis, PlannedDose, basis_of
from pyconquest_rt.rt.objects.relations import CHAIN_VIEW, chain_view_sql
from pyconquest_rt.rt.tables import TABLES
from pyconquest_rt.settings.sections import RTSettings

_STORAGE = "1.2.840.10008.5.1.4.1.1.481."
RT_DOSE = (f"{_STORAGE}2",)
RT_STRUCTURE_SET = (f"{_STORAGE}3",)
RT_PLAN = (f"{_STORAGE}5", f"{_STORAGE}8")
STRUCTURE_SET_VERSION = 4
DVH_VERSION = 6


def _script(*names: str) -> str:
    statements = [
        statement for name in names for statement in (TABLES[name].create_sql(), *TABLES[name].index_sql())
    ]
    return ";\n".join(statements) + ";"


def _structures(roi_map: str) -> Callable[[Source], Rows]:
    def extract(source: Source) -> Rows:
        found = structures.extract(source.path)
        missing = None
        if found.needs_images:
            series, missing = _image_series(source, found.structure_set)
            source.files_of(_images_in(source, series))  # any of them may change the spacing
            spacing = image_spacing(source, series[0]) if len(series) == 1 else None
            found = found if spacing is None else structures.extract(source.path, spacing)
        names = [row["raw_name"] for row in found.rois if row["raw_name"]]
        columns = [column.name for column in TABLES["roi_name"].columns]
        site_map = load_map(roi_map) if Path(roi_map).is_file() else None
        unknown, by_rules = _to_map(source, names)
        mapped = [*mapping_rows(site_map, unknown), *mapping_rows(None, by_rules)]
        rows = {
            "rt_structure_set": [found.structure_set],
            "rt_roi": found.rois,
            "roi_name": [dict(zip(columns, row, strict=True)) for row in mapped],
        }
        if missing:
            raise Waiting(f"waits for image series {missing}", missing, rows)
        return rows

    return extract


def _image_series(source: Source, structure_set: dict[str, Any]) -> tuple[list[str], str | None]:
    """The series that a structure set may have been drawn on: the one it names, else those in its frame of reference;
    and the one that is missing."""
    named = structure_set["image_series_uid"]
    if named:
        here = source.query("SELECT 1 FROM DICOMSeries WHERE SeriesInst = ?", (named,))
        return ([named], None) if here else ([], named)
    columns = {name for row in source.query("SELECT * FROM DICOMSeries LIMIT 1") for name in row}
    if not {"FrameOfRef", "Modality"} <= columns:  # a site's own dicom.sql
        return [], None
    found = source.query(
        "SELECT SeriesInst FROM DICOMSeries WHERE FrameOfRef = ? AND Modality IN ('CT', 'MR', 'PT')",
        (structure_set["frame_of_reference_uid"],),
    )
    return [row["SeriesInst"] for row in found], None


def _images_in(source: Source, series: Sequence[str]) -> list[str]:
    marks = ", ".join("?" * len(series))
    images = source.query(
        f"SELECT SOPInstanc AS sop FROM DICOMImages WHERE SeriesInst IN ({marks})",  # noqa: S608
        tuple(series),
    )
    return [image["sop"] for image in images]


def _drawn_on(source: Source) -> Collection[str]:
    """The images that a result would rest on now: all of those series, where the contours do not tell the spacing."""
    rows = source.query("SELECT * FROM rt_structure_set WHERE SOPInstanceUID = ?", (source.sop,))
    (gaps,) = source.query(
        "SELECT sum(plane_count - 1) AS sum FROM rt_roi WHERE SOPInstanceUID = ? AND plane_count > 0",
        (source.sop,),
    )
    if not rows or gaps["sum"] is None or gaps["sum"] >= FEW_GAPS:
        return ()
    return _images_in(source, _image_series(source, rows[0])[0])


def _to_map(source: Source, names: Sequence[str]) -> tuple[list[str], list[str]]:
    """Of some names those that have no row yet, and those whose row only rules made, which may be better now.

    The mapping of the others is the site's or a person's.
    """
    rows = (
        source.query("SELECT raw_name, physician_name, institutional_name, tg263_name FROM roi_name")
        if names
        else []
    )
    by_rules = {
        row["raw_name"]: row["physician_name"] is None and row["institutional_name"] == row["tg263_name"]
        for row in rows
    }
    distinct = dict.fromkeys(names)
    return [it for it in distinct if it not in by_rules], [it for it in distinct if by_rules.get(it)]


def _content(roi_map: str) -> str:
    """The text of the site's map of ROI names, by which a changed one is noticed; empty where there is none."""
    try:
        return Path(roi_map).read_bytes().decode("latin-1")
    except OSError:
        return ""


def _plan(source: Source) -> Rows:
    found = plans.extract(source.path)
    return {
        "rt_plan": [found.plan],
        "rt_fraction_group": found.fraction_groups,
        "rt_beam": found.beams,
    }


def _dose(source: Source) -> Rows:
    return {"rt_dose": [doses.extract(source.path)]}


def _inputs(setting: Setting) -> Callable[[Source], Collection[str]]:
    def inputs(source: Source) -> Collection[str]:
        rows = chain(source, setting.links_frames)
        uids = plan_uids(source, rows[0])
        plans = plans_of(source, uids)
        parts = own_doses(source, uids).values() if setting.has_effects else ()
        images = {image for row in rows for image in _images_of(source, row["structure_set_uid"])}
        return {*plans, *(row["structure_set_uid"] for row in rows), *planes_of(source), *images, *parts}

    return inputs


def _images_of(source: Source, structure_set_uid: str) -> list[str]:
    """The images that tell how far a structure set's slices are apart, where its contours do not."""
    rows = source.query(
        "SELECT input_sop FROM derivation_inputs WHERE sop = ? AND extractor = 'structure_set' AND input_sop <> sop",
        (structure_set_uid,),
    )
    return [row["input_sop"] for row in rows]


def dvh_extractor(setting: Setting) -> Extractor:
    """Return the extractor of DVHs with a site's settings; others make all DVHs due again."""

    def extract(source: Source) -> Rows:
        rows = chain(source, setting.links_frames)
        uids = plan_uids(source, rows[0])
        plans = plans_of(source, uids)
        for plan in plans:
            source.file_of(plan)
        dvhs: list[dict[str, Any]] = []
        values: list[dict[str, Any]] = []
        planes = {sop: source.file_of(sop) for sop in planes_of(source)}
        planned = _planned(source, planes, uids, plans, setting)
        basis = basis_of(planned)
        parts = _parts(source, planned) if setting.has_effects else []
        for row in rows:
            path = source.file_of(row["structure_set_uid"])
            source.files_of(_images_of(source, row["structure_set_uid"]))
            if source.sop != next(iter(planes)):
                continue  # the DVHs of such a grid are those of its first dose
            given = _given(source, row, basis)._replace(parts=parts)
            found = dvh_rows([*planes.values()], path, setting, given, _slice_spacing(source, row))
            key = {"SOPInstanceUID": source.sop, "structure_set_uid": row["structure_set_uid"]}
            dvhs += [key | one for one in found.dvhs]
            values += [key | one for one in found.metrics]
        return {"dvh": dvhs, "dvh_metrics": values}

    tables = _script("dvh", "dvh_metrics")
    anew = f"{drop_views_sql()}\nDROP TABLE dvh;\nDROP TABLE dvh_metrics;\n{tables}\n{view_sql()}"
    return Extractor(
        name="dvh",
        version=version_of(DVH_VERSION, repr(setting)),
        sop_classes=RT_DOSE,
        tables=("dvh", "dvh_metrics"),
        # All rows of older versions are due again, so the tables are made anew.
        scripts=(
            tables,
            f"DROP TABLE dvh;\nDROP TABLE dvh_metrics;\n{tables}\n{_script('rt_site')}\n{view_sql()}",
            anew,
            anew,
        ),
        extract=extract,
        inputs=_inputs(setting),
        awakes=("goals", "isodose"),
    )


def _planned(
    source: Source,
    planes: Collection[str],
    uids: Sequence[str],
    plans: dict[str, dict[str, Any]],
    setting: Setting,
) -> PlannedDose:
    """The dose among its plans; its greatest dose is that of all its planes."""
    marks = ", ".join("?" * len(planes))
    (dose,) = source.query("SELECT * FROM rt_dose WHERE SOPInstanceUID = ?", (source.sop,))
    (most,) = source.query(
        f"SELECT max(maximum_gy) AS gy FROM rt_dose WHERE SOPInstanceUID IN ({marks})",  # noqa: S608
        tuple(planes),
    )
    groups = {
        uid: source.query(
            "SELECT * FROM rt_fraction_group WHERE SOPInstanceUID = ? ORDER BY fraction_group_number", (uid,)
        )
        for uid in plans
    }
    return PlannedDose(dose | {"maximum_gy": most["gy"]}, uids, plans, groups, setting.takes_parts)


def _parts(source: Source, planned: PlannedDose) -> list[tuple[Path, int]]:
    """The files of the plans' own doses of a sum with their fractions; none where one of these is not known."""
    found = {uid: source.file_of(sop) for uid, sop in own_doses(source, planned.plan_uids).items()}
    fractions = {uid: planned.equal_fractions_of(uid) for uid in found}
    known = {uid: count for uid, count in fractions.items() if count}
    return [(path, known[uid]) for uid, path in found.items()] if len(known) == len(found) else []


def _given(source: Source, row: dict[str, Any], basis: Basis) -> Given:
    """What the index knows of a dose and one of its structure sets."""
    names = source.query(
        "SELECT r.raw_name, n.tg263_name FROM rt_roi r JOIN roi_name n ON n.raw_name = r.raw_name "
        "WHERE r.SOPInstanceUID = ? AND n.physician = ?",
        (row["structure_set_uid"], DEFAULT_PHYSICIAN),
    )
    has_plan, is_meant = row["plan_link"] in LINKED, row["structure_set_link"] == "reference"
    remarks = [] if is_meant else [row["reason"]]
    (dose,) = source.query(
        "SELECT dvh_count, structure_set_uid FROM rt_dose WHERE SOPInstanceUID = ?", (source.sop,)
    )
    if row["plan_link"] == "frame of reference":
        remarks.append("plan by frame of reference only")
    if dose["dvh_count"] and not is_meant:
        remarks.append("the sender's DVHs are left out: they are not of this structure set")
    return Given(
        basis,
        row["plan_uid"] if has_plan else None,
        row["plan_link"],
        row["structure_set_link"],
        row["summation_type"],
        {name["raw_name"]: name["tg263_name"] for name in names},
        remarks,
        []
        if dose["structure_set_uid"]
        else ["the dose names no structure set for them: that of its plan is taken"],
        is_meant,
    )


def _slice_spacing(source: Source, row: dict[str, Any]) -> float | None:
    """The distance in mm of the slices that a structure set was drawn on, as its own row has it.

    Raises:
        Waiting: its contours do not tell it, and the images have not come yet.
    """
    (found,) = source.query(
        "SELECT plane_spacing_mm FROM rt_structure_set WHERE SOPInstanceUID = ?", (row["structure_set_uid"],)
    )
    spacing: float | None = found["plane_spacing_mm"]
    if spacing is None and row["image_series_link"] == "missing":
        raise Waiting(f"waits for image series {row['image_series_uid']}", row["image_series_uid"])
    return spacing


def extractors(settings: RTSettings) -> tuple[Extractor, ...]:
    """Return the extractors of RT objects, in the order in which they should work."""
    setting = Setting(
        tuple(settings.metrics.split()) or DEFAULT_METRICS,
        settings.end_cap,
        by_tissue(settings.alpha_beta),
        by_tissue(settings.geud_a),
        settings.partial_doses,
        settings.link == FRAME,
        settings.other_frame_of_reference,
    )
    site_map = _content(settings.roi_map)
    return (
        Extractor(
            name="structure_set",
            version=version_of(STRUCTURE_SET_VERSION, site_map) if site_map else STRUCTURE_SET_VERSION,
            version_before=STRUCTURE_SET_VERSION,
            sop_classes=RT_STRUCTURE_SET,
            tables=("rt_structure_set", "rt_roi"),
            scripts=(_script("rt_structure_set", "rt_roi", "roi_name"),),
            extract=_structures(settings.roi_map),
            inputs=_drawn_on,
            awakes=("dvh", "relation"),
        ),
        Extractor(
            name="plan",
            version=2,
            sop_classes=RT_PLAN,
            tables=("rt_plan", "rt_fraction_group", "rt_beam"),
            scripts=(_script("rt_plan", "rt_fraction_group", "rt_beam"),),
            extract=_plan,
            awakes=("dvh", "relation"),
        ),
        Extractor(
            name="dose",
            version=2,
            sop_classes=RT_DOSE,
            tables=("rt_dose",),
            scripts=(
                f"{_script('rt_dose')}\n{chain_view_sql()};",
                f"DROP VIEW {CHAIN_VIEW};\nDROP TABLE rt_dose;\n{_script('rt_dose')}\n{chain_view_sql()};",
            ),
            extract=_dose,
            awakes=("dvh",),
        ),
        dvh_extractor(setting),
        *relations.extractors(settings, site_map),
    )
