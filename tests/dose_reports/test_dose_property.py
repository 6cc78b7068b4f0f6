"""A hundred dose objects of all kinds in any order, some twice, some deleted: always the same dose_study."""

import random
import sqlite3
from collections.abc import Iterator, Sequence
from typing import Any

import pytest
from dose_objects import (
    CT_IMAGE,
    MG_PRESENTATION,
    MG_PROCESSING,
    NM_IMAGE,
    PET_IMAGE,
    SECONDARY_CAPTURE,
    code_item,
    coded,
    container,
    ct_event,
    ct_report,
    encode,
    image_reference,
    instance,
    moment,
    num,
    radiograph,
    report,
    uidref,
    xray_event,
)
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence as Items

from pyconquest_rt import dose_reports
from pyconquest_rt.dose_reports import Rows
from pyconquest_rt.dose_reports.counting.store import count_due
from pyconquest_rt.dose_reports.views import VIEWS
from pyconquest_rt.exports.dose import export_rows


def _cumulative_ct(study: str) -> Iterator[Dataset]:
    """Cumulative and overlapping reports, one that a gateway read off a page, and images with and without UIDs."""
    device: dict[str, Any] = {"StudyInstanceUID": study, "Manufacturer": "A", "DeviceSerialNumber": "1"}
    doses = {f"{study}.{n}": 10.0 * n for n in range(1, 5)}
    for last in range(1, 5):
        yield ct_report(dict(list(doses.items())[:last]), f"09{last}000", **device)
    yield ct_report(dict(list(doses.items())[2:]), "100000", **device)
    yield report(
        coded("113854^DCM", "113868^DCM"),
        *(ct_event(f"{study}.9{n}", 10.0 * n) for n in range(1, 5)),
        **device,
    )
    for number in range(6):
        values = {"IrradiationEventUID": f"{study}.{number}"} if number < 3 else {}
        yield instance(
            CT_IMAGE,
            **device,
            CTDIvol=5.0,
            AcquisitionNumber=str(number),
            SeriesInstanceUID=f"{study}.7{number}",
            **values,
        )


def _pages(study: str) -> Iterator[Dataset]:
    """Philips pages, the second longer than the first, reports without UIDs and images with private doses."""
    for events in (1, 3):
        page = instance(
            SECONDARY_CAPTURE, StudyInstanceUID=study, Manufacturer="Philips", SeriesDescription="Dose Info"
        )
        page.ExposureDoseSequence = Items([])
        for number in range(events):
            exposure = Dataset()
            exposure.AcquisitionType, exposure.CTDIvol = "SPIRAL", 5.0 + number
            exposure.private_block(0x00E1, "ELSCINT1", create=True).add_new(0x21, "DS", f"{100 + number}")
            page.ExposureDoseSequence.append(exposure)
        yield page
    for events in (1, 2):
        yield report(*(ct_event(None, 300.0 - number) for number in range(events)), StudyInstanceUID=study,
                     DeviceSerialNumber="77", ContentDate="20250102", ContentTime=f"1{events}0000")  # fmt: skip
    for number in range(4):
        image = instance(
            CT_IMAGE,
            StudyInstanceUID=study,
            SeriesInstanceUID=f"{study}.{number}",
            DeviceSerialNumber="88",
            AcquisitionNumber="1",
            AcquisitionDate="20250102",
            AcquisitionTime=f"1010{number}0",
            ConvolutionKernel=f"B{number}",
        )
        image.private_block(0x7005, "TOSHIBA_MEC_CT3", create=True).add_new(0x40, "FD", 120.0)
        yield image


