"""The SELECTs of the views for people over radiotherapy: ROIs, plans, doses and metrics, with plain names.

Each rests on tables of extractors. Before these are there, the view has its columns and no rows. Dates are written
``YYYY-MM-DD``; doses are in Gy, volumes in cm3.
"""

from typing import NamedTuple


class RTView(NamedTuple):
    """A view: the tables and views that must be there, its columns by their names, and where they are from."""

    needs: tuple[str, ...]
    columns: dict[str, str]
    source: str

    def select(self, *, has_tables: bool) -> str:
        """Return its SELECT; without the tables one of the same columns and no rows."""
        if not has_tables:
            return f"SELECT {', '.join(f'NULL AS {name}' for name in self.columns)} WHERE 0"
        chosen = ", ".join(f"{value} AS {name}" for name, value in self.columns.items())
        return f"SELECT {chosen} FROM {self.source}"


def iso_date(text: str) -> str:
    """Return the expression of a DICOM date as ``YYYY-MM-DD``; what has not eight characters stays as it is."""
    return (
        f"CASE WHEN length({text}) = 8 THEN substr({text}, 1, 4) || '-' || substr({text}, 5, 2) || '-' || "
        f"substr({text}, 7, 2) ELSE {text} END"
    )


def _same(alias: str, names: str) -> dict[str, str]:
    """Columns that keep the name that they have in a table."""
    return {name: f"{alias}.{name}" for name in names.split()}


_ROIS = RTView(
    ("rt_roi", "rt_structure_set", "roi_name"),
    {
        "patient_id": "s.patient_id",
        "study_uid": "s.study_instance_uid",
        "structure_set_uid": "r.SOPInstanceUID",
        "structure_set_label": "s.label",
        "roi_number": "r.roi_number",
        "roi_name": "r.raw_name",
        "roi_type": "r.interpreted_type",
        **_same("n", "tg263_name institutional_name"),
        **_same("r", "volume_cc colour contour_count plane_count plane_spacing_mm is_empty status reason"),
    },
    "rt_roi r JOIN rt_structure_set s ON s.SOPInstanceUID = r.SOPInstanceUID "
    "LEFT JOIN roi_name n ON n.raw_name = r.raw_name AND n.physician = 'DEFAULT'",
)
_PLANS = RTView(
    ("rt_plan", "rt_site"),
    {
        "patient_id": "p.patient_id",
        "study_uid": "p.study_instance_uid",
        "plan_uid": "p.SOPInstanceUID",
        "plan_label": "p.label",
        "plan_name": "p.name",
        "plan_date": iso_date("p.date"),
        "site": "coalesce(t.site, p.treatment_site_key)",
        "prescription_gy": "p.rx_dose_gy",
        "fractions": "p.fractions_planned",
        **_same("p", "physician approval_status intent kinds radiation_types machines beam_count mu"),
        **_same("p", "structure_set_uid status reason"),
    },
    "rt_plan p LEFT JOIN rt_site t ON t.plan_uid = p.SOPInstanceUID",
)
_DOSES = RTView(
    ("rt_dose", "rt_plan", "dvh", "v_rt_chain"),
    {
        "patient_id": "c.patient_id",
        "study_uid": "c.study_instance_uid",
        "dose_uid": "c.dose_uid",
        "dose_date": iso_date("d.date"),
        **_same("d", "summation_type dose_type dose_units maximum_gy"),
        "plan_uid": "c.plan_uid",
        "plan_label": "p.label",
        **_same("c", "plan_link structure_set_uid structure_set_link image_series_uid image_series_link"),
        "dvhs": "(SELECT count(*) FROM dvh h WHERE h.SOPInstanceUID = c.dose_uid AND "
        "h.structure_set_uid = c.structure_set_uid AND h.source = 'pyconquest' AND h.status <> 'failed')",
        "status": "d.status",
        "reason": "coalesce(c.reason, d.reason)",
    },
    "v_rt_chain c JOIN rt_dose d ON d.SOPInstanceUID = c.dose_uid "
    "LEFT JOIN rt_plan p ON p.SOPInstanceUID = c.plan_uid",
)
_METRICS = RTView(
    ("dvh_metrics", "v_dvh"),
    {
        "patient_id": "v.patient_id",
        "study_uid": "v.study_instance_uid",
        "dose_uid": "v.SOPInstanceUID",
        **_same("v", "structure_set_uid structure_set_link plan_uid plan_label site"),
        "plan_date": iso_date("v.date"),
        **_same(
            "v", "summation_type prescription_gy fractions roi_number roi_name tg263_name roi_type source"
        ),
        **_same("v", "volume_cc"),
        **_same("m", "metric value unit"),
        **_same("v", "status reason"),
    },
    "dvh_metrics m JOIN v_dvh v ON v.SOPInstanceUID = m.SOPInstanceUID AND "
    "v.structure_set_uid = m.structure_set_uid AND v.roi_number = m.roi_number AND v.source = m.source AND "
    "v.end_cap = m.end_cap",
)
RT_VIEWS = {
    "archive_rois": _ROIS,
    "archive_plans": _PLANS,
    "archive_doses": _DOSES,
    "archive_metrics": _METRICS,
}
"""View → what it is made of."""
