"""Identifiers → SQL: every kind of matching, against a plain search through the objects themselves."""

import sqlite3
from collections.abc import Callable
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom.datadict import tag_for_keyword

from pyconquest_rt.archive.archive import Archive
from pyconquest_rt.database import schema
from pyconquest_rt.database.connection import Database
from pyconquest_rt.errors import ObjectError
from pyconquest_rt.indexer import rebuild
from pyconquest_rt.net.services.matching import FUNCTIONS, condition
from pyconquest_rt.net.services.query import (
    LEVELS,
    files_query,
    find_query,
    level_number,
    representative_query,
)

Put = Callable[..., Path]
DIALECT = Database.dialect

PATIENTS = {
    "P1": "Doe^John",
    "P2": "DOE^Jane^^^",
    "P3": "Yamada^Tarou=山田^太郎=やまだ^たろう",
    "P4": "Müller^Jörg",
    "a%b_c": "O'Neil^[x]",
}


@pytest.fixture
def archive(ingest: Archive, put: Put) -> Archive:
    """Five patients with two studies each: a CT of three slices, and an RTSTRUCT."""
    for number, (patient, name) in enumerate(PATIENTS.items()):
        common = {"patient": patient, "PatientName": name, "SpecificCharacterSet": "ISO_IR 192"}
        for study in (0, 1):
            uid = number * 10 + study + 1
            day = {"StudyDate": f"2020010{number + 1}", "StudyTime": f"{8 + number * 2:02d}3015.{study}"}
            for instance in (1, 2, 3):
                put(f"{uid}/{instance}.dcm", study=uid, instance=instance, **common, **day)
            structures = {"series": 2, "Modality": "RTSTRUCT", "SOPClassUID": "1.2.840.10008.5.1.4.1.1.481.3"}
            put(f"{uid}/rs.dcm", study=uid, instance=9, **structures, **common, **day)
    assert rebuild(ingest).indexed == 40
    ingest.database.register(FUNCTIONS)
    return ingest


def tag(keyword: str) -> int:
    found = tag_for_keyword(keyword)
    assert found is not None
    return int(found)


def find(archive: Archive, level: str, combined: bool = False, **keys: str) -> list[dict[str, Any]]:
    by_tag = {tag(keyword): value for keyword, value in keys.items()}
    query = find_query(archive.database.definition, LEVELS.index(level), by_tag, combined=combined)
    names = [next(k for k in keys if tag(k) == t) for t in query.tags]
    rows = archive.database.connection.execute(query.sql, query.parameters)
    return [dict(zip(["key", *names], row, strict=True)) for row in rows]


@pytest.mark.parametrize(
    ("keys", "patients"),
    [
        ({"PatientName": ""}, set(PATIENTS)),
        ({"PatientName": "*"}, set(PATIENTS)),
        ({"PatientName": "Doe^John"}, {"P1"}),
        ({"PatientName": "doe^john"}, {"P1"}),
        ({"PatientName": "DOE^jane"}, {"P2"}),
        ({"PatientName": "doe*"}, {"P1", "P2"}),
        ({"PatientName": "*j?n*"}, {"P2"}),
        ({"PatientName": "山田*"}, {"P3"}),
        ({"PatientName": "yamada^tarou"}, {"P3"}),
        ({"PatientName": "Yamada^Tarou=山田^太郎=やまだ^たろう"}, {"P3"}),
        ({"PatientName": "=山田^太郎"}, {"P3"}),
        ({"PatientName": "==やまだ*"}, {"P3"}),
        ({"PatientName": "YAMADA^tarou=山田^太郎"}, {"P3"}),
        ({"PatientName": "Yamada^Tarou=*=やまだ^たろう"}, {"P3"}),
        ({"PatientName": "Doe^John=山田^太郎"}, set()),
        ({"PatientName": "doe^john=山田^太郎="}, set()),
        ({"PatientName": "Doe^John=*"}, {"P1"}),
        ({"PatientName": "山田^太郎=Yamada*"}, set()),
        ({"PatientName": "MÜLLER*"}, {"P4"}),
        ({"PatientName": "o'neil^[x]"}, {"a%b_c"}),
        ({"PatientName": "*[x]"}, {"a%b_c"}),
        ({"PatientName": "%"}, set()),
        ({"PatientID": "P1"}, {"P1"}),
        ({"PatientID": "p1"}, set()),
        ({"PatientID": "P?"}, {"P1", "P2", "P3", "P4"}),
        ({"PatientID": "a%b_c"}, {"a%b_c"}),
        ({"PatientID": "P1\\P3"}, {"P1", "P3"}),
        ({"PatientID": "' OR 1=1 --"}, set()),
        ({"PatientID": "P1", "PatientName": "doe*"}, {"P1"}),
        ({"PatientID": "P1", "PatientName": "yamada*"}, set()),
    ],
)
def test_patients(archive: Archive, keys: dict[str, str], patients: set[str]) -> None:
    assert {row["key"] for row in find(archive, "PATIENT", **keys)} == patients


