"""The tables of targets and organs, and of isodoses, and the views over them."""

from pyconquest_rt.dicom.tables import Table, columns

MARGINS_MM = (0, 3, 5, 10, 20)
"""Distances for which the organ's share has columns of its own."""

_KEY = """
    SOPInstanceUID | TEXT NOT NULL    | | SOPInstanceUID of the structure set
    organ_number   | INTEGER NOT NULL | | ROINumber of the organ; 0 in the one row of a set without targets
    targets        | TEXT NOT NULL    | | ROINumbers of the target, or of those whose union it is, joined by a backslash
    end_cap        | TEXT NOT NULL    | | how the outermost slabs are closed: half, none, taper
"""
RELATION = Table(
    "rt_relation",
    "One row for each pair of an organ and a target of a structure set, and for the union of all targets.",
    columns(
        _KEY,
        """
        organ_name     | TEXT    |     | ROIName of the organ
        target_name    | TEXT    |     | ROIName of the target, or those of the union
        is_union       | INTEGER |     | 1 if the target is the union of all targets of the set
        target_rule    | TEXT NOT NULL | | what told the target: setting, name, prescription, type; none where none is
        organ_cc       | REAL    | cm3 | volume of the organ
        target_cc      | REAL    | cm3 | volume of the target
        overlap_cc     | REAL    | cm3 | volume that both share
        min_mm         | REAL    | mm  | least signed distance of the organ to the target's surface, negative within
        p25_mm         | REAL    | mm  | distance within which a quarter of the organ's volume lies
        median_mm      | REAL    | mm  | the same for half of it
        mean_mm        | REAL    | mm  | mean distance of the organ's volume
        p75_mm         | REAL    | mm  | distance within which three quarters of it lie
        max_mm         | REAL    | mm  | greatest distance
        centroid_mm    | REAL    | mm  | distance of the centres of gravity
        organ_x_mm     | REAL    | mm  | the organ's centre of gravity in patient coordinates
        organ_y_mm     | REAL    | mm  | the same, y
        organ_z_mm     | REAL    | mm  | the same, z
        ovh_first_mm   | REAL    | mm  | first distance of the overlap-volume histogram
        ovh_width_mm   | REAL    | mm  | distance of its values
        ovh            | TEXT    |     | part of the organ's volume within each distance, as a JSON list
        """,
        *(
            f"within_{mm}mm | REAL | 0 to 1 | part of the organ's volume within {mm} mm of the target"
            for mm in MARGINS_MM
        ),
        """
        status         | TEXT NOT NULL | | ok, warning or failed
        reason         | TEXT    |     | what is wrong, in words; NULL if nothing is
        """,
    ),
    key=("SOPInstanceUID", "organ_number", "targets", "end_cap"),
    indexed=("organ_name",),
)
STS = Table(
    "rt_sts",
    "One row for each pair of rt_relation: where the target lies as seen from the organ's centre of gravity.",
    columns(
        _KEY,
        """
        distance_width_mm   | REAL | mm     | width of a bin of distance, from 0 on
        azimuth_width_deg   | REAL | degree | of azimuth, atan2(y, x) in patient coordinates, from -180 on
        elevation_width_deg | REAL | degree | of elevation, asin(z / r), from -90 on
        distance  | TEXT | | part of the target's volume by distance alone, as a JSON list
        azimuth   | TEXT | | the same by azimuth
        elevation | TEXT | | the same by elevation
        fraction  | TEXT | | JSON list of [distance bin, azimuth bin, elevation bin, part]; bins that are not empty
        """,
    ),
    key=("SOPInstanceUID", "organ_number", "targets", "end_cap"),
)
ISODOSE = Table(
    "rt_isodose",
    "One row for each isodose of a dose.",
    columns("""
        SOPInstanceUID | TEXT NOT NULL | | SOPInstanceUID of the RTDOSE
        level_percent  | REAL NOT NULL | % | the level
        of_what        | TEXT NOT NULL | | what 100 % is: prescription or maximum
        dose_gy        | REAL    | Gy  | the dose
        volume_cc      | REAL    | cm3 | volume between the voxel centres that gets at least that dose
        status         | TEXT NOT NULL | | ok, warning or failed
        reason         | TEXT    |     | what is wrong, in words; NULL if nothing is
    """),
    key=("SOPInstanceUID", "level_percent"),
)
TABLES = {table.name: table for table in (RELATION, STS, ISODOSE)}

