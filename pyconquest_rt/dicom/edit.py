"""Changes to objects: single elements, and the ROIs of a structure set."""

import re
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from pyconquest_rt.dicom.objects import PathLike, content_errors, read_object, replace_object
from pyconquest_rt.dicom.values import SINGLE_VALUED
from pyconquest_rt.errors import ObjectError

if TYPE_CHECKING:
    from pydicom import Dataset
    from pydicom.tag import BaseTag

MODES = ("change", "delete", "leave")
TagLike = str | int | tuple[str, str] | tuple[int, int]

_SOP_INSTANCE_UID = 0x00080018
_SOP_CLASS_UID = 0x00080016


_PAIR = re.compile(r"\(?([0-9A-Fa-f]{4}),\s?([0-9A-Fa-f]{4})\)?")
_NUMBERS = dict.fromkeys(("US", "SS", "UL", "SL", "UV", "SV"), int) | dict.fromkeys(("FL", "FD"), float)


class NoSuchElementError(ObjectError):
    """The object has no element with this tag."""


def change_tag(path: PathLike, tag: TagLike, value: Any, *, create: bool = False) -> None:
    """Change one element of the object in a file.

    Args:
        tag: a keyword, or group and element as ``("0x0010", "0x0030")``.
        create: make the element where the object has none.

    Raises:
        NoSuchElementError: the object has no such element, and ``create`` is not set.
        ObjectError: the file cannot be read, or the value does not fit; the file is as it was.
        StorageError: the file cannot be written; it is as it was.
        ValueError: there is no such tag.
    """
    change_tags(path, {tag_of(tag): value}, create=create)


def change_tags(path: PathLike, values: Mapping[int, Any], *, create: bool = False) -> None:
    """Change several elements of the object in a file at once, all or none; see :func:`change_tag`."""
    data_set = read_object(path)
    for tag, value in values.items():
        set_element(data_set, tag, value, create=create)
    replace_object(path, data_set)


def tag_of(tag: TagLike) -> "BaseTag":
    """Return a tag that is given as a keyword, a number, or group and element (text is hexadecimal).

    Group and element may also be one text, ``0010,0030`` or ``(0010,0030)``.

    Raises:
        ValueError: there is no such tag.
    """
    from pydicom.tag import Tag

    if isinstance(tag, str) and (pair := _PAIR.fullmatch(tag)):
        tag = pair[1], pair[2]
    try:
        return Tag(*tag) if isinstance(tag, tuple) else Tag(tag)
    except ValueError as error:
        raise ValueError(f"{tag!r} is neither a DICOM keyword nor a tag such as 0010,0030") from error


def set_element(data_set: "Dataset", tag: int, value: Any, *, create: bool = False) -> None:
    """Set the value of one element; a new one gets the VR of the dictionary, or LT where that has none.

    Raises:
        NoSuchElementError: there is no such element, and ``create`` is not set.
        ObjectError: the value does not fit the VR, or the object's character set cannot hold it.
    """
    tag = tag_of(tag)
    if tag not in data_set and not create:
        raise NoSuchElementError(f"the object has no element {tag}; create makes it")
    with content_errors(f"the new value of {tag} does not fit"):
        if tag in data_set:
            data_set[tag].value = _number(data_set[tag].VR, value)
        else:
            data_set.add_new(tag, _new_vr(tag), _number(_new_vr(tag), value))
        _require_encodable(data_set, tag)
    _repeat_in_file_meta(data_set, tag)


def checked_text(tag: int, text: str) -> None:
    """Raise ObjectError if a text is no value of an element, by the VR that the dictionary gives its tag."""
    from pydicom.config import RAISE
    from pydicom.valuerep import validate_value

    vr = _new_vr(tag_of(tag))
    single = vr in SINGLE_VALUED
    with content_errors(f"{text!r} is no value of {tag_of(tag)} with the VR {vr}"):
        for part in [text] if single else text.split("\\"):
            validate_value(vr, _number(vr, part) if part else part, RAISE)


def _number(vr: str, value: Any) -> Any:
    """Return a text that stands for numbers as these, where the VR holds binary numbers; all else as it is."""
    if vr not in _NUMBERS or not isinstance(value, str) or not value:
        return value
    found = [_NUMBERS[vr](part) for part in value.split("\\")]
    return found if len(found) > 1 else found[0]


