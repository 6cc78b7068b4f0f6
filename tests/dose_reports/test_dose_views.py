"""Each irradiation event counts once, and the order of arrival changes nothing."""

import itertools
import random
import sqlite3
from collections.abc import Sequence

import pytest
from dose_objects import (
    CT_IMAGE,
    MG_PRESENTATION,
    MG_PROCESSING,
    PET_IMAGE,
    SECONDARY_CAPTURE,
    code_item,
    coded,
    container,
    ct_report,
    dose_files,
    encode,
    image_reference,
    instance,
    moment,
    needs_dose_files,
    num,
    radiograph,
    report,
    uidref,
    xray_event,
)
from hypothesis import given, settings
from hypothesis import strategies as st
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence as Items

from pyconquest_rt import dose_reports
from pyconquest_rt.dose_reports import Rows
from pyconquest_rt.dose_reports.views import VIEWS
from pyconquest_rt.exports import dose as exported


def rows_of(dataset: Dataset) -> Rows:
    rows = dose_reports.extract(encode(dataset))
    assert rows is not None and rows.object["status"] != "failed"
    return rows


def derived(objects: Sequence[Rows]) -> dict[str, list[tuple[object, ...]]]:
    """Every view, its rows in a fixed order, after the objects arrived in this order."""
    connection = sqlite3.connect(":memory:")
    dose_reports.create_tables(connection)
    for rows in objects:
        dose_reports.write(connection, rows)
    return {view: list(exported.export_rows(connection, view)) for view in VIEWS}


def study(objects: Sequence[Rows]) -> dict[str, object]:
    header, row = derived(objects)["dose_study"]
    return dict(zip(header, row, strict=True))


def superseded(objects: Sequence[Rows]) -> dict[object, object]:
    header, *rows = derived(objects)["v_dose_object"]
    uid, by = header.index("SOPInstanceUID"), header.index("superseded_by")
    return {row[uid]: row[by] for row in rows}


CUMULATIVE = [
    rows_of(ct_report({"2.25.11": 10.1}, "090000", SOPInstanceUID="2.25.101")),
    rows_of(ct_report({"2.25.11": 10.1, "2.25.12": 20.2}, "091000", SOPInstanceUID="2.25.102")),
    rows_of(
        ct_report({"2.25.11": 10.1, "2.25.12": 20.2, "2.25.13": 30.3}, "092000", SOPInstanceUID="2.25.103")
    ),
]
OVERLAPPING = [
    rows_of(ct_report({"2.25.11": 7.46, "2.25.12": 69.81}, "090000", SOPInstanceUID="2.25.101")),
    rows_of(ct_report({"2.25.12": 69.81, "2.25.13": 158.82}, "091000", SOPInstanceUID="2.25.102")),
]


def _radiography() -> list[Rows]:
    """A report, an image of its event by UID, one by reference, one at its second, and one of its own."""
    dose = num("122130^DCM", 2, "dGy.cm2")
    events = [
        xray_event("2.25.21", dose),
        xray_event("2.25.22", dose, image_reference("113795^DCM", "2.25.202")),
        xray_event("2.25.23", dose, moment("111526^DCM", "20250102083000")),
    ]
    images = [
        radiograph(SOPInstanceUID="2.25.201", IrradiationEventUID="2.25.21", AcquisitionTime="081000"),
        radiograph(SOPInstanceUID="2.25.202", AcquisitionTime="082000"),
        radiograph(SOPInstanceUID="2.25.203", AcquisitionTime="083000.25"),
        radiograph(SOPInstanceUID="2.25.204", AcquisitionTime="084000"),
    ]
    return [rows_of(report(*events, SOPInstanceUID="2.25.200"))] + [rows_of(image) for image in images]


def _mammography() -> list[Rows]:
    values = {
        "Modality": "MG",
        "KVP": "29",
        "OrganDose": "0.01",
        "ImageLaterality": "L",
        "AcquisitionDate": "20250102",
    }
    return [
        rows_of(instance(MG_PROCESSING, SOPInstanceUID="2.25.301", AcquisitionTime="101500", **values)),
        rows_of(instance(MG_PRESENTATION, SOPInstanceUID="2.25.302", AcquisitionTime="101500", **values)),
        rows_of(instance(MG_PRESENTATION, SOPInstanceUID="2.25.303", AcquisitionTime="101900", **values)),
        rows_of(
            report(
                coded("121058^DCM", "P5-40010^SRT"),
                xray_event(
                    "2.25.31",
                    num("111631^DCM", 1.0, "mGy"),
                    coded("T-D0005^SRT", "T-04000^SRT", "Breast", coded("G-C171^SRT", "G-A101^SRT", "links")),
                    image_reference("113795^DCM", "2.25.301"),
                ),
                SOPInstanceUID="2.25.300",
            )
        ),
    ]


