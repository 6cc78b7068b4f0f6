"""CT dose pages whose values stand only in the pixels: the words on them (ocr.py) to rows.

Makers differ in layout, not in kind: under a line of headings with CTDIvol and DLP stands a line for every
acquisition, and somewhere the total DLP (Toshiba: one for the head and one for the body phantom). A number
belongs to the heading that it stands nearest to.

What is read by machine may be misread, so every value is checked: CTDIvol and DLP for their size, DLP against
CTDIvol times length (what overranging explains is allowed), and the sum of all DLPs against the total that the
page shows. A page of which that sum agrees is as good as one with numbers in its header (``page``). Any other is
a ``screen``: it counts only where nothing else in the study tells of CT dose.
"""

import re
from collections.abc import Callable, Iterator, Sequence

from pyconquest_rt.dicom.elements import Item
from pyconquest_rt.dose_reports.attributes import number
from pyconquest_rt.dose_reports.codes import word
from pyconquest_rt.dose_reports.header_row import set_kind, start_rows
from pyconquest_rt.dose_reports.pages.ct_philips import PHANTOMS
from pyconquest_rt.dose_reports.pages.ocr import Word
from pyconquest_rt.dose_reports.rows import Rows
from pyconquest_rt.errors import UnreadableError

Line = list[Word]

MAX_CTDIVOL_MGY = 1000.0
MAX_DLP_MGYCM = 30000.0
_SURE = 50.0  # a number that Tesseract is less sure of is named
_NUMBERS_OF_DOSE_SERIES = {"999", "501", "9000"}  # GE, Siemens, Toshiba
_DOSE_SERIES = re.compile(r"dose|patient protocol", re.IGNORECASE)
_HEADINGS = {
    "mean_ctdivol_mGy": re.compile(r"CTD[I1l|]", re.IGNORECASE),
    "dlp_mGycm": re.compile(r"D[L1I|]P", re.IGNORECASE),
    "scanning_length_mm": re.compile(r"(scan)?(length|range)", re.IGNORECASE),
    "kvp": re.compile(r"kvp?\b", re.IGNORECASE),
}
_RANGE = re.compile(r"([ISAP+-]?\d+(?:\.\d+)?)-([ISAP+-]?\d+(?:\.\d+)?)")
_TOTAL = re.compile(r"total.*?d[l1i|]p(.*)", re.IGNORECASE)
_OF_PHANTOM = re.compile(r"\(?(head|body)\)?\s*[:;]?\s*(\d+(?:[.,]\d+)?)", re.IGNORECASE)
_NUMBER = re.compile(r"(?<![\w.,])\d+(?:[.,]\d+)?(?![\w]*\))")
_PHANTOM_SIZES = {"head": "16", "body": "32"}


def is_screen(item: Item) -> bool:
    """Tell whether a secondary capture looks like a dose page by its modality and its series."""
    named = _DOSE_SERIES.search(item.text(0x0008103E) or "")
    return item.text(0x00080060) in ("CT", "OT") and bool(
        named or item.text(0x00200011) in _NUMBERS_OF_DOSE_SERIES
    )


def extract_screen(item: Item, sop_instance_uid: str, read: Callable[[], list[Word]]) -> Rows:
    """Return the rows of a dose page, ``read`` giving the words on it; what it does not tell is in the warnings."""
    rows = start_rows(item, "screen", sop_instance_uid)
    rows.object["modality_type"] = "CT"
    rows.object["source_of_dose_information"] = word("113868^DCM", None)
    rows.warn("read from the pixels of the page by machine (OCR)")
    try:
        lines = _lines(read())
    except UnreadableError as error:
        rows.warn(f"the page was not read: {error}")
        return rows
    totals = _totals(lines)
    for phantom, total in totals:
        row = rows.add("dose_accumulated", seq=len(rows["dose_accumulated"]) + 1, kind="CT")
        row["ct_dose_length_product_total_mGycm"] = total
        row["ctdiw_phantom_type"] = PHANTOMS.get(phantom or "")
    for cells in _acquisitions(lines):
        _add_event(cells, rows)
    _judge(rows, [total for _, total in totals])
    return rows


def _judge(rows: Rows, totals: list[float]) -> None:
    """Make it a page that counts as such where its DLPs add up to its total; else say what is wrong."""
    told = [float(event["dlp_mGycm"] or 0) for event in rows["dose_event"]]
    rounding = sum(map(_half_digit, [*told, *totals]))
    if told and totals and abs(sum(told) - sum(totals)) <= rounding:
        set_kind(rows, "page")
    elif told or totals:
        rows.warn(
            "the DLPs do not add up to a total on the page: they count only where nothing else tells any"
        )
    else:
        rows.warn("no dose was found in the text of the page")


def _half_digit(value: float) -> float:
    """Half of the last digit that a number was written with: 0.05 of 3.6."""
    return next((0.5 / 10**digits for digits in range(3) if round(value, digits) == value), 0.0005) + 1e-9