MARGIN_VIEW, ISOCENTRE_VIEW = "v_ovh_margin", "v_isocentre_distance"
MARGIN_COLUMNS = columns(
    """
    patient_id     | TEXT | | PatientID
    SOPInstanceUID | TEXT | | SOPInstanceUID of the structure set
    organ_name     | TEXT | | ROIName of the organ
    tg263_name     | TEXT | | its name of TG-263
    target_name    | TEXT | | ROIName of the target, or those of the union
    is_union       | INTEGER | | 1 if the target is the union of all targets
    """,
    *(f"within_{mm}mm | REAL | 0 to 1 | part of the organ within {mm} mm of the target" for mm in MARGINS_MM),
    """
    status | TEXT | | ok or warning
    reason | TEXT | | what to know of it
    """,
)
ISOCENTRE_COLUMNS = columns("""
    patient_id     | TEXT    |     | PatientID
    SOPInstanceUID | TEXT    |     | SOPInstanceUID of the structure set
    organ_number   | INTEGER |     | ROINumber of the organ
    organ_name     | TEXT    |     | ROIName of the organ
    plan_uid       | TEXT    |     | SOPInstanceUID of the plan
    beam_number    | INTEGER |     | BeamNumber
    dx_mm          | REAL    | mm  | from the isocentre of the beam to the organ's centre of gravity, x
    dy_mm          | REAL    | mm  | the same, y
    dz_mm          | REAL    | mm  | the same, z
    square_mm2     | REAL    | mm2 | the square of the distance (not every SQLite has roots)
""")

_NAMED = "LEFT JOIN roi_name n ON n.raw_name = r.organ_name AND n.physician = 'DEFAULT'"


def view_sql() -> str:
    """The statements that make the views, in the syntax of SQLite 3.8.5."""
    margins = ", ".join(f"r.within_{mm}mm" for mm in MARGINS_MM)
    return f"""
CREATE VIEW IF NOT EXISTS {MARGIN_VIEW} AS
SELECT s.patient_id, r.SOPInstanceUID, r.organ_name, n.tg263_name, r.target_name, r.is_union, {margins},
    r.status, r.reason
FROM rt_relation r
LEFT JOIN rt_structure_set s ON s.SOPInstanceUID = r.SOPInstanceUID
{_NAMED}
WHERE r.status <> 'failed';
CREATE VIEW IF NOT EXISTS {ISOCENTRE_VIEW} AS
SELECT p.patient_id, r.SOPInstanceUID, r.organ_number, r.organ_name, p.SOPInstanceUID AS plan_uid, b.beam_number,
    r.organ_x_mm - b.isocentre_x_mm AS dx_mm, r.organ_y_mm - b.isocentre_y_mm AS dy_mm,
    r.organ_z_mm - b.isocentre_z_mm AS dz_mm,
    (r.organ_x_mm - b.isocentre_x_mm) * (r.organ_x_mm - b.isocentre_x_mm)
    + (r.organ_y_mm - b.isocentre_y_mm) * (r.organ_y_mm - b.isocentre_y_mm)
    + (r.organ_z_mm - b.isocentre_z_mm) * (r.organ_z_mm - b.isocentre_z_mm) AS square_mm2
FROM (SELECT DISTINCT SOPInstanceUID, organ_number, organ_name, organ_x_mm, organ_y_mm, organ_z_mm FROM rt_relation
    WHERE status <> 'failed') r
JOIN rt_plan p ON p.structure_set_uid = r.SOPInstanceUID
JOIN rt_beam b ON b.SOPInstanceUID = p.SOPInstanceUID AND b.isocentre_x_mm IS NOT NULL;
"""  # noqa: S608


def script_sql() -> str:
    """The statements that make tables, indices and views."""
    statements = [sql for table in TABLES.values() for sql in (table.create_sql(), *table.index_sql())]
    return ";\n".join(statements) + ";\n" + view_sql()
