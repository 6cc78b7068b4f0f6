"""What arrives becomes DVHs: in any order the same rows, gone with their objects, over the network in a moment."""

import itertools
import shutil
import time
from pathlib import Path
from typing import Any

import pytest

from pyconquest_rt.config import ArchiveSettings, ListenerSettings, Settings
from pyconquest_rt.demo import make_patient
from pyconquest_rt.derive import derive
from pyconquest_rt.dvh import calculate_dvhs
from pyconquest_rt.indexer import rebuild
from pyconquest_rt.ingest import Ingest
from pyconquest_rt.node import Node
from pyconquest_rt.removal import remove_images
from pyconquest_rt.scu import echo, send_files

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


def put(ingest: Ingest, files: list[Path]) -> None:
    folder = ingest.storage.root / "DEMO001"
    folder.mkdir(parents=True, exist_ok=True)
    for file in files:
        shutil.copy(file, folder)
    rebuild(ingest)


def tables(ingest: Ingest) -> dict[str, list[dict[str, Any]]]:
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
        ingest = Ingest.open(ArchiveSettings(str(root / "data"), str(root / "x.db"), "none.sql"))
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


def test_rows_are_those_of_the_engine(ingest: Ingest, patient: dict[str, list[Path]]) -> None:
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


def test_a_dose_waits_and_says_for_what(ingest: Ingest, patient: dict[str, list[Path]]) -> None:
    put(ingest, patient["RTDOSE"])
    derive(ingest)
    (row,) = ingest.database.query("SELECT state, reason FROM derivations WHERE extractor = 'dvh'")
    assert row["state"] == "waiting"
    assert "waits for plan 2.25." in row["reason"]


def test_dvhs_go_with_the_dose_and_wait_again_without_structures(
    ingest: Ingest, patient: dict[str, list[Path]]
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


def test_a_replaced_structure_set_makes_new_dvhs(ingest: Ingest, patient: dict[str, list[Path]]) -> None:
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
        ingest = Ingest.open(settings)
        deadline = time.monotonic() + 30
        rows: list[Any] = []
        while len(rows) < 7 and time.monotonic() < deadline:
            time.sleep(0.05)
            rows = ingest.database.query("SELECT * FROM dvh") if ingest.database.has("dvh") else []
        assert len(rows) == 7
        ingest.close()
