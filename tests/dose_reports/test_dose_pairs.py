"""An image, or a dose page, beside the report of the same exposure: counted once, whatever comes, goes or comes again.

Real images and a real Philips page (where the shared files are there) with reports made for them.
"""

import itertools
import sqlite3
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import pytest
from dose_objects import (
    CT_IMAGE,
    DOSE_FOLDER,
    coded,
    ct_event,
    ct_report,
    encode,
    image_reference,
    instance,
    moment,
    needs_dose_files,
    num,
    report,
    xray_event,
)
from pydicom.dataset import Dataset

from pyconquest_rt import dose_reports
from pyconquest_rt.dose_reports import Rows

XA_IMAGE = "1.2.840.10008.5.1.4.1.1.12.1"
REPORT = "2.25.9000"


class Pair(NamedTuple):
    """A report and what else tells of the same events; a total of the study with the report, and without."""

    report: Rows
    others: list[Rows]
    column: str
    with_report: float
    without: float | None


def rows_of(source: Dataset | str) -> Rows:
    rows = dose_reports.extract(DOSE_FOLDER / source if isinstance(source, str) else encode(source))
    assert rows is not None and rows.object["status"] != "failed"
    return rows


def report_for(rows: Rows, *children: Dataset) -> Rows:
    """A report in the study of another object."""
    study = str(rows.object["StudyInstanceUID"])
    return rows_of(report(*children, StudyInstanceUID=study, SOPInstanceUID=REPORT))


def _mammography() -> Pair:
    """Two real images of one exposure, for presentation and for processing; the report refers to one of them."""
    names = ("MG-Im-GE_Seno_1_ForPresentation.dcm", "MG-Im-GE_Seno_1_ForProcessing.dcm")
    shown, raw = (rows_of(name) for name in names)
    breast = coded("T-D0005^SRT", "T-04000^SRT", "Breast", coded("G-C171^SRT", "G-A101^SRT"))
    event = xray_event(
        "2.25.1", num("111631^DCM", 0.55, "mGy"), breast, image_reference("113795^DCM", raw.sop_instance_uid)
    )
    told = report_for(raw, coded("121058^DCM", "P5-40010^SRT"), event)
    return Pair(told, [shown, raw], "total_agd_left_mGy", 0.55, 0.547)


def _radiography() -> Pair:
    """A real image; the report has another UID for the event, and the second at which it was acquired."""
    image = rows_of("DX-Im-Carestream_DRX.dcm")
    (event,) = image["dose_event"]
    started = moment("111526^DCM", str(event["date_time_started"])[:14])
    told = report_for(image, xray_event("2.25.1", num("122130^DCM", 0.633, "dGy.cm2"), started))
    return Pair(told, [image], "total_dap_Gym2", 6.33e-06, 6.33e-06)


def _angiography() -> Pair:
    values: dict[str, Any] = {"Modality": "XA", "KVP": "75", "ImageAndFluoroscopyAreaDoseProduct": "13.5"}
    image = rows_of(instance(XA_IMAGE, SOPInstanceUID="2.25.9001", IrradiationEventUID="2.25.1", **values))
    fluoroscopy = xray_event("2.25.2", num("122130^DCM", 1e-4, "Gy.m2"))
    told = report_for(image, xray_event("2.25.1", num("122130^DCM", 1.4e-4, "Gy.m2")), fluoroscopy)
    return Pair(told, [image], "total_dap_Gym2", 2.4e-4, 1.35e-4)


def _ct() -> Pair:
    images = [
        rows_of(
            instance(
                CT_IMAGE, CTDIvol=5.0, SOPInstanceUID=f"2.25.901{number}", IrradiationEventUID=f"2.25.{event}"
            )
        )
        for number, event in enumerate((1, 1, 2))
    ]
    told = rows_of(ct_report({"2.25.1": 100.0, "2.25.2": 50.0}, SOPInstanceUID=REPORT))
    return Pair(told, images, "total_dlp_mGycm", 150.0, None)


def _philips() -> Pair:
    page = rows_of("CT-SC-Philips_Brilliance16P.dcm")
    event = ct_event("2.25.1", 657.85)
    return Pair(report_for(page, event), [page], "total_dlp_mGycm", 657.85, 1102.446)


PAIRS = [
    pytest.param(_mammography, marks=needs_dose_files),
    pytest.param(_radiography, marks=needs_dose_files),
    _angiography,
    _ct,
    pytest.param(_philips, marks=needs_dose_files),
]


def opened(objects: Sequence[Rows]) -> sqlite3.Connection:
    connection = sqlite3.connect(":memory:")
    connection.row_factory = sqlite3.Row
    dose_reports.create_tables(connection)
    for rows in objects:
        dose_reports.write(connection, rows)
    return connection


def total(connection: sqlite3.Connection, column: str) -> Any:
    (row,) = connection.execute("SELECT * FROM dose_study").fetchall()
    return row[column]


def superseded(connection: sqlite3.Connection) -> dict[str, str | None]:
    return dict(connection.execute("SELECT SOPInstanceUID, superseded_by FROM v_dose_object").fetchall())


@pytest.mark.parametrize("make", PAIRS)
def test_a_pair_counts_once_in_any_order(make: Callable[[], Pair]) -> None:
    pair = make()
    others = {rows.sop_instance_uid: REPORT for rows in pair.others}
    for order in itertools.permutations([pair.report, *pair.others]):
        connection = opened(order)
        assert total(connection, pair.column) == pytest.approx(pair.with_report)
        assert superseded(connection) == {REPORT: None, **others}


@pytest.mark.parametrize("make", PAIRS)
def test_when_one_goes_the_other_counts_and_when_it_comes_again_it_is_as_before(
    make: Callable[[], Pair],
) -> None:
    pair = make()
    connection = opened([pair.report, *pair.others])
    dose_reports.delete(connection, REPORT)
    assert total(connection, pair.column) == (None if pair.without is None else pytest.approx(pair.without))
    assert REPORT not in superseded(connection).values()
    for _ in range(2):  # and once more, as it is sent again
        dose_reports.write(connection, pair.report)
        assert total(connection, pair.column) == pytest.approx(pair.with_report)
        assert set(superseded(connection).values()) == {None, REPORT}
    for rows in pair.others:
        dose_reports.write(connection, rows)
        dose_reports.delete(connection, rows.sop_instance_uid)
    assert total(connection, pair.column) == pytest.approx(pair.with_report)
    assert superseded(connection) == {REPORT: None}
