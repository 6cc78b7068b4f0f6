"""The profile: against the tables of pydicom, and attribute by attribute."""

from io import BytesIO

import pytest
from pydicom import Dataset, dcmread
from pydicom.data import get_testdata_file
from pydicom.sr.codedict import codes
from pydicom.sr.coding import Code
from samples import make_object

from pyconquest_rt.errors import SettingsError
from pyconquest_rt.exports.deidentify import options
from pyconquest_rt.exports.deidentify.profile import Profile, shift_date
from pyconquest_rt.exports.deidentify.pseudonyms import Pseudonyms

KEY = b"a key for the tests only"


def profile(**keywords: object) -> Profile:
    return Profile(Pseudonyms(KEY), **keywords)  # type: ignore[arg-type]


def item(**values: object) -> Dataset:
    made = Dataset()
    for keyword, value in values.items():
        setattr(made, keyword, value)
    return made


def test_the_codes_are_those_of_part_16() -> None:
    named = (getattr(codes.cid7050, name) for name in dir(codes.cid7050))
    known = {code.value: code.meaning for code in named if isinstance(code, Code)}
    assert dict(options.CODES.values()).items() <= known.items()


def test_nested_references_keep_together() -> None:
    image = make_object()
    image.ReferencedImageSequence = [
        item(ReferencedSOPClassUID=image.SOPClassUID, ReferencedSOPInstanceUID="1.2.3")
    ]
    deep = item(ReferencedSOPInstanceUID="1.2.3")
    image.ReferencedStudySequence = None
    image.SourceImageSequence = [item(PurposeOfReferenceCodeSequence=[deep])]
    image.FrameOfReferenceUID = "1.2.840.10008.1.4.1.1"  # Talairach: registered, not of this patient
    one = profile()
    one.apply(image)
    expected = one.pseudonyms.uid("1.2.3")
    assert image.ReferencedImageSequence[0].ReferencedSOPInstanceUID == expected
    assert image.SourceImageSequence[0].PurposeOfReferenceCodeSequence[0].ReferencedSOPInstanceUID == expected
    assert image.ReferencedImageSequence[0].ReferencedSOPClassUID == image.SOPClassUID
    assert image.FrameOfReferenceUID == "1.2.840.10008.1.4.1.1"


def test_private_unknown_and_overlay_attributes_go() -> None:
    image = make_object()
    image.private_block(0x0011, "SITE", create=True).add_new(1, "LO", "Name of P1")
    image.add_new(0x00095555, "LO", "x")
    image.add_new(0x00285555, "LO", "an attribute that no edition has")
    image.add_new(0x60020010, "US", 4)
    image.add_new(0x60023000, "OW", b"\1\2")
    image.ReferencedImageSequence = [item(ReferencedSOPInstanceUID="1.2")]
    image.ReferencedImageSequence[0].private_block(0x0011, "SITE", create=True).add_new(1, "LO", "Name of P1")
    profile().apply(image)
    assert not any(element.tag.is_private for element in image.iterall())
    assert 0x00285555 not in image and 0x60020010 not in image and 0x60023000 not in image


def test_dates_move_together_or_go() -> None:
    dates = {
        "PatientBirthDate": "19500101",
        "StudyDate": "20240229",
        "AcquisitionDateTime": "20240301101112.5+0100",
        "ContentDate": "2024.03.01",
        "SeriesTime": "101112",
        "InstanceCreationDate": "nonsense",
    }
    one, shifted, removed = profile(), make_object(**dates), make_object(**dates)
    one.apply(shifted)
    days = one.pseudonyms.shift_days("P1")
    assert shifted.StudyDate == shift_date("20240229", days)
    assert shifted.AcquisitionDateTime == shift_date("20240301", days) + "101112.5+0100"
    assert shifted.ContentDate == shift_date("20240301", days)
    assert shifted.SeriesTime == "101112" and not shifted.PatientBirthDate
    assert "InstanceCreationDate" not in shifted
    assert shifted.LongitudinalTemporalInformationModified == "MODIFIED"
    profile(dates="remove").apply(removed)
    assert not removed.StudyDate and "20240" not in str(removed)
    assert removed.LongitudinalTemporalInformationModified == "REMOVED"


@pytest.mark.parametrize(
    ("value", "days", "expected"),
    [
        ("20240301", -1, "20240229"),
        ("202403", -31, "202401"),
        ("2024", -366, "2022"),
        ("20240301235959.123456-0500", -365, "20230302235959.123456-0500"),
        (" 20240301 ", 0, "20240301"),
    ],
)
def test_shift_date(value: str, days: int, expected: str) -> None:
    assert shift_date(value, days) == expected