def _lines(words: Sequence[Word]) -> list[Line]:
    """Words that stand side by side are a line; lines from the top, words from the left."""
    lines: list[Line] = []
    for entry in sorted(words, key=lambda entry: entry.top + entry.bottom):
        middle = (entry.top + entry.bottom) / 2
        if lines and min(other.top for other in lines[-1]) < middle < max(
            other.bottom for other in lines[-1]
        ):
            lines[-1].append(entry)
        else:
            lines.append([entry])
    return [sorted(line, key=lambda entry: entry.left) for line in lines]


def _text(line: Line) -> str:
    return " ".join(entry.text for entry in line)


def _totals(lines: list[Line]) -> list[tuple[str | None, float]]:
    """The total DLPs in mGy.cm, each with the diameter of its phantom in cm (None: not told)."""
    for line in lines:
        found = _TOTAL.search(_text(line))
        if found is None:
            continue
        of_phantoms = [(_PHANTOM_SIZES[name.lower()], text) for name, text in _OF_PHANTOM.findall(found[1])]
        written: list[tuple[str | None, str]] = [*of_phantoms]
        if not of_phantoms:
            written = [(None, text) for text in _NUMBER.findall(found[1])[:1]]
        totals = [(phantom, value) for phantom, text in written if (value := number(text)) is not None]
        if totals:
            return totals
    return []


def _acquisitions(lines: list[Line]) -> Iterator[dict[str, Line]]:
    """Yield for every line of the table the words under each heading that matters, and those before all numbers."""
    headings: list[tuple[str | None, float]] = []
    for line in lines:
        names = [_heading(entry.text) for entry in line]
        if "mean_ctdivol_mGy" in names and "dlp_mGycm" in names:
            headings = [
                (name, (entry.left + entry.right) / 2) for name, entry in zip(names, line, strict=True)
            ]
        elif headings and re.search("total", _text(line), re.IGNORECASE):
            headings = []
        elif headings:
            yield _under(line, headings)


def _heading(text: str) -> str | None:
    return next((name for name, pattern in _HEADINGS.items() if pattern.match(text)), None)


def _under(line: Line, headings: list[tuple[str | None, float]]) -> dict[str, Line]:
    cells: dict[str, Line] = {}
    for entry in line:
        middle = (entry.left + entry.right) / 2
        name, _ = min(headings, key=lambda heading: abs(heading[1] - middle))
        cells.setdefault(name or "", []).append(entry)
    return cells


def _add_event(cells: dict[str, Line], rows: Rows) -> None:
    """Add the event of a line, unless it tells no dose (a scout) or one that cannot be."""
    found = {name: _value(cells.get(name, []), rows) for name in ("mean_ctdivol_mGy", "dlp_mGycm", "kvp")}
    ctdivol, dlp, length = found["mean_ctdivol_mGy"], found["dlp_mGycm"], _length(cells)
    if ctdivol is None and dlp is None:
        return
    if ctdivol is None or dlp is None or not _is_plausible(ctdivol, dlp, length):
        rows.warn(f"CTDIvol {ctdivol} mGy, DLP {dlp} mGy.cm, length {length} mm: not plausible, left out")
        return
    count = len(rows["dose_event"]) + 1
    event = rows.add("dose_event", event=count, event_kind="CT", mean_ctdivol_mGy=ctdivol, dlp_mGycm=dlp)
    event["scanning_length_mm"] = length
    event["event_key"] = f"page {ctdivol} {dlp} {count}"
    names = [entry.text for entry in cells.get("", []) if any(map(str.isalpha, entry.text))]
    event["acquisition_protocol"] = " ".join(names) or None
    rows.add("dose_event_source", event=count, source=1, kvp=found["kvp"])


def _value(words: Line, rows: Rows) -> float | None:
    """The number in a cell; a doubtful one is named."""
    for entry in words:
        value = number(entry.text)
        if value is not None:
            if entry.confidence < _SURE:
                rows.warn(f"'{entry.text}': Tesseract is sure to {entry.confidence:.0f} % only")
            return value
    return None


def _length(cells: dict[str, Line]) -> float | None:
    """The length of a scan in mm: told, or from its range ('I12.500-S250.000': from -12.5 mm to 250 mm)."""
    text = "".join(entry.text for entry in cells.get("scanning_length_mm", [])).upper()
    found = _RANGE.fullmatch(text)
    if found is None:
        return number(text)
    letters = any(map(str.isalpha, text))
    first, last = (_position(end, letters) for end in found.groups())
    return round(abs(last - first), 3)


def _position(end: str, letters: bool) -> float:
    """One end of a range in mm; where ends have letters, a 1 in front is the I of inferior, misread."""
    if letters and re.match(r"1\d", end):
        end = "I" + end[1:]
    value = float(end.lstrip("ISAP+-"))
    return -value if end[0] in "IP-" else value


def _is_plausible(ctdivol: float, dlp: float, length: float | None) -> bool:
    """CTDIvol and DLP as they may be, and the length that follows from them near to the one told."""
    if not (0 <= ctdivol <= MAX_CTDIVOL_MGY and 0 <= dlp <= MAX_DLP_MGYCM):
        return False
    if ctdivol == 0 or dlp == 0:
        return ctdivol == dlp
    irradiated = 10 * dlp / ctdivol
    if length:
        return 0.8 * length <= irradiated <= 1.2 * length + 150
    return 0.5 <= irradiated <= 2500
