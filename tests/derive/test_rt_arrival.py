"""What arrives becomes DVHs: in any order the same rows, gone with their objects, over the network in a moment."""

import itertools
import shutil
import time
from pathlib import Path
from typing import Any

import pytest

from pyconquest_rt.archive.archive import Archive
from pyconquest_rt.archive.removal import remove_images
from pyconquest_rt.demo import make_patient
from pyconquest_rt.derive.engine import derive
from pyconquest_rt.dvh import calculate_dvhs
from pyconquest_rt.indexer import rebuild
from pyconquest_rt.scu import echo, send_files
from pyconquest_rt.service.node import Node
from pyconquest_rt.settings.sections import ArchiveSettings, ListenerSettings, Settings

KINDS = ("CT", "RTSTRUCT", "RTPLAN", "RTDOSE")


@pytest.fixture(scope="module")
def patient(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[Path]]:
    """The files of one demo patient by modality; three CT images are enough here."""
    import pydicom

    kinds: dict[str, list[Path]] = {}
    for path in make_patient(tmp_path_factory.mktemp("demo")):
        kinds.setdefault(pydicom.dcmread(path, specific_tags=["Modality"]).Modality, []).append(path)
    kinds["CT"] = kinds["CT"][:3]
    return kinds


def put(ingest: Archive, files: list[Path]) -> None:
    folder = ingest.storage.root / "DEMO001"
    folder.mkdir(parents=True, exist_ok=True)
    for file in files:
        shutil.copy(file, folder)
    rebuild(ingest)


def tables(ingest: Archive) -> dict[str, list[dict[str, Any]]]:
    names = ("rt_structure_set", "rt_roi", "rt_plan", "rt_beam", "rt_dose", "dvh", "dvh_metrics", "roi_name")
    found = {name: ingest.database.query(f"SELECT * FROM {name}") for name in (*names, "v_rt_chain")}
    return {name: sorted(rows, key=repr) for name, rows in found.items()}


@pytest.mark.parametrize("step", ["derived after each", "derived at the end"])
def test_all_orders_of_arrival_give_the_same_rows(
    tmp_path: Path, patient: dict[str, list[Path]], step: str
) -> None:
    expected = None
    for number, order in enumerate(itertools.permutations(KINDS)):
        root = tmp_path / str(number)
        root.mkdir()
        ingest = Archive.open(ArchiveSettings(str(root / "data"), str(root / "x.db"), "none.sql"))
        for kind in order:
            put(ingest, patient[kind])
            if step == "derived after each":
                derive(ingest)
        derive(ingest)
        found = tables(ingest)
        expected = expected or found
        assert found == expected, order
        assert {row["status"] for row in found["dvh"]} == {"ok", "failed"}
        assert len(found["dvh"]) == 7
        assert ingest.database.query("SELECT state, reason FROM derivations WHERE state <> 'done'") == []
        ingest.close()


def test_rows_are_those_of_the_engine(ingest: Archive, patient: dict[str, list[Path]]) -> None:
    for kind in KINDS:
        put(ingest, patient[kind])
    derive(ingest)
    dvhs = calculate_dvhs(patient["RTSTRUCT"][0], patient["RTDOSE"][0], prescription_gy=60.0)
    for row in ingest.database.query("SELECT * FROM dvh WHERE status = 'ok'"):
        dvh = dvhs[row["roi_number"]]
        assert (row["volume_cc"], row["mean_gy"], row["prescription_gy"]) == (
            dvh.volume_cc,
            dvh.mean_gy,
            60.0,
        )
        (d95,) = ingest.database.query(
            "SELECT value FROM dvh_metrics WHERE roi_number = ? AND metric = 'D95%[Gy]'", (row["roi_number"],)
        )
        assert d95["value"] == pytest.approx(dvh.metric("D95%[Gy]"))


def test_a_dose_waits_and_says_for_what(ingest: Archive, patient: dict[str, list[Path]]) -> None:
    put(ingest, patient["RTDOSE"])
    derive(ingest)
    (row,) = ingest.database.query("SELECT state, reason FROM derivations WHERE extractor = 'dvh'")
    assert row["state"] == "waiting"
    assert "waits for plan 2.25." in row["reason"]


def test_dvhs_go_with_the_dose_and_wait_again_without_structures(
    ingest: Archive, patient: dict[str, list[Path]]
) -> None:
    for kind in KINDS:
        put(ingest, patient[kind])
    derive(ingest)
    (dose,) = ingest.database.query("SELECT SOPInstanceUID FROM rt_dose")
    (structures,) = ingest.database.query("SELECT SOPInstanceUID FROM rt_structure_set")
    remove_images(ingest.database, [structures["SOPInstanceUID"]])
    assert ingest.database.query("SELECT * FROM rt_roi") == []
    derive(ingest)
    assert ingest.database.query("SELECT * FROM dvh") == []
    put(ingest, [])
    derive(ingest)
    assert len(ingest.database.query("SELECT * FROM dvh")) == 7
    remove_images(ingest.database, [dose["SOPInstanceUID"]])
    for table in ("dvh", "dvh_metrics", "rt_dose"):
        assert ingest.database.query(f"SELECT * FROM {table}") == []