def _pet() -> list[Rows]:
    item = Dataset()
    item.RadionuclideTotalDose = "394000000"
    item.RadionuclideCodeSequence = Items([code_item("C-111A1^SRT")])
    images = []
    for number in (1, 2):
        image = instance(PET_IMAGE, SOPInstanceUID=f"2.25.40{number}")
        image.RadiopharmaceuticalInformationSequence = Items([item])
        images.append(rows_of(image))
    agent = coded("F-61FDB^SRT", "C-B1031^SRT", "FDG", coded("C-10072^SRT", "C-111A1^SRT", "F-18"))
    administration = container(
        "113502^DCM", uidref("113503^DCM", "2.25.41"), agent, num("113507^DCM", 394.01, "MBq")
    )
    return [*images, rows_of(report(administration, title="113500^DCM", SOPInstanceUID="2.25.400"))]


def _ct_with_page_and_images() -> list[Rows]:
    page = instance(
        SECONDARY_CAPTURE, Manufacturer="Philips", SeriesDescription="Dose Info", SOPInstanceUID="2.25.501"
    )
    exposure = Dataset()
    exposure.AcquisitionType, exposure.CTDIvol = "SPIRAL", 5.0
    exposure.private_block(0x00E1, "ELSCINT1", create=True).add_new(0x21, "DS", "10.1")
    page.ExposureDoseSequence = Items([exposure])
    images = [
        instance(CT_IMAGE, CTDIvol=5.0, AcquisitionNumber="1", SOPInstanceUID=f"2.25.51{number}")
        for number in (0, 1)
    ]
    return [CUMULATIVE[0], rows_of(page), *(rows_of(image) for image in images)]


def _totals_only() -> list[Rows]:
    def totals(uid: str, time: str, dose: float) -> Rows:
        dataset = report(
            num("C-204^99SMS_RADSUM", dose, "Gy.cm^2"),
            title="C-10^99SMS_RADSUM",
            sop_class="1.2.840.10008.5.1.4.1.1.88.22",
            SOPInstanceUID=uid,
            ContentDate="20250102",
            ContentTime=time,
        )
        return rows_of(dataset)

    return [totals("2.25.601", "090000", 1.0), totals("2.25.602", "100000", 2.0)]


SETS = {
    "cumulative": CUMULATIVE,
    "overlapping": OVERLAPPING,
    "radiography": _radiography(),
    "mammography": _mammography(),
    "pet": _pet(),
    "ct": _ct_with_page_and_images(),
    "totals": _totals_only(),
}


@pytest.mark.parametrize("name", SETS)
def test_every_order_of_arrival_gives_the_same_views(name: str) -> None:
    orders = itertools.permutations(SETS[name])
    first = derived(next(orders))
    for order in orders:
        assert derived(order) == first


@settings(deadline=None, max_examples=40)
@given(st.data())
def test_any_reports_in_any_order(data: st.DataObject) -> None:
    doses = st.floats(min_value=0.001, max_value=900).map(lambda dose: round(dose, 3))
    table = data.draw(
        st.dictionaries(st.sampled_from([f"2.25.{n}" for n in range(11, 19)]), doses, min_size=1)
    )
    subsets = data.draw(st.lists(st.sets(st.sampled_from(sorted(table)), min_size=1), min_size=1, max_size=5))
    objects = [
        rows_of(
            ct_report(
                {uid: table[uid] for uid in sorted(subset)},
                f"09{number:02}00",
                SOPInstanceUID=f"2.25.1{number:02}",
            )
        )
        for number, subset in enumerate(subsets)
    ]
    reached = set().union(*subsets)
    result = derived(objects)
    assert derived(data.draw(st.permutations(objects))) == result
    header, row = result["dose_study"]
    row_of = dict(zip(header, row, strict=True))
    assert row_of["ct_events"] == len(reached)
    assert row_of["total_dlp_mGycm"] == pytest.approx(sum(table[uid] for uid in reached), abs=1e-6)


