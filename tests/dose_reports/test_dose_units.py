"""Units and codes: one table each, checked against pydicom's dictionaries where they know better."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom.sr import _concepts_dict, _snomed_dict

from pyconquest_rt.dose_reports import codes
from pyconquest_rt.dose_reports.attributes import number
from pyconquest_rt.dose_reports.reports import structured_report
from pyconquest_rt.dose_reports.tables import TABLES
from pyconquest_rt.dose_reports.units import convert, unit_of


@pytest.mark.parametrize(
    ("value", "unit", "target", "expected"),
    [
        (11.013, "dGy.cm2", "Gym2", 0.00011013),
        (2.0, "Gym2", "Gym2", 2.0),
        (2.0, "Gy.m2", "Gym2", 2.0),
        (0.2359, "Gy.cm^2", "Gym2", 2.359e-05),
        (3.0, "µGy.m²", "Gym2", 3e-06),
        (5.0, "mGy·cm", "mGycm", 5.0),
        (5.0, "mGycm", "mGycm", 5.0),
        (30.573, "mGy", "Gy", 0.030573),
        (0.01373, "dGy", "mGy", 1.373),
        (1.5, "mAs", "uAs", 1500.0),
        (1.5, "uA.s", "uAs", 1.5),
        (7.5, "{pulse}/s", "per_s", 7.5),
        (7.5, "pulse/s", "per_s", 7.5),
        (2.0, "X-ray sources", "count", 2.0),
        (2.0, "{X-Ray sources}", "count", 2.0),
        (2.0, None, "count", 2.0),
        (394000000.0, "Bq", "MBq", 394.0),
        (2.0, "s", "ms", 2000.0),
        (80.0, "KV", "kV", 80.0),
        (80.0, "KVp", "kV", 80.0),
        (6.0, "MV", "kV", 6000.0),
        (15.0, "fps", "per_s", 15.0),
        (15.0, "FPS", "per_s", 15.0),
        (15.0, "frames/sec", "per_s", 15.0),
        (0.1, "GY.CM2", "Gym2", 1e-05),
        (1.0, "DGY.CM2", "Gym2", 1e-05),
        (100.0, "mGy-cm2", "Gym2", 1e-05),
        (5.0, "mGy-cm", "mGycm", 5.0),
        (5.0, "MGY.CM", "mGycm", 5.0),
        (5.0, "MAS", "uAs", 5000.0),
        (7.0, "s-1", "per_s", 7.0),
        (1.2, "no units", "count", 1.2),
    ],
)
def test_a_spelling_is_converted(value: float, unit: str | None, target: str, expected: float) -> None:
    assert convert(value, unit, target) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize(
    ("unit", "target"),
    [
        ("%", "MBq"),
        ("furlong", "mm"),
        ("mGy.cm", "mGy"),
        (None, "mGy"),
        ("Gy", "Gym2"),
        ("mV", "kV"),  # milli is not mega
        ("Mgy.cm", "mGycm"),
        ("no units", "mGycm"),
        ("Gy/cm2", "Gym2"),
    ],
)
def test_an_unknown_unit_or_one_of_another_kind_gives_nothing(unit: str | None, target: str) -> None:
    assert convert(1.0, unit, target) is None


def test_every_number_column_of_the_frames_is_known_and_has_a_unit() -> None:
    for frame in structured_report.FRAMES.values():
        table = frame.table or "dose_event"
        names = {
            column.name
            for name in (table, "dose_accumulated", "dose_object")
            for column in TABLES[name].columns
        }
        assert set(frame.columns.values()) <= names
        sources = {column.name for column in TABLES["dose_event_source"].columns}
        assert set(frame.series.values()) <= sources


def test_units_of_columns() -> None:
    assert unit_of("dlp_mGycm") == "mGycm"
    assert unit_of("dose_rp_Gy") == "Gy"
    assert unit_of("entrance_exposure_at_rp_mGy") == "mGy"
    assert unit_of("kvp") == "kV"
    assert unit_of("number_of_pulses") == "count"


def test_retired_and_present_codes_of_a_concept_are_one() -> None:
    mapping = _snomed_dict.mapping["SRT"]
    for retired, present in codes._SCT.items():
        assert mapping.get(retired, present) == present
        assert codes.concept_key(retired, "SRT") == codes.concept_key(retired, "SNM3")
        assert codes.concept_key(retired, "99SDM") == codes.concept_key(present, "SCT") == f"{present}^SCT"


def test_words_are_those_of_the_standard() -> None:
    known = {
        f"{code}^{scheme}": {meaning.lower() for meaning in meanings}
        for scheme, concepts in _concepts_dict.concepts.items()
        for code, meanings in _meanings(concepts).items()
    }
    compared = 0
    for code, word in codes._words().items():
        if code in known and code.endswith("^DCM"):
            compared += 1
            assert word.lower() in known[code], code
    assert compared > 150


def _meanings(concepts: dict[str, dict[str, tuple[str, list[int]]]]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for entries in concepts.values():
        for code, (meaning, _) in entries.items():
            found.setdefault(code, []).append(meaning)
    return found


def test_a_word_comes_from_the_code_and_not_from_the_text_beside_it() -> None:
    assert codes.word("113622^DCM", "einfache Ebene") == "Single Plane"
    assert codes.word("R-0038D^SNM3", "ja") == "Yes"
    assert codes.word("x^99LOCAL", "our own words") == "our own words"
    assert codes.word("x^99LOCAL", None) == "x^99LOCAL"


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_numbers_are_read_with_point_or_comma(value: float) -> None:
    assert number(repr(value)) == value
    assert number(repr(value).replace(".", ",")) == value


@pytest.mark.parametrize("text", ["", "nan", "inf", "1_000", "0x10", "1,234.5", None])
def test_what_is_no_number(text: str | None) -> None:
    assert number(text) is None


@given(st.text())
def test_a_number_is_finite_or_nothing(text: str) -> None:
    found = number(text)
    assert found is None or abs(found) < float("inf")