def _projection(study: str) -> Iterator[Dataset]:
    """A report with more in its totals than in its list, one of totals alone, images in and beside it."""
    dose = num("122130^DCM", 2, "dGy.cm2")
    total = container("113702^DCM", coded("113764^DCM", "113622^DCM"), num("113722^DCM", 3e-4, "Gy.m2"))
    device: dict[str, Any] = {"StudyInstanceUID": study, "DeviceSerialNumber": "77"}
    events = [
        xray_event(f"{study}.1", dose, moment("111526^DCM", "20250102080000+0000")),
        xray_event(f"{study}.2", dose, image_reference("113795^DCM", f"{study}.31")),
        xray_event(None, dose, moment("111526^DCM", "20250102082000")),
        xray_event(None, num("122130^DCM", 6, "dGy.cm2"), moment("111526^DCM", "20250102082000")),
    ]
    yield report(total, *events, **device)
    yield report(total, *events[:1], **device, ContentTime="070000", ContentDate="20250102")
    for number in (1, 2):
        more = container(
            "113702^DCM", num("113722^DCM", number * 1e-4, "Gy.m2"), num("113730^DCM", 60 * number, "s")
        )
        yield report(more, **device, ContentDate="20250102", ContentTime=f"1{number}0000")
    for number, time in enumerate(("080001", "081500", "082000", "082000.5", "090000", "090000", "220000")):
        yield radiograph(
            **device, AcquisitionTime=time, SOPInstanceUID=f"{study}.3{number}", KVP=str(100 + number % 3)
        )
    yield radiograph(**device, AcquisitionTime="090000", TimezoneOffsetFromUTC="+0100")
    yield radiograph(StudyInstanceUID=study, DeviceSerialNumber="99", AcquisitionTime="080000")


def _mammography(study: str) -> Iterator[Dataset]:
    """2D and tomosynthesis of one second, copies, contrast-enhanced images with the recombined one, two units."""
    values: dict[str, Any] = {"StudyInstanceUID": study, "Modality": "MG", "KVP": "29", "ImageLaterality": "L",
                              "AcquisitionDate": "20250102", "DeviceSerialNumber": "5"}  # fmt: skip
    original, derived = {"ImageType": ["ORIGINAL", "PRIMARY"]}, {"ImageType": ["DERIVED", "PRIMARY"]}
    for sop_class in (MG_PROCESSING, MG_PRESENTATION):
        yield instance(sop_class, **values, **original, OrganDose="0.012", AcquisitionTime="101112")
    yield instance(SECONDARY_CAPTURE, **values, **original, OrganDose="0.014", AcquisitionTime="101112.000")
    yield instance(MG_PRESENTATION, **values, **derived, OrganDose="0.026", AcquisitionTime="101113")
    yield instance(
        MG_PRESENTATION, **{**values, "DeviceSerialNumber": "6"}, OrganDose="0.012", AcquisitionTime="101112"
    )
    yield instance(
        MG_PRESENTATION, **{**values, "ImageLaterality": "B"}, OrganDose="0.01", AcquisitionTime="111112"
    )
    breast = coded("T-D0005^SRT", "T-04030^SRT")
    told = xray_event(
        f"{study}.1", num("111631^DCM", 1.2, "mGy"), breast, moment("111526^DCM", "20250102101112")
    )
    yield report(coded("121058^DCM", "P5-40010^SRT"), told, StudyInstanceUID=study)


def _nuclear(study: str) -> Iterator[Dataset]:
    """Images and a report of one injection, a second injection, one over midnight, one in the wrong unit."""
    for sop_class, activity, start in (
        (PET_IMAGE, "394000000", "090000"),
        (PET_IMAGE, "394200000", "090100"),
        (PET_IMAGE, "394000000", "140000"),
        (NM_IMAGE, "740000000", "235900"),
        (NM_IMAGE, "740", "235900"),
    ):
        item = Dataset()
        item.RadionuclideTotalDose, item.RadiopharmaceuticalStartTime = activity, start
        item.RadionuclideCodeSequence = Items(
            [code_item("C-111A1^SRT" if sop_class == PET_IMAGE else "C-163A8^SRT")]
        )
        image = instance(
            sop_class, StudyInstanceUID=study, AcquisitionDate="20250102", AcquisitionTime="150000"
        )
        image.RadiopharmaceuticalInformationSequence = Items([item])
        yield image
    agent = coded("F-61FDB^SRT", "C-B1031^SRT", "FDG", coded("C-10072^SRT", "C-111A1^SRT", "F-18"))
    given = container("113502^DCM", uidref("113503^DCM", f"{study}.1"), agent, num("113507^DCM", 394, "MBq"),
                      moment("123003^DCM", "20250102090000"))  # fmt: skip
    yield report(given, title="113500^DCM", StudyInstanceUID=study)


