"""An image set of AWS HealthImaging as DICOM objects: its metadata (JSON by keyword) and its frames to PS3.10 files.

HealthImaging keeps the attributes of patient, study and series once, those of each instance beside them, and the pixels
as frames in the stored transfer syntax. Source: AWS HealthImaging developer guide, "Understanding image sets" and
"Getting image set metadata". Attributes whose values are bytes (overlays, private ones of unknown VR) are not in
the metadata.
"""

import gzip
import json
import zlib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

from pydicom import dcmwrite
from pydicom.datadict import dictionary_VR, tag_for_keyword
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.encaps import encapsulate, encapsulate_extended
from pydicom.filewriter import correct_ambiguous_vr
from pydicom.tag import BaseTag, Tag
from pydicom.uid import UID, ExplicitVRLittleEndian
from pydicom.valuerep import VR

_STORED_BY_DEFAULT: Final = "1.2.840.10008.1.2.4.201"  # HTJ2K, lossless, in which frames come
_VIDEO: Final = tuple(f"1.2.840.10008.1.2.4.{number}" for number in range(100, 109))
_BYTES: Final = frozenset({"OB", "OD", "OF", "OL", "OV", "OW", "UN", "OB or OW"})
_HEXADECIMAL: Final = frozenset("0123456789abcdefABCDEF")
_LONG_OFFSETS: Final = 0xFFFFFFFF  # beyond which the basic offset table (PS3.5 A.4) cannot point


class Instance(NamedTuple):
    """One instance of an image set: its attributes by level, their VRs where told, and the frames' identifiers."""

    uid: str
    levels: Sequence[Mapping[str, Any]]
    vrs: Mapping[str, str]
    transfer_syntax: str
    frames: Sequence[str]

    def text(self, keyword: str) -> str:
        """Return the values of an attribute as text, joined by backslashes; '' without it."""
        value = next(
            (level[keyword] for level in reversed(self.levels) if level.get(keyword) is not None), ""
        )
        return "\\".join(map(str, value)) if isinstance(value, list) else str(value)

    @property
    def is_video(self) -> bool:
        """Return whether its frames are no pictures of their own (MPEG, HEVC)."""
        return self.transfer_syntax.startswith(_VIDEO)


def read_metadata(blob: bytes) -> Mapping[str, Any]:
    """Return the metadata of an image set. Raises ValueError for what is neither JSON nor compressed JSON."""
    try:
        text = gzip.decompress(blob) if blob[:2] == b"\x1f\x8b" else blob
    except (OSError, EOFError, zlib.error) as error:
        raise ValueError(f"the metadata cannot be decompressed: {error}") from error
    metadata = json.loads(text)
    if not isinstance(metadata, dict) or not isinstance(metadata.get("Study"), dict):
        raise ValueError("the metadata has no study")
    return metadata


def series_of(metadata: Mapping[str, Any]) -> list[str]:
    """Return the UIDs of the series that an image set holds."""
    return list(metadata["Study"].get("Series") or {})


def instances(metadata: Mapping[str, Any], series: str) -> Iterator[Instance]:
    """Yield the instances of a series."""
    study = metadata["Study"]
    found = (study.get("Series") or {}).get(series) or {}
    above = [_dicom(metadata.get("Patient")), _dicom(study), _dicom(found)]
    for uid, entry in (found.get("Instances") or {}).items():
        frames = [str(frame["ID"]) for frame in entry.get("ImageFrames") or () if frame.get("ID")]
        syntax = str(entry.get("StoredTransferSyntaxUID") or _STORED_BY_DEFAULT)
        yield Instance(uid, [*above, _dicom(entry)], entry.get("DICOMVRs") or {}, syntax, frames)


def _dicom(level: object) -> Mapping[str, Any]:
    found = level.get("DICOM") if isinstance(level, Mapping) else None
    return found if isinstance(found, Mapping) else {}


def write_instance(instance: Instance, frames: Sequence[bytes], path: Path) -> None:
    """Write an instance with its frames as a PS3.10 file, in the transfer syntax that it is stored in.

    Raises:
        ValueError: a value does not fit its attribute.
    """
    data_set = Dataset()
    for level in instance.levels:
        data_set.update(_data_set(level, instance.vrs))
    data_set.SOPInstanceUID = instance.uid
    syntax = UID(instance.transfer_syntax if frames else ExplicitVRLittleEndian)
    if frames:
        _put_pixels(data_set, frames, syntax)
    data_set.file_meta = FileMetaDataset()
    data_set.file_meta.TransferSyntaxUID = syntax
    correct_ambiguous_vr(data_set, is_little_endian=True)
    dcmwrite(path, data_set, enforce_file_format=True)


def _put_pixels(data_set: Dataset, frames: Sequence[bytes], syntax: UID) -> None:
    if not syntax.is_compressed:
        pixels = b"".join(frames)
        vr = VR.OW if int(data_set.get("BitsAllocated") or 8) > 8 else VR.OB
        data_set.add(DataElement(0x7FE00010, vr, pixels + b"\0" * (len(pixels) % 2)))
        return
    if sum(map(len, frames)) < _LONG_OFFSETS:
        data_set.PixelData = encapsulate(list(frames))
    else:
        extended = encapsulate_extended(list(frames))
        data_set.PixelData, data_set.ExtendedOffsetTable, data_set.ExtendedOffsetTableLengths = extended
    data_set["PixelData"].VR = VR.OB
    data_set["PixelData"].is_undefined_length = True


def _data_set(level: Mapping[str, Any], vrs: Mapping[str, str]) -> Dataset:
    data_set = Dataset()
    for keyword, value in level.items():
        tag = _tag(keyword)
        vr = _vr(tag, vrs.get(keyword))
        if tag is not None and vr is not None and value is not None:
            data_set.add(DataElement(tag, vr, _value(value, vr, vrs)))
    return data_set


def _vr(tag: BaseTag | None, told: str | None) -> str | None:
    """The VR of an attribute; None for one whose values are bytes, or of which none is known."""
    if tag is None or tag.group < 8:
        return None
    vr = told or (None if tag.is_private else dictionary_VR(tag))
    return None if vr in _BYTES else vr


def _value(value: Any, vr: str, vrs: Mapping[str, str]) -> Any:
    values = value if isinstance(value, list) else [value]
    if vr == VR.SQ:
        return [_data_set(item, vrs) for item in values if isinstance(item, Mapping)]
    if vr == VR.AT:
        return [_tag(item) if isinstance(item, str) else item for item in values]
    return value


def _tag(written: str) -> BaseTag | None:
    """The tag of a keyword, or of eight hexadecimal digits, as in (0054,0010); None for neither."""
    found = tag_for_keyword(written)
    digits = written.strip("()").replace(",", "")
    if found is None and len(digits) == 8 and set(digits) <= _HEXADECIMAL:
        found = int(digits, 16)
    return None if found is None else Tag(found)