@pytest.mark.parametrize(
    ("keys", "count"),
    [
        ({"StudyDate": "20200102"}, 2),
        ({"StudyDate": "20200102-20200104"}, 6),
        ({"StudyDate": "20200104-"}, 4),
        ({"StudyDate": "-20200102"}, 4),
        ({"StudyDate": "20200102-20200101"}, 0),
        ({"StudyDate": "2020.01.02"}, 2),
        ({"StudyDate": "2020*"}, 10),
        ({"StudyDate": "2020010?"}, 10),
        ({"StudyDate": "2021*"}, 0),
        ({"StudyTime": "0830*"}, 2),
        ({"StudyTime": "08-10"}, 4),
        ({"StudyTime": "083015"}, 2),
        ({"StudyTime": "083015.1"}, 1),
        ({"StudyTime": "1030-"}, 8),
        ({"StudyTime": "-103014"}, 2),
        ({"StudyTime": "-103015"}, 4),
        ({"StudyTime": "083015.000000"}, 1),
        ({"StudyTime": "083015.100"}, 1),
        ({"StudyTime": "163015.000-163015.000"}, 1),
        ({"StudyTime": "163015.000-"}, 2),
        ({"StudyTime": "163015.1000-"}, 1),
        ({"ModalitiesInStudy": "RTSTRUCT"}, 10),
        ({"ModalitiesInStudy": "MR"}, 0),
        ({"ModalitiesInStudy": "MR\\CT"}, 10),
        ({"ModalitiesInStudy": "RT*"}, 10),
        ({"ModalitiesInStudy": "STRUCT"}, 0),
        ({"SOPClassesInStudy": "1.2.840.10008.5.1.4.1.1.481.3"}, 10),
        ({"SOPClassesInStudy": "1.2.840.10008.5.1.4.1.1.4"}, 0),
        ({"PatientName": "doe*", "StudyDate": "20200101"}, 2),
        ({"NumberOfStudyRelatedInstances": "4"}, 10),
        ({"NumberOfStudyRelatedInstances": "5"}, 0),
    ],
)
def test_studies(archive: Archive, keys: dict[str, str], count: int) -> None:
    assert len(find(archive, "STUDY", **keys)) == count


def test_date_and_time_are_one_range_if_agreed(archive: Archive) -> None:
    keys = {"StudyDate": "20200102-20200104", "StudyTime": "11-13"}
    separate = {row["StudyDate"] for row in find(archive, "STUDY", **keys)}
    together = {row["StudyDate"] for row in find(archive, "STUDY", combined=True, **keys)}
    assert separate == {"20200103"}
    assert together == {"20200103"}
    keys = {"StudyDate": "20200102-20200104", "StudyTime": "10-14"}
    assert {r["StudyDate"] for r in find(archive, "STUDY", combined=True, **keys)} == {
        "20200102",
        "20200103",
        "20200104",
    }
    keys = {"StudyDate": "20200103-", "StudyTime": "13-"}
    assert {r["StudyDate"] for r in find(archive, "STUDY", combined=True, **keys)} == {"20200104", "20200105"}
    keys = {"StudyDate": "20200103", "StudyTime": "12"}
    assert len(find(archive, "STUDY", combined=True, **keys)) == 2
    keys = {"StudyDate": "20200105-", "StudyTime": "163015.000-"}
    assert len(find(archive, "STUDY", combined=True, **keys)) == 2


