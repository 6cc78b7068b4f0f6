"""The methods of the class that send, query and fetch, between two archives."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from pydicom import dcmread
from pydicom.uid import CTImageStorage
from pynetdicom import AE, AllStoragePresentationContexts, build_context, evt
from samples import make_object, save

from pyconquest_rt import pyconquest
from pyconquest_rt.errors import DatabaseError
from pyconquest_rt.service.node import Node
from pyconquest_rt.settings.sections import (
    ArchiveSettings,
    DeriveSettings,
    ListenerSettings,
    PeerSettings,
    Settings,
)

CT, MR = "1.2.826.0.1.3680043.10.1.1.1", "1.2.826.0.1.3680043.10.1.1.2"
Start = Callable[..., Node]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Return a function that starts another archive, which knows the AE titles given with their ports."""
    nodes: list[Node] = []

    def start(**ports: int) -> Node:
        folder = tmp_path / "other"
        settings = Settings(
            archive=ArchiveSettings(str(folder / "data"), str(folder / "a.db")),
            listener=ListenerSettings(port=0, ae_title="OTHER"),
            peers={title: PeerSettings("127.0.0.1", port) for title, port in ports.items()},
            derive=DeriveSettings(workers=0),
        )
        nodes.append(Node(settings))
        return nodes[-1]

    yield start
    for node in nodes:
        node.stop()


@pytest.fixture
def filled(archive: pyconquest, tmp_path: Path) -> pyconquest:
    """An archive of a patient with a CT series of three images and an MR series of two."""
    for number in (1, 2, 3):
        save(make_object(instance=number), tmp_path / "in" / f"{number}.dcm")
    for number in (1, 2):
        save(make_object(series=2, instance=number, Modality="MR"), tmp_path / "in" / f"mr{number}.dcm")
    archive.store_dicom_files_from_directory(str(tmp_path / "in"))
    return archive


@pytest.mark.parametrize(
    ("chosen", "sent"),
    [
        ({"patientid": "P1"}, 5),
        ({"seriesuid": MR}, 2),
        ({"query": "SELECT seriesinst FROM DICOMseries WHERE Modality = 'CT'"}, 3),
        ({"query": f"SELECT '{CT}' AS SERIESINST"}, 3),
        ({"patientid": "P1", "parallel": 2}, 5),
        ({}, 0),
    ],
)
def test_send_dicom(
    filled: pyconquest, start: Start, capsys: pytest.CaptureFixture[str], chosen: dict[str, str], sent: int
) -> None:
    other = start()
    result = filled.send_dicom("127.0.0.1", other.port, **chosen)
    assert (result.sent, result.failed) == (sent, [])
    assert other.counters.stored == sent
    assert capsys.readouterr().out == ""


def test_a_query_without_series_is_told(filled: pyconquest) -> None:
    with pytest.raises(DatabaseError, match="no column SeriesInst"):
        filled.send_dicom("127.0.0.1", 1, query="SELECT PatientID FROM DICOMpatients")


def test_send_dicom_file_takes_one_name_or_many_and_goes_on_after_a_bad_one(
    filled: pyconquest, start: Start, tmp_path: Path
) -> None:
    port, good = start().port, str(tmp_path / "in" / "1.dcm")
    assert filled.send_dicom_file("127.0.0.1", port, good).sent == 1
    (tmp_path / "junk").write_text("no DICOM")
    result = filled.send_dicom_file("127.0.0.1", port, [str(tmp_path / "junk"), good, "none"], "ANY", b"ME")
    assert result.sent == 1
    assert [path.name for path, _ in result.failed] == ["junk", "none"]


def test_query_dicom_and_get_dicom(
    filled: pyconquest, start: Start, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, free_port: int
) -> None:
    other = start(MINE=free_port)
    filled.send_dicom("127.0.0.1", other.port, patientid="P1")
    (row,) = filled.query_dicom("127.0.0.1", other.port, modality="MR")
    assert (row["SeriesInstanceUID"], row["PatientID"]) == (MR, "P1")
    assert len(filled.query_dicom("127.0.0.1", other.port, patientid="P1")) == 2
    (tmp_path / "mine").mkdir()
    monkeypatch.chdir(tmp_path / "mine")
    with pyconquest() as mine:
        ask = {"addres": "127.0.0.1", "port": other.port, "receiving_port_number": free_port}
        assert mine.get_dicom(**ask, series_uid=MR, receiving_ae_title="NOBODY") == 0xA801
        assert mine.get_dicom(**ask, series_uid=MR, receiving_ae_title="MINE") is None
        assert mine.execute_db_query("SELECT count(*) AS n FROM DICOMimages") == [{"n": 2}]
        assert mine.get_dicom(**ask, series_uid=CT, modality="CT", receiving_ae_title="MINE") is None
        assert mine.execute_db_query("SELECT count(*) AS n FROM DICOMimages") == [{"n": 5}]
        assert "cannot be reached" in mine.get_dicom("127.0.0.1", 1, series_uid="1.2.3.4.5")


def test_an_event_of_pynetdicom_is_handled(archive: pyconquest) -> None:
    """The method as the handler of somebody's own server: stored and indexed, or a status that says no."""
    application = AE()
    application.supported_contexts = AllStoragePresentationContexts
    server = application.start_server(
        ("127.0.0.1", 0), block=False, evt_handlers=[(evt.EVT_C_STORE, archive.handle_dicom_store_request)]
    )
    peer = AE()
    peer.requested_contexts = [build_context(CTImageStorage)]
    association = peer.associate(*server.server_address)
    good, other_patient = make_object("P/1"), make_object("P2", instance=2)
    statuses = [association.send_c_store(image).Status for image in (good, good, other_patient)]
    association.release()
    server.shutdown()
    assert statuses == [0, 0, 0xC000]
    (row,) = archive.execute_db_query("SELECT ObjectFile FROM dicomimages")
    stored = Path(archive.data_directory, row["ObjectFile"])
    assert stored.name == f"{good.SOPInstanceUID}.dcm"
    assert dcmread(stored) == good
    (row,) = archive.execute_db_query("SELECT SOPInstanceUID FROM rejected")
    assert row["SOPInstanceUID"] == other_patient.SOPInstanceUID