def test_writing_again_and_deleting_changes_nothing_else() -> None:
    once = derived(OVERLAPPING)
    assert derived([*OVERLAPPING, OVERLAPPING[0]]) == once
    connection = sqlite3.connect(":memory:")
    dose_reports.create_tables(connection)
    for rows in OVERLAPPING:
        dose_reports.write(connection, rows)
    dose_reports.delete(connection, OVERLAPPING[1].sop_instance_uid)
    assert list(exported.export_rows(connection, "dose_study")) == derived(OVERLAPPING[:1])["dose_study"]


def test_cumulative_reports_count_once_and_say_by_what_they_are_superseded() -> None:
    result = study(CUMULATIVE)
    assert (result["ct_events"], result["total_dlp_mGycm"], result["reported_dlp_mGycm"]) == (3, 60.6, 60.6)
    assert superseded(CUMULATIVE) == {"2.25.101": "2.25.103", "2.25.102": "2.25.103", "2.25.103": None}


def test_partly_overlapping_reports_count_each_event_once() -> None:
    result = study(OVERLAPPING)
    assert (result["ct_events"], result["total_dlp_mGycm"]) == (3, 236.09)
    assert result["reported_dlp_mGycm"] == 236.09
    assert set(superseded(OVERLAPPING).values()) == {None}


def test_images_beside_their_report_count_once() -> None:
    objects = SETS["radiography"]
    result = study(objects)
    assert (result["projection_events"], result["total_dap_Gym2"]) == (4, 8e-05)
    by = superseded(objects)
    assert [by[f"2.25.20{number}"] for number in range(5)] == [None, "2.25.200", "2.25.200", "2.25.200", None]


def test_mammograms_of_one_exposure_and_their_report_count_once() -> None:
    result = study(SETS["mammography"])
    assert (result["projection_events"], result["total_agd_left_mGy"]) == (2, 2.0)
    assert superseded(SETS["mammography"])["2.25.302"] == "2.25.300"


def test_pet_images_beside_the_administration_count_once() -> None:
    result = study(SETS["pet"])
    assert (result["administrations"], result["total_administered_activity_MBq"]) == (1, 394.01)
    images = study(SETS["pet"][:2])
    assert (images["administrations"], images["total_administered_activity_MBq"]) == (1, 394.0)


def test_ct_report_speaks_before_page_and_images() -> None:
    result = study(SETS["ct"])
    assert (result["ct_events"], result["total_dlp_mGycm"]) == (1, 10.1)
    without_report = study(SETS["ct"][1:])
    assert (without_report["ct_events"], without_report["total_dlp_mGycm"]) == (1, 10.1)
    images_only = study(SETS["ct"][2:])
    assert (images_only["ct_events"], images_only["total_dlp_mGycm"]) == (1, None)


def test_a_report_of_totals_alone() -> None:
    assert study(SETS["totals"])["total_dap_Gym2"] == pytest.approx(2e-4)
    with_events = [*SETS["totals"], rows_of(radiograph())]
    beside = study(with_events)
    assert (beside["total_dap_Gym2"], beside["summed_dap_Gym2"]) == (pytest.approx(2e-4), pytest.approx(2e-5))
    assert "does not list all" in str(beside["reasons"])


def test_two_planes_of_one_event_are_two() -> None:
    event = [
        xray_event("2.25.61", num("122130^DCM", dose, "Gy.m2"), plane=plane)
        for dose, plane in ((1.0, "113620^DCM"), (2.0, "113621^DCM"))
    ]
    assert study([rows_of(report(*event))])["total_dap_Gym2"] == 3.0


def test_studies_do_not_mix() -> None:
    other = rows_of(ct_report({"2.25.11": 10.1}, StudyInstanceUID="2.25.9", SOPInstanceUID="2.25.901"))
    header, *rows = derived([CUMULATIVE[0], other])["dose_study"]
    assert [row[header.index("total_dlp_mGycm")] for row in rows] == [10.1, 10.1]


@needs_dose_files
def test_the_real_files_in_any_order() -> None:
    objects = [
        rows for path in dose_files() if (rows := dose_reports.extract(path)) and path.stat().st_size < 50000
    ]
    first = derived(objects)
    for seed in range(5):
        random.Random(seed).shuffle(objects)
        assert derived(objects) == first


def test_the_views_use_only_what_sqlite_3_8_5_knows() -> None:
    newer = (" over (", "filter (", "json", "iif(", "->", "returning", "true", "false", " materialized")
    for select in VIEWS.values():
        assert not [word for word in newer if word in select.lower()]
