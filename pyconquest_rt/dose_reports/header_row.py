"""The row of ``dose_object``: what every object says of itself, its study, its patient and its device."""

from pyconquest_rt.dicom.elements import Item
from pyconquest_rt.dose_reports.attributes import first_number
from pyconquest_rt.dose_reports.rows import Rows

_TEXTS = {
    "SOPClassUID": 0x00080016,
    "StudyInstanceUID": 0x0020000D,
    "SeriesInstanceUID": 0x0020000E,
    "PatientID": 0x00100020,
    "StudyDate": 0x00080020,
    "StudyTime": 0x00080030,
    "ContentDate": 0x00080023,
    "ContentTime": 0x00080033,
    "AccessionNumber": 0x00080050,
    "StudyDescription": 0x00081030,
    "RequestedProcedureDescription": 0x00321060,
    "SeriesDescription": 0x0008103E,
    "TimezoneOffsetFromUTC": 0x00080201,
    "Modality": 0x00080060,
    "ProtocolName": 0x00181030,
    "Manufacturer": 0x00080070,
    "ManufacturerModelName": 0x00081090,
    "StationName": 0x00081010,
    "DeviceSerialNumber": 0x00181000,
    "SoftwareVersions": 0x00181020,
    "InstitutionName": 0x00080080,
    "PatientSex": 0x00100040,
    "PatientBirthDate": 0x00100030,
    "PatientAge": 0x00101010,
}
_NUMBERS = {"PatientSize_m": 0x00101020, "PatientWeight_kg": 0x00101030}
_RANK = {"report": 3, "page": 2, "image": 1, "screen": 0}
_REQUEST = 0x00400275  # Request Attributes Sequence
SOP_INSTANCE_UID = 0x00080018


def start_rows(item: Item, kind: str, sop_instance_uid: str) -> Rows:
    """Return the rows of an object of a kind (report, page, image or screen) with its ``dose_object`` row filled."""
    rows = Rows(sop_instance_uid)
    row = rows.object
    for column, tag in _TEXTS.items():
        row[column] = item.text(tag)
    for column, tag in _NUMBERS.items():
        row[column] = first_number(item, tag)
        if row[column] is None and item.text(tag):
            rows.warn(f"{column.partition('_')[0]} '{item.text(tag)}' is not a number")
    if row["RequestedProcedureDescription"] is None:
        for request in item.items(_REQUEST)[:1]:
            row["RequestedProcedureDescription"] = request.text(0x00321060)
    set_kind(rows, kind)
    return rows


def set_kind(rows: Rows, kind: str) -> None:
    """Set what kind of object it is, and by that what it counts for beside others."""
    row = rows.object
    moment = f"{row['ContentDate'] or row['StudyDate'] or ''}{row['ContentTime'] or row['StudyTime'] or ''}"
    row["object_kind"] = kind
    row["precedence"] = f"{_RANK[kind]} {moment} {rows.sop_instance_uid}"