@pytest.mark.parametrize(
    ("wanted", "matches"),
    [
        ("20240115101113.25", True),
        ("20240115101113.250000", True),
        ("20240115101113.25-20240115", True),
        ("20240115-", True),
        ("-2024", True),
        ("20240115101113.2", True),
        ("20240115101113.3", False),
        ("-20240115101113.1", False),
    ],
)
def test_moments_are_compared_with_their_fractions(wanted: str, matches: bool) -> None:
    found = condition(DIALECT, "moment", "DT", wanted)
    assert found is not None
    sql = f"SELECT {found.sql} FROM (SELECT '20240115101113.25' AS moment)"
    assert sqlite3.connect(":memory:").execute(sql, found.parameters).fetchone() == (matches,)


def test_series_and_images_and_their_parents(archive: Archive) -> None:
    assert len(find(archive, "SERIES", Modality="CT")) == 10
    assert len(find(archive, "SERIES", Modality="ct")) == 0
    (row,) = find(
        archive, "SERIES", SeriesNumber="02", PatientID="P1", StudyInstanceUID=uid(1), PatientName=""
    )
    assert row["PatientName"] == "Doe^John" and row["SeriesNumber"] == "2"
    rows = find(archive, "IMAGE", PatientID="P2", InstanceNumber="1\\2", StudyDate="", ModalitiesInStudy="")
    assert len(rows) == 4
    assert {row["ModalitiesInStudy"] for row in rows} == {"CT\\RTSTRUCT"}
    assert {row["StudyDate"] for row in rows} == {"20200102"}
    assert len(find(archive, "IMAGE", SOPInstanceUID=f"{uid(1)}.1.1\\{uid(1)}.1.3\\9.9")) == 2
    assert len(find(archive, "IMAGE", SliceLocation="2.50")) == 10


def uid(study: int) -> str:
    return f"1.2.826.0.1.3680043.10.1.{study}"


def test_counts_at_every_level(archive: Archive) -> None:
    keywords = (
        "NumberOfPatientRelatedStudies",
        "NumberOfPatientRelatedSeries",
        "NumberOfPatientRelatedInstances",
        "NumberOfStudyRelatedSeries",
        "NumberOfStudyRelatedInstances",
        "NumberOfSeriesRelatedInstances",
    )
    expected = dict(zip(keywords, (2, 4, 8, 2, 4, 3), strict=True))
    restriction = {"Modality": "CT"}
    for level, known in (("PATIENT", 3), ("STUDY", 5), ("SERIES", 6), ("IMAGE", 6)):
        keys = dict.fromkeys(keywords, "") | (restriction if level in ("SERIES", "IMAGE") else {})
        rows = find(archive, level, **keys)
        for row in rows:
            assert {k: row[k] for k in keywords[:known]} == dict(list(expected.items())[:known])


def test_what_no_column_holds_is_left_out_and_said(archive: Archive) -> None:
    definition = archive.database.definition
    query = find_query(
        definition, 0, {tag("PatientID"): "", tag("PatientComments"): "x", tag("EthnicGroup"): ""}
    )
    assert query.tags == (tag("PatientID"),)
    assert query.unmatched == {tag("PatientComments")}


def test_one_row_for_each_entity_even_in_a_database_with_doubles() -> None:
    connection = sqlite3.connect(":memory:")
    DIALECT.register(connection, FUNCTIONS)
    connection.execute("CREATE TABLE DICOMPatients(PatientID, PatientNam, PatientBir, PatientSex)")
    connection.executemany(
        "INSERT INTO DICOMPatients VALUES (?, ?, '', '')", [("1", "A"), ("1", "A"), ("2", "B")]
    )
    query = find_query(schema.default(), 0, {tag("PatientName"): "*"})
    assert len(connection.execute(query.sql, query.parameters).fetchall()) == 2


