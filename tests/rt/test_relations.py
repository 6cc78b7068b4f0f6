"""The chain view over every kind of link, in every order of arrival, and the tables it stands on."""

import itertools
import re
import sqlite3
from pathlib import Path

import numpy as np
import pytest
from rt_objects import contour, dose, item, rectangle, structure_set

from pyconquest_rt.rt.objects import doses, plans, structures
from pyconquest_rt.rt.objects.relations import CHAIN_COLUMNS, chain_view_sql
from pyconquest_rt.rt.table_docs import markdown
from pyconquest_rt.rt.tables import TABLES


@pytest.fixture
def database():
    connection = sqlite3.connect(":memory:")
    connection.row_factory = sqlite3.Row
    connection.execute("CREATE TABLE DICOMSeries (SeriesInst TEXT, FrameOfRef TEXT, Modality TEXT)")
    for table in TABLES.values():
        for sql in (table.create_sql(), *table.index_sql()):
            connection.execute(sql)
    connection.execute(chain_view_sql())
    return connection


def insert(connection, table, row):
    names = [column.name for column in TABLES[table].columns]
    values = ", ".join(f":{name}" for name in names)
    connection.execute(f"INSERT INTO {table} ({', '.join(names)}) VALUES ({values})", row)


def put(connection, table, sop, **values):
    row = dict.fromkeys(column.name for column in TABLES[table].columns)
    row |= {
        "SOPInstanceUID": sop,
        "patient_id": "P1",
        "frame_of_reference_uid": "F",
        "status": "ok",
    } | values
    row = {name: value for name, value in row.items() if name in {c.name for c in TABLES[table].columns}}
    insert(connection, table, row)


def series(connection, uid, frame="F", modality="CT"):
    connection.execute("INSERT INTO DICOMSeries VALUES (?, ?, ?)", (uid, frame, modality))


def chains(connection):
    return [
        dict(row)
        for row in connection.execute("SELECT * FROM v_rt_chain ORDER BY dose_uid, structure_set_uid")
    ]


WHOLE = {
    "dose": ("rt_dose", "D", {"plan_uid": "P"}),
    "plan": ("rt_plan", "P", {"structure_set_uid": "S"}),
    "structures": ("rt_structure_set", "S", {"image_series_uid": "CT1"}),
    "series": None,
}


def arrive(connection, what):
    if what == "series":
        series(connection, "CT1")
    else:
        table, sop, values = WHOLE[what]
        put(connection, table, sop, **values)


@pytest.mark.parametrize("order", list(itertools.permutations(WHOLE)), ids="-".join)
def test_any_order_of_arrival_ends_in_the_same_whole_chain(database, order):
    for what in order:
        arrive(database, what)
    (chain,) = chains(database)
    assert [chain[name] for name in ("plan_uid", "structure_set_uid", "image_series_uid")] == [
        "P",
        "S",
        "CT1",
    ]
    assert {chain[f"{name}_link"] for name in ("plan", "structure_set", "image_series")} == {"reference"}
    assert (chain["has_structures"], chain["reason"]) == (1, None)


@pytest.mark.parametrize(
    ("missing", "reason", "has_structures"),
    [
        ("plan", "waits for plan P", 0),
        ("structures", "waits for structure set S", 0),
        ("series", "waits for image series CT1", 1),
    ],
)
def test_a_missing_object_is_waited_for(database, missing, reason, has_structures):
    for what in WHOLE:
        if what != missing:
            arrive(database, what)
    (chain,) = chains(database)
    assert (chain["reason"], chain["has_structures"]) == (reason, has_structures)


def test_a_plan_that_is_not_there_is_not_replaced_by_another(database):
    put(database, "rt_dose", "D", plan_uid="P")
    put(database, "rt_plan", "Other", structure_set_uid="S")
    put(database, "rt_structure_set", "S")
    (chain,) = chains(database)
    assert (chain["plan_link"], chain["structure_set_uid"], chain["reason"]) == (
        "missing",
        None,
        "waits for plan P",
    )


def test_a_dose_without_references_goes_by_frame_of_reference(database):
    put(database, "rt_dose", "D")
    put(database, "rt_structure_set", "S")
    put(database, "rt_plan", "P")
    series(database, "CT1")
    series(database, "RT", modality="RTSTRUCT")
    series(database, "CT2", frame="other")
    (chain,) = chains(database)
    assert (chain["plan_uid"], chain["structure_set_uid"], chain["image_series_uid"]) == ("P", "S", "CT1")
    assert {chain[f"{name}_link"] for name in ("plan", "structure_set", "image_series")} == {
        "frame of reference"
    }
    assert chain["reason"] == "structure set by frame of reference only"


def test_several_structure_sets_and_no_plan_give_one_row_each(database):
    put(database, "rt_dose", "D")
    for sop in ("S1", "S2"):
        put(database, "rt_structure_set", sop, image_series_uid="CT1")
    put(database, "rt_structure_set", "S3", frame_of_reference_uid="other")
    put(database, "rt_structure_set", "S4", patient_id="P2")
    series(database, "CT1")
    found = chains(database)
    assert [chain["structure_set_uid"] for chain in found] == ["S1", "S2"]
    assert {chain["reason"] for chain in found} == {"structure set by frame of reference only"}
    assert {chain["has_structures"] for chain in found} == {1}


