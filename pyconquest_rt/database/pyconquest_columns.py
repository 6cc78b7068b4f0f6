"""The image columns that PyConquest adds for RTSTRUCT, RTPLAN, RTDOSE and REG objects, in its text form.

A list reads ``[ BODY ,  PTV 60 ]``: Python's text of it with the quotes turned into blanks; quotes inside names
are dropped. Where PyConquest goes wrong (beams matched by position, ion and brachy plans, structure sets without
ROIs) the values here are those of the object: beams are matched by BeamNumber.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import NamedTuple

from pyconquest_rt.dicom.elements import Item

REFERENCED_SERIES = 0x00081115
REFERENCED_SOP = 0x00081155
SERIES_INSTANCE_UID = 0x0020000E
REFERENCED_FRAME_OF_REFERENCE = 0x30060010
STRUCTURE_SET_ROI = 0x30060020
FRACTION_GROUPS = 0x300A0070
BEAMS = 0x300A00B0
ION_BEAMS = 0x300A03A2
REFERENCED_PLAN = 0x300C0002
REFERENCED_STRUCTURE_SET = 0x300C0060

Sequences = Mapping[int, Sequence[Item]]


class RTColumns(NamedTuple):
    """The values of one image row; the fields are named as the columns are."""

    ElementCount: str | None = None
    ElementList: str | None = None
    Nfractions: str | None = None
    UniqueFOR_UID: str | None = None
    ReferencedSeriesUID: str | None = None
    ReferencedSOPUID: str | None = None


NONE = RTColumns()


def rt_columns(modality: str | None, sequences: Sequences) -> RTColumns:
    """Return PyConquest's columns of an object, from the sequences that :data:`SEQUENCES` names."""
    columns_of = _BY_MODALITY.get(modality or "")
    return columns_of(sequences) if columns_of else NONE


def _structure_set(sequences: Sequences) -> RTColumns:
    rois = sequences.get(STRUCTURE_SET_ROI, ())
    frames = {roi.text(0x30060024) for roi in rois} - {None}
    referenced = None
    for frame in sequences.get(REFERENCED_FRAME_OF_REFERENCE, ())[:1]:
        study = frame.first(0x30060012)
        series = study.first(0x30060014) if study else None
        referenced = series.text(SERIES_INSTANCE_UID) if series else None
    return RTColumns(
        ElementCount=str(len(rois)),
        ElementList=_list_text([_unquoted(roi.text(0x30060026)) for roi in rois]),
        UniqueFOR_UID=frames.pop() if len(frames) == 1 else None,
        ReferencedSeriesUID=referenced,
    )


def _plan(sequences: Sequences) -> RTColumns:
    groups = sequences.get(FRACTION_GROUPS, ())
    doses = {
        _number(beam, 0x300C0006): (beam.text(0x300A0084), beam.text(0x300A0086))
        for group in groups
        for beam in group.items(0x300C0004)
    }
    beams = [*sequences.get(BEAMS, ()), *sequences.get(ION_BEAMS, ())]
    lists = [_beam(beam, *doses.get(_number(beam, 0x300A00C0), (None, None))) for beam in beams]
    counts = _joined(groups, 0x300A0080) if groups else str(len(beams))
    return RTColumns(
        ElementCount=counts,
        ElementList=lists[0] if len(lists) == 1 else f"[{', '.join(lists)}]",
        Nfractions=_joined(groups, 0x300A0078) or None,
        ReferencedSOPUID=_referenced_sop(sequences, REFERENCED_STRUCTURE_SET),
    )


def _joined(items: Iterable[Item], tag: int) -> str:
    """Return a value of each item, with backslashes between them."""
    return "\\".join(item.text(tag) or "" for item in items)


def _beam(beam: Item, dose: str | None, meterset: str | None) -> str:
    """Name, type, radiation, wedges, control points, first energy, first gantry angle, dose, MU, isocentre."""
    point = beam.first(0x300A0111) or beam.first(0x300A03A8)
    energy = gantry = isocentre = None
    if point:
        energy, gantry = point.text(0x300A0114), point.text(0x300A011E)
        isocentre = f"[{', '.join(point.values(0x300A012C))}]"
    return _list_text(
        [
            _unquoted(beam.text(0x300A00C2)),
            beam.text(0x300A00C4),
            beam.text(0x300A00C6),
            beam.text(0x300A00D0),
            beam.text(0x300A0110),
            energy,
            gantry,
            dose,
            meterset,
            isocentre,
        ]
    )


def _dose(sequences: Sequences) -> RTColumns:
    return RTColumns(ReferencedSOPUID=_referenced_sop(sequences, REFERENCED_PLAN))


def _registration(sequences: Sequences) -> RTColumns:
    """The first referenced series (Elekta XVI: the CT) and the second one (the CBCT)."""
    series = [item.text(SERIES_INSTANCE_UID) for item in sequences[REFERENCED_SERIES]] + [None, None]
    return RTColumns(ReferencedSeriesUID=series[0], ElementList=series[1])


def _referenced_sop(sequences: Sequences, tag: int) -> str | None:
    items = sequences.get(tag, ())
    return items[0].text(REFERENCED_SOP) if items else None


def _number(item: Item, tag: int) -> str:
    """An IS value as its digits, so that `` 01`` and ``1`` are the same beam."""
    text = (item.text(tag) or "").strip()
    return str(int(text)) if text.lstrip("+-").isdigit() else text


def _unquoted(name: str | None) -> str:
    return (name or "").replace("'", "").replace('"', "")


def _list_text(values: Sequence[str | None]) -> str:
    return "[" + ", ".join(f" {value or ''} " for value in values) + "]"


_BY_MODALITY: dict[str, Callable[[Sequences], RTColumns]] = {
    "RTSTRUCT": _structure_set,
    "RTPLAN": _plan,
    "RTDOSE": _dose,
    "REG": _registration,
}
SEQUENCES = (
    REFERENCED_SERIES,
    REFERENCED_FRAME_OF_REFERENCE,
    STRUCTURE_SET_ROI,
    FRACTION_GROUPS,
    BEAMS,
    ION_BEAMS,
    REFERENCED_PLAN,
    REFERENCED_STRUCTURE_SET,
)
#: A structure set needs but two of them, which stand before its contours.
SEQUENCES_OF = {"RTSTRUCT": (REFERENCED_FRAME_OF_REFERENCE, STRUCTURE_SET_ROI)}