def test_files_of_a_retrieval(archive: Archive) -> None:
    def files(level: str, **keys: str) -> list[str]:
        by_tag = {tag(keyword): value for keyword, value in keys.items()}
        query = files_query(archive.database.definition, LEVELS.index(level), by_tag)
        return sorted(row[0] for row in archive.database.connection.execute(query.sql, query.parameters))

    of_first_study = ["1/1.dcm", "1/2.dcm", "1/3.dcm", "1/rs.dcm"]
    assert files("PATIENT", PatientID="P1") == of_first_study + [f"2/{name[2:]}" for name in of_first_study]
    assert files("STUDY", StudyInstanceUID=f"{uid(1)}\\{uid(12)}")[:5] == [*of_first_study, "12/1.dcm"]
    assert files("SERIES", StudyInstanceUID=uid(1), SeriesInstanceUID=f"{uid(1)}.2") == ["1/rs.dcm"]
    assert files("SERIES", StudyInstanceUID=uid(2), SeriesInstanceUID=f"{uid(1)}.2") == []
    assert files("IMAGE", SOPInstanceUID=f"{uid(1)}.1.2\\{uid(1)}.1.3") == ["1/2.dcm", "1/3.dcm"]
    assert files("PATIENT", PatientID="*") == []
    with pytest.raises(ObjectError, match="STUDY"):
        files("STUDY", PatientID="P1")


def test_one_file_stands_for_an_entity(archive: Archive) -> None:
    for level, key in enumerate(("P1", uid(1), f"{uid(1)}.1", f"{uid(1)}.1.2")):
        sql = representative_query(archive.database.definition, level)
        ((object_file, device),) = archive.database.connection.execute(sql, (key,)).fetchall()
        assert object_file.startswith(("1/", "2/")) and device == "MAG0"


def test_queries_by_unique_keys_use_the_indices(archive: Archive) -> None:
    keys = [
        ("STUDY", {"PatientID": "P1"}),
        ("SERIES", {"StudyInstanceUID": uid(1)}),
        ("SERIES", {"PatientID": "P1"}),
        ("IMAGE", {"SeriesInstanceUID": f"{uid(1)}.1"}),
        ("IMAGE", {"SOPInstanceUID": f"{uid(1)}.1.1\\1.2"}),
        ("IMAGE", {"PatientID": "P1"}),
    ]
    for level, asked in keys:
        query = find_query(
            archive.database.definition, LEVELS.index(level), {tag(k): v for k, v in asked.items()}
        )
        plan = archive.database.connection.execute("EXPLAIN QUERY PLAN " + query.sql, query.parameters)
        steps = [row[3] for row in plan if "json_each" not in row[3]]
        assert not any(step.startswith("SCAN") for step in steps), (level, asked, steps)


def test_levels() -> None:
    assert [level_number(name) for name in ("PATIENT", "study ", "Series", "IMAGE")] == [0, 1, 2, 3]
    for name in ("", None, "INSTANCE", "'"):
        with pytest.raises(ObjectError):
            level_number(name)


@given(
    st.sampled_from(["PN", "LO", "CS", "UI", "DA", "TM", "IS", "DS", "SH", "LT", "UN"]),
    st.text(),
    st.booleans(),
)
def test_any_text_is_only_ever_a_parameter(vr: str, value: str, several: bool) -> None:
    found = condition(DIALECT, '"x"', vr, value, several=several)
    if found is None:
        return
    connection = sqlite3.connect(":memory:")
    DIALECT.register(connection, FUNCTIONS)
    connection.execute("CREATE TABLE t(x)")
    connection.execute("INSERT INTO t VALUES ('a\\b')")
    parameters = [p.encode("utf-8", "replace").decode() for p in found.parameters]
    connection.execute(f"SELECT * FROM t WHERE {found.sql}", parameters).fetchall()
    assert set(found.sql) <= set('"x" ABCDEFGHIJKLMNOPQRSTUVWXYZ_abcdefghijklmnopqrstuvwxyz?()=<>|\':,!')