@pytest.fixture(scope="module")
def objects() -> list[Rows]:
    makers = (_cumulative_ct, _pages, _projection, _mammography, _nuclear)
    made = [
        dataset
        for patient in range(2)
        for number, make in enumerate(makers)
        for dataset in make(f"2.25.{100 * patient + 10 * number + 1}")
    ]
    for number, dataset in enumerate(made):
        if not str(dataset.SOPInstanceUID).startswith(f"{dataset.StudyInstanceUID}."):
            dataset.SOPInstanceUID = f"2.25.5000{number:03}"
    found = [rows for dataset in made if (rows := dose_reports.extract(encode(dataset)))]
    assert len(found) == len(made) and 90 <= len(found) <= 120
    assert not [rows.object for rows in found if rows.object["status"] == "failed"]
    return found


def _views(connection: sqlite3.Connection) -> dict[str, list[Any]]:
    return {view: list(export_rows(connection, view)) for view in VIEWS}


def _opened() -> sqlite3.Connection:
    connection = sqlite3.connect(":memory:")
    dose_reports.create_tables(connection)
    return connection


def _written(objects: Sequence[Rows]) -> dict[str, list[Any]]:
    connection = _opened()
    for rows in objects:
        dose_reports.write(connection, rows, count=False)
    count_due(connection)
    return _views(connection)


@pytest.mark.parametrize("seed", range(12))
def test_any_order_repetition_and_deletion_gives_the_same_study(objects: list[Rows], seed: int) -> None:
    chance = random.Random(seed)
    kept = chance.sample(objects, chance.randint(60, len(objects)))
    steps = [("write", rows) for rows in [*objects, *chance.choices(objects, k=20)]]
    chance.shuffle(steps)
    connection = _opened()
    for action, rows in steps:
        assert action == "write"
        dose_reports.write(connection, rows, count=chance.random() < 0.3)
        if chance.random() < 0.1:
            dose_reports.delete(
                connection, chance.choice(objects).sop_instance_uid, count=chance.random() < 0.5
            )
    names = {rows.sop_instance_uid for rows in kept}
    for rows in chance.sample(objects, len(objects)):
        if rows.sop_instance_uid in names:
            dose_reports.write(connection, rows, count=False)
        else:
            dose_reports.delete(connection, rows.sop_instance_uid, count=False)
    count_due(connection)
    assert _views(connection) == _written(kept)


def test_what_the_studies_tell(objects: list[Rows]) -> None:
    """The totals of all, by hand: ten studies, each of the five kinds twice."""
    head, *rows = _written(objects)["dose_study"]
    studies = [dict(zip(head, row, strict=True)) for row in rows]
    assert len(studies) == 10
    ct, pages, projection, mammography, nuclear = (studies[place] for place in _first_of_each(studies))
    assert (ct["total_dlp_mGycm"], ct["ct_events"]) == (
        100.0,
        4 + 1,
    )  # and the image with the UID of no report
    assert (mammography["total_agd_left_mGy"], mammography["total_agd_unknown_side_mGy"]) == (3.8, 1.0)
    assert nuclear["administrations"] == 3
    assert nuclear["total_administered_activity_MBq"] == 394 + 394 + 740
    assert projection["total_dap_Gym2"] >= projection["reported_dap_Gym2"] == pytest.approx(3e-4)
    assert pages["total_dlp_mGycm"] == 300 + 299 + 120  # the page names no device, so the report tells of it


def _first_of_each(studies: Sequence[dict[str, Any]]) -> list[int]:
    uids = [study["StudyInstanceUID"] for study in studies]
    return [uids.index(f"2.25.{10 * number + 1}") for number in range(5)]


def test_until_it_is_counted_a_study_says_so(objects: list[Rows]) -> None:
    connection = _opened()
    dose_reports.write(connection, objects[0], count=False)
    (reasons,) = connection.execute("SELECT reasons FROM dose_study").fetchone()
    assert "counts it again" in reasons
    count_due(connection)
    assert connection.execute("SELECT reasons FROM dose_study").fetchone() == (None,)
    dose_reports.delete(connection, objects[0].sop_instance_uid, count=False)
    for table in ("dose_counted", "dose_total", "dose_examination", "dose_uncounted"):
        assert connection.execute(f"SELECT count(*) FROM {table}").fetchone() == (0,)
