"""CT dose pages whose values stand only in the pixels, drawn here as scanners draw them."""

import shutil
import sqlite3
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest
from dose_objects import CT_IMAGE, SECONDARY_CAPTURE, ct_report, encode, instance
from pydicom.dataset import Dataset

from pyconquest_rt import dose_reports
from pyconquest_rt.derive.dose import extractors
from pyconquest_rt.dicom.elements import EXPLICIT_LITTLE, Item, Source
from pyconquest_rt.dose_reports import Rows, extract
from pyconquest_rt.dose_reports.pages.ct_screen import extract_screen
from pyconquest_rt.dose_reports.pages.ocr import Word, read_words
from pyconquest_rt.errors import SettingsError, UnreadableError
from pyconquest_rt.settings.sections import DoseSettings

Cell = tuple[int, str]

TOSHIBA_TABLE: list[list[Cell]] = [
    [(20, "Dose Information")],
    [(20, "Total DLP(mGy.cm): (Head): - (Body): 392.4")],
    [(20, "Scan"), (150, "Length(mm)"), (270, "kVp"), (360, "CTDIvol(mGy)"), (500, "DLP(mGy.cm)")],
    [(20, "Scano"), (150, "400.0"), (270, "120")],
    [(20, "Helical"), (150, "320.0"), (270, "120"), (360, "5.3"), (500, "251.2")],
    [(20, "Helical"), (150, "220.0"), (270, "100"), (360, "5.1"), (500, "141.2")],
]
GE_TABLE: list[list[Cell]] = [
    [(20, "Dose Report")],
    [(20, "Series"), (100, "Type"), (190, "Range"), (380, "CTDIvol"), (470, "DLP"), (550, "Phantom")],
    [(230, "(mm)"), (380, "(mGy)"), (470, "(mGy-cm)"), (550, "cm")],
    [(20, "1"), (100, "Scout")],
    [
        (20, "2"),
        (100, "Helical"),
        (180, "I12.500-S250.000"),
        (385, "9.51"),
        (470, "305.25"),
        (550, "Body 32"),
    ],
    [(300, "Total Exam DLP:"), (470, "305.25")],
]
SIEMENS_TABLE: list[list[Cell]] = [
    [(20, "Total mAs 3410"), (250, "Total DLP 234 mGycm")],
    [(20, "Scan"), (180, "KV"), (240, "mAs"), (330, "CTDIvol"), (430, "DLP"), (500, "TI"), (560, "cSL")],
    [(200, "[mGy]")],
    [(20, "Topogram"), (180, "120"), (240, "35"), (500, "3.6"), (560, "0.6")],
    [(20, "Thorax"), (180, "120"), (240, "84"), (330, "6.50"), (430, "234"), (500, "0.5"), (560, "0.6")],
]


def page(table: Sequence[Sequence[Cell]], dark: bool = True, **attributes: Any) -> Dataset:
    """A secondary capture of 640 columns with the text drawn on it, light on dark or dark on light."""
    drawing = pytest.importorskip("PIL.ImageDraw", reason="Pillow is not installed")
    from PIL import Image, ImageFont

    image = Image.new("L", (640, 60 + 28 * len(table)), 0 if dark else 255)
    canvas, font = drawing.Draw(image), ImageFont.load_default(size=15)
    for number, line in enumerate(table):
        for left, text in line:
            canvas.text((left, 20 + 28 * number), text, font=font, fill=220 if dark else 20)
    values = {
        "Manufacturer": "TOSHIBA",
        "Modality": "CT",
        "SeriesNumber": "9000",
        "SOPInstanceUID": "2.25.7000",
    }
    dataset = instance(SECONDARY_CAPTURE, **{**values, **attributes})
    dataset.Rows, dataset.Columns = image.height, image.width
    dataset.SamplesPerPixel, dataset.PhotometricInterpretation = 1, "MONOCHROME2"
    dataset.BitsAllocated = dataset.BitsStored = 8
    dataset.HighBit, dataset.PixelRepresentation = 7, 0
    dataset.PixelData = np.asarray(image, dtype=np.uint8).tobytes()
    return dataset


needs_tesseract = pytest.mark.skipif(shutil.which("tesseract") is None, reason="Tesseract is not installed")


def rows_of(dataset: Dataset) -> Rows:
    rows = extract(encode(dataset), ocr_seconds=60)
    assert rows is not None
    return rows


def study(*objects: Rows) -> dict[str, Any]:
    connection = sqlite3.connect(":memory:")
    connection.row_factory = sqlite3.Row
    dose_reports.create_tables(connection)
    for rows in objects:
        dose_reports.write(connection, rows)
    found = dict(connection.execute("SELECT * FROM dose_study").fetchone())
    found["by"] = dict(
        connection.execute("SELECT SOPInstanceUID, superseded_by FROM v_dose_object").fetchall()
    )
    return found


