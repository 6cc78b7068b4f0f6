"""What counting knows of an object and of an exposure that it tells, and whether two devices are one."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

from pyconquest_rt.dose_reports.moments import Moment, moment
from pyconquest_rt.dose_reports.rows import Value

DERIVED_FROM_PAGES = "Derived From Human-Readable Reports"  # 113868, CID 10021


@dataclass(frozen=True, eq=False)
class Told:
    """One object that tells of dose, as its row of ``dose_object`` has it."""

    sop: str
    row: Mapping[str, Value]
    totals: tuple[Mapping[str, Value], ...] = ()

    def text(self, column: str) -> str:
        """Return a text of the row in one spelling: without blanks around it, in lower case; '' without it."""
        value = self.row.get(column)
        return str(value).strip().lower() if value is not None else ""

    @cached_property
    def kind(self) -> str:
        """Return report, page, image or screen."""
        return str(self.row["object_kind"])

    @cached_property
    def modality(self) -> str:
        """Return CT, projection, mammography or NM."""
        return str(self.row["modality_type"])

    @cached_property
    def precedence(self) -> str:
        """Return what puts objects of one tier in order: the greater speaks."""
        return str(self.row["precedence"])

    @cached_property
    def from_pages(self) -> bool:
        """Return whether a person or a machine read its values off a page, as a gateway's OCR does."""
        return self.row["source_of_dose_information"] == DERIVED_FROM_PAGES

    @cached_property
    def derived(self) -> bool:
        """Return whether it is an image that was made from others."""
        return str(self.row.get("ImageType") or "").upper().startswith("DERIVED")

    @cached_property
    def source_images(self) -> frozenset[str]:
        """Return the SOP Instance UIDs of the images that it was made from."""
        return frozenset(str(self.row.get("source_images") or "").split("\\")) - {""}

    @cached_property
    def offset(self) -> str | None:
        """Return its clock's offset from UTC, where it tells that."""
        value = self.row.get("TimezoneOffsetFromUTC")
        return None if value is None else str(value).strip()


@dataclass(frozen=True, eq=False)
class Exposure:
    """One irradiation event or administration that one object tells of.

    ``values`` are the numbers by which exposures are known apart, ``nth`` counts those of one UID within the
    object, ``position`` its place in the object.
    """

    told: Told
    event: int
    row: Mapping[str, Value]
    values: Mapping[str, float]
    nth: int = 0
    images: frozenset[str] = field(default_factory=frozenset)

    @cached_property
    def uid(self) -> str | None:
        """Return the irradiation event UID."""
        value = self.row["irradiation_event_uid"]
        return None if value is None else str(value).strip()

    @cached_property
    def plane(self) -> str:
        """Return the acquisition plane; '' where it is not told."""
        plane = str(self.row["acquisition_plane"] or "")
        return "" if plane == "Single Plane" else plane

    @cached_property
    def started(self) -> Moment | None:
        """Return when it began."""
        value = self.row["date_time_started"]
        return None if value is None else moment(str(value), self.told.offset)

    @cached_property
    def order(self) -> tuple[str, str, int]:
        """Return a place that no order of arrival changes: by precedence, then by place in the object."""
        return (self.told.precedence, self.told.sop, -self.event)

    def text(self, column: str) -> str:
        """Return a text of the row in lower case; '' where there is none."""
        value = self.row.get(column)
        return str(value).strip().lower() if value is not None else ""


def same_device(one: Told, other: Told) -> bool | None:
    """Return whether two objects are of one device: by serial number, or else station and model; None: not told."""
    serials = one.text("DeviceSerialNumber"), other.text("DeviceSerialNumber")
    if all(serials):
        return serials[0] == serials[1]
    known = False
    for column in ("StationName", "ManufacturerModelName", "Manufacturer"):
        names = one.text(column), other.text(column)
        if all(names):
            if names[0] != names[1]:
                return False
            known = known or column != "Manufacturer"
    return True if known else None
