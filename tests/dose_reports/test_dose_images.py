"""Images made with pydicom: mammography, fluoroscopy, CT (also Toshiba and Philips), PET and NM."""

import sqlite3
from typing import Any

import pytest
from dose_objects import (
    CT_IMAGE,
    MG_PROCESSING,
    NM_IMAGE,
    PET_IMAGE,
    SECONDARY_CAPTURE,
    code_item,
    encode,
    instance,
)
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence
from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian

from pyconquest_rt.dose_reports import Rows, create_tables, extract, write

XA_IMAGE = "1.2.840.10008.5.1.4.1.1.12.1"
ENHANCED_CT = "1.2.840.10008.5.1.4.1.1.2.1"


def rows_of(dataset: Dataset, transfer_syntax: str = ExplicitVRLittleEndian) -> Rows:
    rows = extract(encode(dataset, transfer_syntax))
    assert rows is not None and rows.object["status"] == "ok", rows and rows.object["warnings"]
    return rows


def mammogram(**attributes: Any) -> Dataset:
    values: dict[str, Any] = {
        "Modality": "MG",
        "KVP": "29",
        "ExposureInuAs": "51800",
        "OrganDose": "0.01373",
        "EntranceDoseInmGy": "5.071",
        "BodyPartThickness": "53",
        "CompressionForce": "50",
        "ImageLaterality": "L",
        "AnodeTargetMaterial": "RHODIUM",
        "CommentsOnRadiationDose": "31 %",
        "AcquisitionDate": "20250102",
        "AcquisitionTime": "081500",
    }
    return instance(MG_PROCESSING, **{**values, **attributes})


def test_mammography() -> None:
    dataset = mammogram()
    block = dataset.private_block(0x0045, "GEMS_SENO_02", create=True)
    block.add_new(0x49, "DS", "45")
    rows = rows_of(dataset)
    (event,) = rows["dose_event"]
    assert event["average_glandular_dose_mGy"] == pytest.approx(1.373)
    assert event["entrance_exposure_at_rp_mGy"] == 5.071
    assert (event["compression_thickness_mm"], event["compression_force_N"]) == (53, 50)
    assert (event["percent_fibroglandular_tissue"], event["radiological_thickness_mm"]) == (31, 45)
    assert (event["laterality"], event["anode_target_material"]) == ("Left", "Rhodium or Rhodium compound")
    assert rows.object["modality_type"] == "mammography"
    assert rows.object["source_of_dose_information"] == "Copied From Image Attributes"


def test_hologic_projections_are_secondary_captures_with_laterality_elsewhere() -> None:  # 411
    dataset = mammogram(SOPClassUID=SECONDARY_CAPTURE, ImageType=["ORIGINAL", "PRIMARY"], Laterality="R")
    del dataset.ImageLaterality
    assert rows_of(dataset)["dose_event"][0]["laterality"] == "Right"
    dataset.ImageType = ["DERIVED", "SECONDARY"]
    assert extract(encode(dataset)) is None


def test_fluoroscopy_without_a_report() -> None:
    dataset = instance(
        XA_IMAGE,
        Modality="XA",
        KVP="75",
        XRayTubeCurrent="120",
        ImageAndFluoroscopyAreaDoseProduct="13.5",
        PositionerPrimaryAngle="-30",
        NumberOfFrames="60",
        IrradiationEventUID="2.25.9",
    )
    rows = rows_of(dataset)
    (event,) = rows["dose_event"]
    assert event["dose_area_product_Gym2"] == pytest.approx(1.35e-4)
    assert (event["positioner_primary_angle_deg"], event["number_of_frames"]) == (-30, 60)
    assert event["event_key"] == event["irradiation_event_uid"] == "2.25.9"
    assert rows["dose_event_source"][0]["xray_tube_current_mA"] == 120


def test_an_image_that_tells_no_exposure_leaves_no_row() -> None:
    assert extract(encode(instance(XA_IMAGE, Modality="XA"))) is None
    assert extract(encode(instance(CT_IMAGE, Modality="CT", KVP="120"))) is None
    assert extract(encode(instance(PET_IMAGE, Modality="PT"))) is None
    assert extract(encode(instance("1.2.840.10008.5.1.4.1.1.4", Modality="MR"))) is None