def test_each_structure_set_of_the_frame_has_dvhs_where_nothing_chooses(
    ingest: Archive, patient: dict[str, list[Path]], tmp_path: Path
) -> None:
    import pydicom

    dose = pydicom.dcmread(patient["RTDOSE"][0])
    del dose.ReferencedRTPlanSequence
    dose.save_as(tmp_path / "RTDOSE.dcm")
    other = pydicom.dcmread(patient["RTSTRUCT"][0])
    other.SOPInstanceUID = other.file_meta.MediaStorageSOPInstanceUID = f"{other.SOPInstanceUID}.1"
    other.StructureSetROISequence[0].ROIName = "Outline"
    other.save_as(tmp_path / "OTHER.dcm")
    for files in ([tmp_path / "RTDOSE.dcm"], patient["RTSTRUCT"], [tmp_path / "OTHER.dcm"]):
        put(ingest, files)
        derive(ingest)
    rows = ingest.database.query("SELECT structure_set_uid, roi_number, roi_name, plan_uid FROM dvh")
    sets = {row["structure_set_uid"] for row in rows}
    assert len(sets) == 2 and len(rows) == 14
    assert {row["plan_uid"] for row in rows} == {None}
    assert {row["roi_name"] for row in rows if row["roi_number"] == 1} == {"BODY", "Outline"}


def test_a_series_of_single_planes_is_one_dose(
    ingest: Archive, patient: dict[str, list[Path]], tmp_path: Path
) -> None:
    import pydicom

    whole = pydicom.dcmread(patient["RTDOSE"][0])
    dvhs = calculate_dvhs(patient["RTSTRUCT"][0], whole, prescription_gy=60.0)
    frames, size = whole.NumberOfFrames, len(whole.PixelData) // whole.NumberOfFrames
    files = []
    for number in range(frames):
        plane = pydicom.dcmread(patient["RTDOSE"][0])
        plane.SOPInstanceUID = plane.file_meta.MediaStorageSOPInstanceUID = f"2.25.77.{100 + number}"
        z = float(whole.ImagePositionPatient[2]) + float(whole.GridFrameOffsetVector[number])
        plane.ImagePositionPatient = [*whole.ImagePositionPatient[:2], z]
        plane.PixelData = whole.PixelData[number * size : (number + 1) * size]
        del plane.NumberOfFrames, plane.GridFrameOffsetVector
        files.append(tmp_path / f"{number}.dcm")
        plane.save_as(files[-1])
    for kind in ("CT", "RTPLAN", "RTSTRUCT"):
        put(ingest, patient[kind])
    for portion in (files[5:], files[1:5], files[:1]):  # the first one comes last
        put(ingest, portion)
        derive(ingest)
    rows = ingest.database.query("SELECT * FROM dvh")
    assert {row["SOPInstanceUID"] for row in rows} == {"2.25.77.100"}
    assert len(rows) == 7
    for row in rows:
        dvh = dvhs[row["roi_number"]]
        assert row["status"] == dvh.status
        if dvh.status == "ok":
            assert row["mean_gy"] == pytest.approx(dvh.mean_gy, rel=1e-6)
            assert row["volume_cc"] == pytest.approx(dvh.volume_cc)
    remove_images(ingest.database, ["2.25.77.100"])
    derive(ingest)
    assert {row["SOPInstanceUID"] for row in ingest.database.query("SELECT SOPInstanceUID FROM dvh")} == {
        "2.25.77.101"
    }


def test_a_replaced_structure_set_makes_new_dvhs(ingest: Archive, patient: dict[str, list[Path]]) -> None:
    import pydicom

    for kind in KINDS:
        put(ingest, patient[kind])
    derive(ingest)
    path = ingest.storage.root / "DEMO001" / patient["RTSTRUCT"][0].name
    data_set = pydicom.dcmread(path)
    data_set.StructureSetROISequence[1].ROIName = "Renamed"
    data_set.save_as(path)
    rebuild(ingest, only="changed")
    derive(ingest)
    assert "Renamed" in {row["roi_name"] for row in ingest.database.query("SELECT roi_name FROM dvh")}


def test_over_the_network_dvhs_follow_in_a_moment(tmp_path: Path, patient: dict[str, list[Path]]) -> None:
    settings = ArchiveSettings(str(tmp_path / "data"), str(tmp_path / "x.db"), str(tmp_path / "none.sql"))
    with Node(Settings(settings, ListenerSettings(port=0))) as node:
        assert echo("127.0.0.1", node.port, "PYCONQUEST").ok
        files = [file for kind in reversed(KINDS) for file in patient[kind]]
        result = send_files(files, "127.0.0.1", node.port, "PYCONQUEST")
        assert (result.sent, result.failed) == (len(files), [])
        ingest = Archive.open(settings)
        deadline = time.monotonic() + 30
        rows: list[Any] = []
        while len(rows) < 7 and time.monotonic() < deadline:
            time.sleep(0.05)
            rows = ingest.database.query("SELECT * FROM dvh") if ingest.database.has("dvh") else []
        assert len(rows) == 7
        ingest.close()