@given(st.text("ab?*", max_size=12), st.text("ab", max_size=12))
def test_wild_cards_are_those_of_the_shell(pattern: str, value: str) -> None:
    connection = sqlite3.connect(":memory:")
    DIALECT.register(connection, FUNCTIONS)
    found = condition(DIALECT, "?2", "LO", pattern)
    if found is None:
        return
    sql = f"SELECT {found.sql.replace('(?,', '(?1,').replace('= ?', '= ?1')}"
    ((matched,),) = connection.execute(sql, (found.parameters[0], value)).fetchall()
    assert bool(matched) == fnmatchcase(value, pattern)


def test_stars_without_end_cost_no_time() -> None:
    connection = sqlite3.connect(":memory:")
    DIALECT.register(connection, FUNCTIONS)
    for vr in ("PN", "LO"):
        found = condition(DIALECT, "'" + "a" * 60 + "'", vr, "*a" * 25 + "*" * 2000 + "b")
        assert found is not None
        assert connection.execute(f"SELECT {found.sql}", found.parameters).fetchall() == [(0,)]


@pytest.mark.parametrize(
    ("keyword", "member", "found"),
    [
        ("PatientID", "x{}", "P1"),
        ("PatientID", "x{}", "P?"),
        ("PatientName", "X{}^Y*", "DOE^Jane"),
        ("PatientBirthDate", "1900010{0}-1900020{0}", "2100"),
    ],
)
@pytest.mark.parametrize("number", [1_500, 20_000])
def test_long_lists_match(archive: Archive, number: int, keyword: str, member: str, found: str) -> None:
    members = [member.format(count % 10 if "-" in member else count) for count in range(number // 2)]
    rows = find(archive, "PATIENT", **{keyword: "\\".join([*members, found])})
    expected = {"P1": {"P1"}, "P?": {"P1", "P2", "P3", "P4"}, "DOE^Jane": {"P2"}, "2100": set()}
    assert {row["key"] for row in rows} == expected[found]


def test_modality_at_study_level_is_any_of_the_series(archive: Archive) -> None:
    rows = find(archive, "STUDY", Modality="RTSTRUCT", PatientID="P1")
    assert [row["Modality"] for row in rows] == ["CT\\RTSTRUCT"] * 2
    assert find(archive, "STUDY", Modality="MR") == []


def test_leading_blanks_are_padding(ingest: Archive, put: Put) -> None:
    for number, patient in enumerate(("  lead", "lead", "mid", "le ad")):
        put(f"{number}.dcm", study=number + 1, patient=patient, StudyID=f" {patient}")
    rebuild(ingest)
    ingest.database.register(FUNCTIONS)
    lead = {uid(1), uid(2)}
    for asked in ("lead", " lead", "   lead ", "lead\\nobody", "lea?", "lead*", " l*d"):
        found = {row["key"] for row in find(ingest, "STUDY", PatientID=asked)}
        assert found == (lead | {uid(4)} if asked == " l*d" else lead), asked
    assert {row["key"] for row in find(ingest, "STUDY", StudyID="mid")} == {uid(3)}
    query = files_query(ingest.database.definition, 0, {tag("PatientID"): "  lead"})
    rows = ingest.database.connection.execute(query.sql, query.parameters)
    assert {row[0] for row in rows} == {"0.dcm", "1.dcm"}


def test_a_key_of_two_tables_is_that_of_the_level_asked(ingest: Archive, put: Put) -> None:
    """As Conquest looks for a key in the level's own table first, then in those above."""
    for instance, frames in ((1, "3"), (2, "12")):
        put(f"{instance}.dcm", instance=instance, NumberOfFrames=frames)
    rebuild(ingest)
    ingest.database.register(FUNCTIONS)
    images = find(ingest, "IMAGE", NumberOfFrames="")
    assert {row["NumberOfFrames"] for row in images} == {"3", "12"}
    assert [row["key"] for row in find(ingest, "IMAGE", NumberOfFrames="3")] == [f"{uid(1)}.1.1"]
    ((series,),) = ingest.database.connection.execute("SELECT NumberOfFr FROM DICOMSeries").fetchall()
    assert [row["NumberOfFrames"] for row in find(ingest, "SERIES", NumberOfFrames="")] == [series]
    query = find_query(ingest.database.definition, 1, {tag("NumberOfFrames"): "3"})
    assert query.unmatched == {tag("NumberOfFrames")} and query.tags == ()