# -- with Tesseract -----------------------------------------------------------------------------------------


@needs_tesseract
@pytest.mark.parametrize("dark", [True, False])
def test_a_toshiba_page(dark: bool) -> None:
    pytest.importorskip("pytesseract", reason="pytesseract is not installed")
    rows = rows_of(page(TOSHIBA_TABLE, dark))
    told = [(event["mean_ctdivol_mGy"], event["dlp_mGycm"]) for event in rows["dose_event"]]
    assert told == [(5.3, 251.2), (5.1, 141.2)]
    assert [row["kvp"] for row in rows["dose_event_source"]] == [120, 100]
    assert [event["scanning_length_mm"] for event in rows["dose_event"]] == [320, 220]
    assert {event["acquisition_protocol"] for event in rows["dose_event"]} == {"Helical"}
    (total,) = rows["dose_accumulated"]
    assert total["ct_dose_length_product_total_mGycm"] == 392.4
    assert total["ctdiw_phantom_type"] == "IEC Body Dosimetry Phantom"
    assert rows.object["object_kind"] == "page"
    assert rows.object["source_of_dose_information"] == "Derived From Human-Readable Reports"
    assert rows.object["status"] == "warning" and "OCR" in str(rows.object["warnings"])


@needs_tesseract
@pytest.mark.parametrize(
    ("table", "told", "total"),
    [(GE_TABLE, [(9.51, 305.25, 262.5)], 305.25), (SIEMENS_TABLE, [(6.5, 234.0, None)], 234.0)],
)
def test_pages_of_other_makers(table: list[list[Cell]], told: list[Any], total: float) -> None:
    pytest.importorskip("pytesseract", reason="pytesseract is not installed")
    rows = rows_of(page(table, SeriesNumber="999"))
    names = ("mean_ctdivol_mGy", "dlp_mGycm", "scanning_length_mm")
    assert [tuple(event.get(name) for name in names) for event in rows["dose_event"]] == told
    assert rows["dose_accumulated"][0]["ct_dose_length_product_total_mGycm"] == total
    assert rows.object["object_kind"] == "page"


@needs_tesseract
def test_text_that_is_no_dose_page_is_a_warning() -> None:
    pytest.importorskip("pytesseract", reason="pytesseract is not installed")
    rows = rows_of(page([[(20, "Patient protocol of the day")], [(20, "nothing to tell")]]))
    assert not rows["dose_event"] and not rows["dose_accumulated"]
    assert "no dose was found" in str(rows.object["warnings"])


@needs_tesseract
def test_time_and_size_are_bounded() -> None:
    pytest.importorskip("pytesseract", reason="pytesseract is not installed")
    with pytest.raises(UnreadableError, match="Tesseract"):
        read_words(encode(page(TOSHIBA_TABLE)), 0.001)
    huge = page(TOSHIBA_TABLE)
    huge.Rows, huge.Columns = 60000, 60000
    rows = rows_of(huge)
    assert "60000 x 60000 pixels" in str(rows.object["warnings"])
    broken = page(TOSHIBA_TABLE)
    broken.PixelData = broken.PixelData[:100]
    assert "the page was not read" in str(rows_of(broken).object["warnings"])


# -- without it ---------------------------------------------------------------------------------------------


def test_off_by_default_and_only_for_pages_of_dose() -> None:
    assert extract(encode(page(TOSHIBA_TABLE))) is None
    assert extract(encode(page(TOSHIBA_TABLE, SeriesNumber="3")), ocr_seconds=60) is None
    assert extract(encode(page(TOSHIBA_TABLE, Modality="US")), ocr_seconds=60) is None


def test_pages_are_due_again_when_ocr_is_turned_on() -> None:
    off, on = (
        {extractor.name: extractor.version for extractor in extractors(DoseSettings(ocr=ocr))}
        for ocr in (False, True)
    )
    assert {name for name in off if off[name] != on[name]} == {"dose_page"}


def test_without_tesseract_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    pytesseract = pytest.importorskip("pytesseract", reason="pytesseract is not installed")
    monkeypatch.setattr(pytesseract.pytesseract, "tesseract_cmd", "no-such-tesseract")
    with pytest.raises(SettingsError, match="tesseract-ocr"):
        extract(encode(page(TOSHIBA_TABLE)), ocr_seconds=60)


def words(table: Sequence[Sequence[Cell]], confidence: float = 95) -> Callable[[], list[Word]]:
    """A reader that gives the words of a table as if they stood in letters 8 pixels wide."""
    found = []
    for number, line in enumerate(table):
        for left, text in line:
            for part in text.split():
                found.append(
                    Word(part, left, left + 8 * len(part), 28 * number, 28 * number + 12, confidence)
                )
                left += 8 * (len(part) + 1)
    return lambda: found


