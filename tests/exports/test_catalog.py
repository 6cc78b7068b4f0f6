"""What is in an archive, for people: lists, one object, chains of RT objects."""

import json
import os
import re
from pathlib import Path

import pytest
from click.testing import CliRunner
from pydicom import dcmread

from pyconquest_rt import pyconquest
from pyconquest_rt.cli.main import main
from pyconquest_rt.cli.terminal import size
from pyconquest_rt.demo import make_patient, make_patients
from pyconquest_rt.errors import DatabaseError, ObjectError


@pytest.fixture
def demo(archive: pyconquest) -> pyconquest:
    make_patients("data", count=2)
    os.unlink("data/DEMO002/RTPLAN.dcm")
    archive.rebuild_database_from_dicom()
    return archive


def test_counts_and_sizes_are_those_of_the_files(demo: pyconquest) -> None:
    first, second = demo.patients()
    files = list(Path("data/DEMO001").iterdir())
    assert (first["patient_id"], first["patient_name"]) == ("DEMO001", "Demo^Patient One")
    assert first["birth_date"] == "1957-03-05"
    assert (first["studies"], first["series"], first["objects"]) == (1, 5, len(files))
    assert first["bytes"] == sum(path.stat().st_size for path in files)
    assert first["modalities"] == "CT,RTDOSE,RTPLAN,RTSTRUCT,SR" and "RTPLAN" not in second["modalities"]
    (study,) = demo.studies("DEMO001")
    assert (study["series"], study["objects"], study["study_date"]) == (5, len(files), "2024-01-15")
    (series,) = demo.series(study["study_uid"], modality="RTSTRUCT")
    assert (series["series_description"], series["objects"]) == ("Structures", 1)
    (image,) = demo.objects(series["series_uid"])
    assert dcmread(f"data/{image['file']}").SOPInstanceUID == image["sop_uid"]


def test_what_is_asked_for_is_chosen(demo: pyconquest) -> None:
    assert [row["patient_id"] for row in demo.patients("*002")] == ["DEMO002"]
    assert [row["patient_id"] for row in demo.patients("demo^patient one")] == ["DEMO001"]
    assert [row["patient_id"] for row in demo.patients(modality="RTPLAN")] == ["DEMO001"]
    assert demo.patients(modality="RT") == [] and demo.patients(pattern="DEMO%") == []
    assert len(demo.series(since="2024-01-15")) == 9 and demo.series(since="2024-01-16") == []
    assert {row["modality"] for row in demo.series(description="planning*")} == {"CT"}
    assert len(demo.objects(limit=3)) == 3
    with pytest.raises(ValueError, match="no description"):
        demo.objects(description="x")


def test_a_definition_without_a_column_gives_null(in_folder: Path) -> None:
    make_patients("data", count=1)
    definition = Path(__file__).parents[2].joinpath("dicom.sql").read_text()
    Path("dicom.sql").write_text(re.sub(r"\{ 0x0008, 0x103e, [^}]*\},\n", "", definition))
    with pyconquest() as archive:
        archive.rebuild_database_from_dicom()
        assert {row["series_description"] for row in archive.series()} == {None}


def test_one_object_and_the_end_of_its_uid(demo: pyconquest) -> None:
    uid = dcmread("data/DEMO001/RTDOSE.dcm").SOPInstanceUID
    demo.derive()
    found = demo.show(uid)
    assert found["level"] == "objects" and found["row"]["file"] == "DEMO001/RTDOSE.dcm"
    assert {row["extractor"] for row in found["derivations"]} >= {"dvh"}
    assert demo.show(uid[-9:])["uid"] == demo.show(f"…{uid[-9:]}")["uid"] == uid
    assert demo.show("DEMO001")["row"]["objects"] == 44
    with pytest.raises(ObjectError, match="no patient, study, series or object"):
        demo.show("no such thing")


def test_an_end_of_two_is_refused_by_name(archive: pyconquest) -> None:
    for name in ("AX12345", "BX12345"):
        make_patient("data", name, slices=1, pixels=16)
    archive.rebuild_database_from_dicom()
    with pytest.raises(ObjectError, match="AX12345, BX12345"):
        archive.show("X12345")


def test_chains_say_what_is_missing_and_why(demo: pyconquest) -> None:
    with pytest.raises(DatabaseError, match="derive"):
        demo.chain("DEMO001")
    demo.derive()
    (dose,) = demo.chain("DEMO001")
    plan, structures = dose.below[0], dose.below[0].below[0]
    assert [node.state for node in (dose, plan, structures, structures.below[0])] == ["ok"] * 4
    assert (
        "6 DVHs" in dose.reason and plan.label == "Lung 60 Gy" and structures.below[0].label == "40 of series"
    )
    dose, unused = demo.chain("DEMO002")
    assert dose.below[0].state == "missing" and "waits for plan" in dose.reason and "no DVHs" in dose.reason
    assert (unused.kind, unused.reason) == ("structure set", "no dose rests on it")
    with pytest.raises(ObjectError, match="no patient"):
        demo.chain("nobody")


def test_the_verbs(demo: pyconquest) -> None:
    demo.derive()
    rows = json.loads(CliRunner().invoke(main, ["series", "--modality", "RTDOSE", "--json"]).output)
    assert [row["patient_id"] for row in rows] == ["DEMO001", "DEMO002"]
    drawn = CliRunner().invoke(main, ["chain", "DEMO002"]).output.splitlines()
    assert drawn[0].startswith("dose PLAN") and "missing" in drawn[1] and drawn[1].startswith("   └─ plan")
    shown = CliRunner().invoke(main, ["show", "DEMO001"])
    assert shown.exit_code == 0 and "objects: 44" in shown.output
    assert CliRunner().invoke(main, ["show", "nothing"]).exit_code == 1


def test_sizes() -> None:
    assert [size(count) for count in (0, 999, 1000, 1_234_567, None)] == [
        "0 B",
        "999 B",
        "1 kB",
        "1.23 MB",
        "0 B",
    ]