def test_ct_image() -> None:
    dataset = instance(
        CT_IMAGE,
        CTDIvol=9.5,
        KVP="120",
        AcquisitionNumber="3",
        AcquisitionType="SPIRAL",
        SpiralPitchFactor=0.9,
    )
    dataset.CTDIPhantomTypeCodeSequence = Sequence([code_item("113691^DCM")])
    (event,) = rows_of(dataset)["dose_event"]
    assert (event["mean_ctdivol_mGy"], event["pitch_factor"]) == (9.5, 0.9)
    assert event["ct_acquisition_type"] == "Spiral Acquisition"
    assert event["ctdiw_phantom_type"] == "IEC Body Dosimetry Phantom"
    assert event["event_key"] == "acquisition 3"


def test_enhanced_ct() -> None:
    exposure, group, dataset = Dataset(), Dataset(), instance(ENHANCED_CT, IrradiationEventUID="2.25.9")
    exposure.CTDIvol, exposure.XRayTubeCurrentInmA = 7.25, 180.0
    group.CTExposureSequence = Sequence([exposure])
    dataset.SharedFunctionalGroupsSequence = Sequence([group])
    rows = rows_of(dataset)
    assert rows["dose_event"][0]["mean_ctdivol_mGy"] == 7.25
    assert rows["dose_event_source"][0]["xray_tube_current_mA"] == 180


@pytest.mark.parametrize("syntax", [ExplicitVRLittleEndian, ImplicitVRLittleEndian])
def test_toshiba_private_doses(syntax: str) -> None:
    dataset = instance(
        CT_IMAGE, Manufacturer="TOSHIBA", AcquisitionNumber="2", ProtocolName="Chest", KVP="120"
    )
    block = dataset.private_block(0x7005, "TOSHIBA_MEC_CT3", create=True)
    block.add_new(0x08, "DS", "0.5")
    block.add_new(0x09, "LO", "0" * 40 + "1" * 80 + "0" * 40)
    block.add_new(0x23, "DS", "0.83")
    block.add_new(0x40, "FD", 251.2)
    block.add_new(0x63, "FD", 5.3)
    (event,) = rows_of(dataset, syntax)["dose_event"]
    assert (event["dlp_mGycm"], event["mean_ctdivol_mGy"], event["pitch_factor"]) == (251.2, 5.3, 0.83)
    assert event["nominal_single_collimation_width_mm"] == 0.5
    assert event["nominal_total_collimation_width_mm"] == 40
    assert event["acquisition_protocol"] == "Chest"


def philips_page(*doses: tuple[str, str], **attributes: Any) -> Dataset:
    """A Philips dose page with an exposure for each (series number, DLP) and their total."""
    values: dict[str, Any] = {
        "Manufacturer": "Philips",
        "SeriesDescription": "Dose Info",
        "ProtocolName": "Abdomen",
        "Modality": "CT",
    }
    page = instance(SECONDARY_CAPTURE, **{**values, **attributes})
    total = sum(float(dlp) for _, dlp in doses)
    page.private_block(0x00E1, "ELSCINT1", create=True).add_new(0x21, "DS", f"{total:g}")
    exposures = []
    for series, dlp in doses:
        exposure = Dataset()
        exposure.AcquisitionType, exposure.SeriesNumber, exposure.CTDIvol = "SPIRAL", series, 8.5
        exposure.XRayTubeCurrentInuA, exposure.ExposureTime, exposure.ScanLength = "165044.374", "6986", "231"
        exposure.private_block(0x00E1, "ELSCINT1", create=True).add_new(0x21, "DS", dlp)
        exposure.private_block(0x01E1, "ELSCINT1", create=True).add_new(0x26, "CS", "32 CM")
        exposures.append(exposure)
    page.ExposureDoseSequence = Sequence([*exposures, Dataset()])
    return page


def test_philips_dose_page() -> None:
    page = philips_page(("1", "50.25"), ("2", "250.25"))
    rows = rows_of(page)
    assert [event["dlp_mGycm"] for event in rows["dose_event"]] == [50.25, 250.25]
    assert rows["dose_event"][0]["exposure_time_s"] == pytest.approx(6.986)
    assert rows["dose_event"][0]["ctdiw_phantom_type"] == "IEC Body Dosimetry Phantom"
    assert rows["dose_event_source"][1]["xray_tube_current_mA"] == pytest.approx(165.044374)
    assert rows["dose_accumulated"][0]["ct_dose_length_product_total_mGycm"] == 300.5
    page.SeriesDescription = "Topogram"
    assert extract(encode(page)) is None