def screen(table: Sequence[Sequence[Cell]], uid: str = "2.25.7000", confidence: float = 95) -> Rows:
    data = encode(instance(SECONDARY_CAPTURE, Modality="CT", SOPInstanceUID=uid))
    start = data.index(b"\x08\x00\x16\x00UI")
    item = Item(Source(data), start, len(data), EXPLICIT_LITTLE)
    return extract_screen(item, uid, words(table, confidence))


def changed(row: int, cell: int, text: str) -> list[list[Cell]]:
    table = [list(line) for line in TOSHIBA_TABLE]
    table[row][cell] = (table[row][cell][0], text)
    return table


def test_a_misread_digit_is_found_by_the_sum() -> None:
    rows = screen(changed(4, 4, "261.2"))
    assert rows.object["object_kind"] == "screen"
    assert "do not add up" in str(rows.object["warnings"])


def test_totals_rounded_more_than_their_parts_add_up() -> None:
    table = [list(line) for line in SIEMENS_TABLE]
    table[0][1] = (250, "Total DLP 240 mGycm")
    table.append([(20, "Abdomen"), (180, "120"), (240, "84"), (330, "0.55"), (430, "5.5")])
    assert screen(table).object["object_kind"] == "page"  # 234 + 5.5


def test_a_page_with_nothing_but_a_total_counts_only_by_itself() -> None:
    total = screen(TOSHIBA_TABLE[:2])
    assert (total.object["object_kind"], len(total["dose_event"])) == ("screen", 0)
    assert study(total)["total_dlp_mGycm"] == 392.4
    report = extract(encode(ct_report({"2.25.1": 100.0}, SOPInstanceUID="2.25.7001")))
    assert report is not None
    beside = study(total, report)
    assert (beside["total_dlp_mGycm"], beside["reported_dlp_mGycm"]) == (100.0, 100.0)
    assert beside["by"] == {"2.25.7000": "2.25.7001", "2.25.7001": None}


@pytest.mark.parametrize("dlp", ["2512", "25.12", "99999"])
def test_a_lost_decimal_point_is_found_by_the_length(dlp: str) -> None:
    rows = screen(changed(4, 4, dlp))
    assert len(rows["dose_event"]) == 1
    assert "not plausible" in str(rows.object["warnings"])


def test_what_is_no_number_is_left_out_and_named() -> None:
    rows = screen(changed(4, 4, "25l.2"))
    assert len(rows["dose_event"]) == 1 and rows.object["object_kind"] == "screen"
    assert "CTDIvol 5.3 mGy, DLP None" in str(rows.object["warnings"])


def test_numbers_that_tesseract_is_not_sure_of_are_named() -> None:
    assert "sure to 30 % only" in str(screen(TOSHIBA_TABLE, confidence=30).object["warnings"])


def toshiba_image(uid: str, number: str, ctdivol: float, dlp: float) -> Rows:
    dataset = instance(CT_IMAGE, Manufacturer="TOSHIBA", AcquisitionNumber=number, SOPInstanceUID=uid)
    block = dataset.private_block(0x7005, "TOSHIBA_MEC_CT3", create=True)
    block.add_new(0x40, "FD", dlp)
    block.add_new(0x63, "FD", ctdivol)
    rows = extract(encode(dataset))
    assert rows is not None
    return rows


@pytest.mark.parametrize("order", [(0, 1, 2, 3), (3, 2, 1, 0), (2, 0, 3, 1)])
def test_page_images_and_report_of_one_study_count_once(order: tuple[int, ...]) -> None:
    images = [toshiba_image("2.25.7101", "2", 5.3, 251.2), toshiba_image("2.25.7102", "3", 5.1, 141.2)]
    report = extract(encode(ct_report({"2.25.1": 251.2, "2.25.2": 141.2}, SOPInstanceUID="2.25.7001")))
    assert report is not None
    sure, doubtful = screen(TOSHIBA_TABLE), screen(changed(4, 4, "261.2"))

    def ordered(*objects: Rows) -> list[Rows]:
        return [objects[number] for number in order if number < len(objects)]

    alone = study(doubtful)
    assert (alone["ct_events"], alone["total_dlp_mGycm"]) == (2, 402.4)
    beside_images = study(*ordered(doubtful, *images))
    assert (beside_images["ct_events"], beside_images["total_dlp_mGycm"]) == (2, 392.4)
    assert beside_images["by"]["2.25.7000"] in ("2.25.7101", "2.25.7102")
    sure_page = study(*ordered(sure, *images))
    assert (sure_page["ct_events"], sure_page["total_dlp_mGycm"]) == (2, 392.4)
    assert sure_page["by"] == {"2.25.7000": "2.25.7102", "2.25.7101": None, "2.25.7102": None}
    everything = study(*ordered(sure, *images, report))
    assert (everything["ct_events"], everything["total_dlp_mGycm"]) == (2, 392.4)
    assert everything["by"]["2.25.7000"] == "2.25.7001"