def modify_structure_set(
    data_set: "Dataset",
    mode: str,
    names: Sequence[str],
    new_names: Sequence[str] = (),
    *,
    delete_points: bool = False,
) -> None:
    """Rename ROIs, delete them, or delete all others; ROIs are known by their ROINumber in every sequence.

    Args:
        mode: ``change`` renames each of ``names`` to the one of ``new_names`` in the same place; ``delete``
            deletes the ROIs of these names; ``leave`` deletes the others.
        delete_points: in mode ``leave``, also delete ROIs that are points.

    Raises:
        ObjectError: it is not a structure set, or its ROIs cannot be read.
        ValueError: there is no such mode, or there are not as many new names as names.
    """
    if mode not in MODES:
        raise ValueError(f"the mode {mode!r} is not known; choose one of {', '.join(MODES)}")
    if mode == "change" and len(names) != len(new_names):
        raise ValueError(f"there are {len(names)} names, but {len(new_names)} new ones")
    if data_set.get("Modality") != "RTSTRUCT":
        raise ObjectError("the object is not an RTSTRUCT")
    with content_errors("its ROIs cannot be read"):
        _modify(data_set, mode, names, new_names, delete_points=delete_points)


def _modify(
    data_set: "Dataset", mode: str, names: Sequence[str], new_names: Sequence[str], *, delete_points: bool
) -> None:
    rois = list(data_set.get("StructureSetROISequence") or ())
    if mode == "change":
        renamed = dict(reversed(list(zip(names, new_names, strict=True))))
        for roi in rois:
            if (name := roi.get("ROIName")) in renamed:
                roi.ROIName = renamed[name]
        return
    listed = {int(roi.ROINumber) for roi in rois if roi.get("ROIName") in names}
    if mode == "delete":
        delete_rois(data_set, listed)
        return
    kept = listed if delete_points else listed | _points(data_set)
    delete_rois(data_set, {int(roi.ROINumber) for roi in rois} - kept)


def delete_rois(data_set: "Dataset", numbers: Collection[int]) -> None:
    """Delete ROIs with their contours, their observations, and what other ROIs say about them."""
    _drop_items(data_set, "StructureSetROISequence", lambda item: item.get("ROINumber") in numbers)
    for keyword in ("ROIContourSequence", "RTROIObservationsSequence"):
        _drop_items(data_set, keyword, lambda item: item.get("ReferencedROINumber") in numbers)
    for observation in data_set.get("RTROIObservationsSequence") or ():
        _drop_items(
            observation, "RTRelatedROISequence", lambda item: item.get("ReferencedROINumber") in numbers
        )


def _points(data_set: "Dataset") -> set[int]:
    """Return the numbers of the ROIs whose first contour is a point."""
    numbers = set()
    for roi in data_set.get("ROIContourSequence") or ():
        contours = roi.get("ContourSequence") or ()
        if contours and contours[0].get("ContourGeometricType") == "POINT":
            numbers.add(int(roi.ReferencedROINumber))
    return numbers


def _drop_items(data_set: "Dataset", keyword: str, is_dropped: Callable[["Dataset"], bool]) -> None:
    items = data_set.get(keyword)
    if items:
        setattr(data_set, keyword, [item for item in items if not is_dropped(item)])


def _new_vr(tag: "BaseTag") -> str:
    from pydicom.datadict import dictionary_VR

    try:
        return dictionary_VR(tag).split(" ")[0]
    except KeyError:
        return "LT"


def _require_encodable(data_set: "Dataset", tag: "BaseTag") -> None:
    """Refuse text that the object's character set has no characters for; pydicom would write question marks."""
    from pydicom.charset import convert_encodings
    from pydicom.valuerep import CUSTOMIZABLE_CHARSET_VR

    element = data_set[tag]
    text = str(element.value)
    if element.VR not in CUSTOMIZABLE_CHARSET_VR or text.isascii():
        return
    codecs = [_CODECS.get(codec, codec) for codec in convert_encodings(data_set.get("SpecificCharacterSet"))]
    if not all(any(_has(codec, character) for codec in codecs) for character in set(text)):
        raise ObjectError(
            f"the object's SpecificCharacterSet cannot hold the new value of {tag}; if all of its text is ASCII, "
            "set SpecificCharacterSet to ISO_IR 192 first"
        )


_CODECS = {"iso8859": "ascii"}  # the default repertoire, which pydicom widens (PS3.5 section 6.1)


def _has(codec: str, character: str) -> bool:
    try:
        character.encode(codec)
    except UnicodeEncodeError:
        return False
    return True


def _repeat_in_file_meta(data_set: "Dataset", tag: "BaseTag") -> None:
    """The file meta information repeats class and instance (PS3.10 section 7.1)."""
    meta = getattr(data_set, "file_meta", None)
    if meta and tag == _SOP_INSTANCE_UID:
        meta.MediaStorageSOPInstanceUID = data_set.SOPInstanceUID
    elif meta and tag == _SOP_CLASS_UID:
        meta.MediaStorageSOPClassUID = data_set.SOPClassUID