@pytest.mark.parametrize("value", ["", "20241301", "today", "00010101"])
def test_what_is_no_date_cannot_be_shifted(value: str) -> None:
    with pytest.raises((ValueError, OverflowError)):
        shift_date(value, -700)


def test_kept_descriptors_are_cleaned() -> None:
    structures = make_object(
        "4711-08",
        PatientName="Doe^Jane Mary",
        StructureSetLabel="DOE 1",
        SeriesDescription="for 4711-08, see jane",
        PatientSex="F",
    )
    structures.StructureSetROISequence = [
        item(ROINumber=1, ROIName="PTV_Doe"),
        item(ROINumber=2, ROIName="Doerner_L"),
        item(ROINumber=3, ROIName="Heart"),
    ]
    taken = dcmread(_file(structures))
    profile().apply(taken)
    assert not any(roi.ROIName for roi in taken.StructureSetROISequence)
    assert "SeriesDescription" not in taken and not taken.PatientSex
    kept = dcmread(_file(structures))
    profile(keep=["roi-names", "labels", "descriptions", "patient-characteristics"]).apply(kept)
    assert [roi.ROIName for roi in kept.StructureSetROISequence] == ["PTV_X", "Doerner_L", "Heart"]
    assert (kept.StructureSetLabel, kept.SeriesDescription, kept.PatientSex) == ("X 1", "for X, see X", "F")
    assert [code.CodeValue for code in kept.DeidentificationMethodCodeSequence] == [
        *("113100", "113105", "113107", "113108")
    ]


def test_an_unknown_word_is_refused() -> None:
    with pytest.raises(SettingsError, match="roi-names"):
        profile(keep=["names"])


def test_numbers_and_codes_of_a_report_stay() -> None:
    report = dcmread(get_testdata_file("reportsi.dcm"))
    before = [
        (e.tag, e.value) for e in report.iterall() if e.keyword in ("CodeValue", "NumericValue", "ValueType")
    ]
    texts = {e.value for e in report.iterall() if e.keyword in ("TextValue", "PersonName") and e.value}
    assert before and texts
    profile().apply(report)
    after = [
        (e.tag, e.value) for e in report.iterall() if e.keyword in ("CodeValue", "NumericValue", "ValueType")
    ]
    added = len(report.DeidentificationMethodCodeSequence)
    kept = [value for tag, value in after if value not in ("113100", "113104", "113107")]
    assert kept == [value for _, value in before] and added == 3
    assert not texts & {str(e.value) for e in report.iterall()}


def test_whole_objects_of_pydicom_survive() -> None:
    for name in ("rtplan.dcm", "rtdose_1frame.dcm", "CT_small.dcm", "MR_small_bigendian.dcm", "JPEG2000.dcm"):
        data_set = dcmread(get_testdata_file(name))
        pixels = data_set.get("PixelData")
        person = str(data_set.PatientName)
        profile().apply(data_set)
        written = _file(data_set)
        assert dcmread(written).get("PixelData") == pixels
        assert person.encode() not in written.getvalue()


def _file(data_set: Dataset) -> BytesIO:
    file = BytesIO()
    data_set.file_meta.MediaStorageSOPClassUID = data_set.SOPClassUID
    data_set.file_meta.MediaStorageSOPInstanceUID = data_set.SOPInstanceUID
    data_set.save_as(file, enforce_file_format=True)
    file.seek(0)
    return file


def test_what_the_table_does_not_speak_of_is_treated_by_its_vr_and_name() -> None:
    image = make_object()
    gone = {
        "PatientBirthDateInAlternativeCalendar": "1368/10/11",
        "PatientDeathDateInAlternativeCalendar": "1399/10/11",
        "PlacerOrderNumberProcedure": "ORD-4711",
        "FillerOrderNumberProcedure": "ORD-4712",
        "RetrieveURL": "http://pacs.hospital.example/P1",
        "RetrieveURI": "http://pacs.hospital.example/P2",
        "RetrieveAETitle": "HOSPITAL",
    }
    for keyword, value in gone.items():
        setattr(image, keyword, value)
    image.PatientSpeciesDescription, image.KVP = "CANINE", "120"
    nested = item(**gone)
    image.RequestAttributesSequence = [nested]
    image.ReferencedSeriesSequence = [item(**gone)]
    profile().apply(image)
    text = str(image)
    assert not [value for value in gone.values() if value in text]
    assert (image.PatientSpeciesDescription, image.KVP) == ("CANINE", 120)