def test_two_plans_of_one_study_do_not_collide(database):
    for n in "12":
        put(database, "rt_dose", f"D{n}", plan_uid=f"P{n}", study_instance_uid="ST")
        put(database, "rt_plan", f"P{n}", structure_set_uid=f"S{n}", study_instance_uid="ST")
        put(database, "rt_structure_set", f"S{n}", study_instance_uid="ST")
    found = chains(database)
    assert [(it["dose_uid"], it["plan_uid"], it["structure_set_uid"]) for it in found] == [
        ("D1", "P1", "S1"),
        ("D2", "P2", "S2"),
    ]


def test_two_plans_in_the_frame_are_not_chosen_from(database):
    put(database, "rt_dose", "D")
    put(database, "rt_plan", "P1", structure_set_uid="S1")
    put(database, "rt_plan", "P2", structure_set_uid="S1")
    put(database, "rt_structure_set", "S1")
    (chain,) = chains(database)
    assert (chain["plan_uid"], chain["structure_set_link"]) == (None, "frame of reference")


def test_a_sum_of_plans_is_given_to_no_single_plan(database):
    put(database, "rt_dose", "D", summation_type="MULTI_PLAN")
    put(database, "rt_plan", "P1", structure_set_uid="S1")
    put(database, "rt_structure_set", "S1")
    (chain,) = chains(database)
    assert (chain["plan_link"], chain["structure_set_uid"]) == ("none", "S1")


def test_the_structure_set_that_the_dose_names_goes_before_that_of_its_plan(database):
    put(database, "rt_dose", "D", plan_uid="P", structure_set_uid="S2")
    put(database, "rt_plan", "P", structure_set_uid="S1")
    put(database, "rt_structure_set", "S1")
    assert chains(database)[0]["structure_set_uid"] == "S1"
    put(database, "rt_structure_set", "S2")
    assert [chain["structure_set_uid"] for chain in chains(database)] == ["S2"]


def test_a_dose_without_anything_says_so(database):
    put(database, "rt_dose", "D", frame_of_reference_uid=None)
    (chain,) = chains(database)
    assert chain["reason"] == "refers to no structure set and has no frame of reference"


def test_a_database_without_frames_of_series(database):
    database.execute("DROP VIEW v_rt_chain")
    database.execute("ALTER TABLE DICOMSeries RENAME TO Old")
    database.execute("CREATE TABLE DICOMSeries (SeriesInst TEXT)")
    database.execute(chain_view_sql(with_frame_of_series=False))
    put(database, "rt_dose", "D")
    put(database, "rt_structure_set", "S", image_series_uid="CT1")
    assert chains(database)[0]["image_series_link"] == "missing"
    database.execute("INSERT INTO DICOMSeries VALUES ('CT1')")
    assert chains(database)[0]["image_series_link"] == "reference"


def test_the_view_has_the_columns_that_are_documented(database):
    put(database, "rt_dose", "D")
    assert list(chains(database)[0]) == [column.name for column in CHAIN_COLUMNS]


def test_extracted_rows_go_into_their_tables_and_make_a_chain(database):
    set_ = structure_set({1: ("a", [contour(rectangle((0, 9), (0, 9), z)) for z in (0, 3)])}, frame="1.9")
    grid = dose(
        np.ones((2, 2, 2), np.uint16),
        ReferencedStructureSetSequence=[item(ReferencedSOPInstanceUID=set_.SOPInstanceUID)],
    )
    found = structures.extract(set_)
    insert(database, "rt_structure_set", found.structure_set)
    for roi in found.rois:
        insert(database, "rt_roi", roi)
    insert(database, "rt_dose", doses.extract(grid))
    (chain,) = chains(database)
    assert (chain["structure_set_uid"], chain["structure_set_link"]) == (set_.SOPInstanceUID, "reference")
    assert database.execute("SELECT raw_name, volume_cc FROM rt_roi").fetchone()["raw_name"] == "a"


def test_only_syntax_of_old_sqlite():
    sql = chain_view_sql() + "".join(table.create_sql() for table in TABLES.values())
    assert not re.search(
        r"(?i)\bOVER\s*\(|\bSTRICT\b|GENERATED|WITHOUT ROWID|FILTER\s*\(|RETURNING|\bIIF\(", sql
    )


def test_every_column_has_a_meaning_and_names_its_unit():
    units = {"mm": "mm", "gy": "Gy", "cc": "cm3", "cm2": "cm2", "deg": "degree", "s": "s"}
    for table in TABLES.values():
        names = [column.name for column in table.columns]
        assert len(set(names)) == len(names)
        for column in table.columns:
            assert column.meaning
            suffix = column.name.rsplit("_", 1)[-1]
            if suffix in units and column.name != "s":
                assert column.unit == units[suffix], column.name


def test_the_documentation_is_that_of_the_tables():
    document = Path(__file__).parents[2] / "docs" / "rt_tables.md"
    assert document.read_text(encoding="utf-8") == markdown(), "run python -m pyconquest_rt.rt.table_docs"


def test_a_failed_plan_is_a_row_too(database):
    rows = plans.extract(b"nothing")
    assert rows.plan["status"] == "failed"
    assert rows.plan["SOPInstanceUID"] is None