def test_philips_pages_are_the_same_each_time_and_a_second_one_counts() -> None:
    first = philips_page(("1", "50.25"), ("2", "250.25"), SOPInstanceUID="2.25.1")
    second = philips_page(("3", "100.5"), SOPInstanceUID="2.25.2")
    connection = sqlite3.connect(":memory:")
    create_tables(connection)
    for page in (first, second, first):
        write(connection, rows_of(page))
    assert rows_of(first) == rows_of(first)
    total = connection.execute("SELECT ct_events, total_dlp_mGycm FROM dose_study").fetchall()
    assert total == [(3, 401.0)]


@pytest.mark.parametrize(("sop_class", "written"), [(PET_IMAGE, "394000000"), (NM_IMAGE, "394")])
def test_activity_is_in_bq_in_pet_and_in_mbq_in_nm(sop_class: str, written: str) -> None:
    item = Dataset()
    item.RadionuclideTotalDose, item.RadionuclideHalfLife = written, "6586.2"
    item.RadiopharmaceuticalStartTime = "104830"
    item.RadionuclideCodeSequence = Sequence([code_item("C-111A1^SRT", "fluor")])
    dataset = instance(sop_class, AcquisitionDate="20250102", SeriesDate="20250102")
    dataset.RadiopharmaceuticalInformationSequence = Sequence([item, Dataset()])
    (event,) = rows_of(dataset)["dose_event"]
    assert event["administered_activity_MBq"] == 394
    assert event["radionuclide"] == "^18^Fluorine"
    assert event["date_time_started"] == "20250102104830"


def test_cut_off_pixel_data_does_no_harm() -> None:
    dataset = mammogram(Rows=100, Columns=100, BitsAllocated=16)
    dataset.PixelData = bytes(20000)
    whole = encode(dataset)
    rows = extract(whole[:-15000])
    assert rows is not None and rows.object["status"] == "ok"
    assert rows["dose_event"][0]["average_glandular_dose_mGy"] == pytest.approx(1.373)


def test_tomosynthesis_has_its_dose_in_sequences() -> None:
    dose, group, acquisition = Dataset(), Dataset(), Dataset()
    dose.OrganDose, dose.EntranceDoseInmGy = "0.0189", "7.5"
    group.XRayAcquisitionDoseSequence = Sequence([dose])
    acquisition.KVP, acquisition.ExposureInmAs = "31", 62.5
    dataset = instance("1.2.840.10008.5.1.4.1.1.13.1.3", Modality="MG", ImageLaterality="R")
    assert extract(encode(dataset)) is None
    dataset.XRay3DAcquisitionSequence = Sequence([acquisition])
    dataset.SharedFunctionalGroupsSequence = Sequence([group])
    rows = rows_of(dataset)
    assert rows["dose_event"][0]["average_glandular_dose_mGy"] == pytest.approx(1.89)
    assert rows["dose_event"][0]["entrance_exposure_at_rp_mGy"] == 7.5
    assert (rows["dose_event_source"][0]["kvp"], rows["dose_event_source"][0]["exposure_uAs"]) == (31, 62500)


@pytest.mark.parametrize(
    ("code", "meaning", "side"),
    [
        ("80248007^SCT", "Left breast", "Left"),
        ("T-04020^SRT", "Right breast", "Right"),
        ("63762007^SCT", "Both breasts", None),
        ("76752008^SCT", "Breast", None),
    ],
)
def test_a_breast_as_anatomy_tells_its_side(code: str, meaning: str, side: str | None) -> None:
    dataset = mammogram()
    del dataset.ImageLaterality
    dataset.AnatomicRegionSequence = Sequence([code_item(code, meaning)])
    assert rows_of(dataset)["dose_event"][0].get("laterality") == side


def test_the_side_of_tomosynthesis_stands_in_the_frame_anatomy() -> None:
    dataset = mammogram(SOPClassUID="1.2.840.10008.5.1.4.1.1.13.1.3")
    del dataset.ImageLaterality
    shared, anatomy = Dataset(), Dataset()
    anatomy.FrameLaterality = "R"
    anatomy.AnatomicRegionSequence = Sequence([code_item("76752008^SCT", "Breast")])
    shared.FrameAnatomySequence = Sequence([anatomy])
    dataset.SharedFunctionalGroupsSequence = Sequence([shared])
    event = rows_of(dataset)["dose_event"][0]
    assert (event["laterality"], event["target_region"]) == ("Right", "Breast")
