"""Dose objects fetched from a peer: those that are not held, of the last days, and what goes wrong is named."""

import socket
import sys
from collections.abc import Iterator
from contextlib import closing
from datetime import date, timedelta
from pathlib import Path
from typing import NamedTuple

import pytest

sys.path.append(str(Path(__file__).parents[1] / "dose_reports"))

from dose_objects import CT_IMAGE, SECONDARY_CAPTURE, ct_report, encode, instance, report
from test_node import settings_of

from pyconquest_rt.archive.archive import Archive
from pyconquest_rt.net.services.peers import known_peers
from pyconquest_rt.scu import send_files
from pyconquest_rt.service import jobs
from pyconquest_rt.service.dose_pull import pull
from pyconquest_rt.service.node import Node
from pyconquest_rt.settings.sections import Settings

TODAY, LONG_AGO = date.today().strftime("%Y%m%d"), (date.today() - timedelta(days=40)).strftime("%Y%m%d")


class Two(NamedTuple):
    """This archive and its settings, beside one that it pulls from."""

    here: Archive
    settings: Settings


def _ports(count: int) -> list[int]:
    sockets = [socket.socket() for _ in range(count)]
    for sock in sockets:
        sock.bind(("127.0.0.1", 0))
    ports = [sock.getsockname()[1] for sock in sockets]
    for sock in sockets:
        sock.close()
    return ports


def _objects(folder: Path) -> list[Path]:
    """A report and an image of today, a dose page and another capture, a report that is not of dose, an old report."""
    page = {"Modality": "CT", "StudyDate": TODAY}
    datasets = [
        ct_report({"2.25.11": 10.0}, StudyDate=TODAY, SOPInstanceUID="2.25.101", SeriesInstanceUID="2.25.21"),
        instance(
            CT_IMAGE, Modality="CT", StudyDate=TODAY, SOPInstanceUID="2.25.102", SeriesInstanceUID="2.25.22"
        ),
        instance(
            SECONDARY_CAPTURE,
            SOPInstanceUID="2.25.103",
            SeriesInstanceUID="2.25.23",
            SeriesNumber="999",
            **page,
        ),
        instance(
            SECONDARY_CAPTURE,
            SOPInstanceUID="2.25.104",
            SeriesInstanceUID="2.25.24",
            SeriesNumber="5",
            **page,
        ),
        report(
            sop_class="1.2.840.10008.5.1.4.1.1.88.33",
            title="126000^DCM",
            SeriesDescription="Findings",
            StudyDate=TODAY,
            SOPInstanceUID="2.25.105",
            SeriesInstanceUID="2.25.25",
        ),
        ct_report(
            {"2.25.12": 10.0},
            StudyDate=LONG_AGO,
            StudyInstanceUID="2.25.2",
            SOPInstanceUID="2.25.106",
            SeriesInstanceUID="2.25.26",
        ),
    ]
    folder.mkdir()
    paths = [folder / f"{number}.dcm" for number in range(len(datasets))]
    for path, dataset in zip(paths, datasets, strict=True):
        path.write_bytes(encode(dataset))
    return paths


@pytest.fixture
def two(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Two]:
    monkeypatch.chdir(tmp_path)
    own, other = _ports(2)
    peer = '[peer.{}]\nhost = "127.0.0.1"\nport = {}\n'
    text = f'[listener]\nport = {own}\nae_title = "HERE"\n[dose]\npull_peer = "THERE"\n' + peer.format(
        "THERE", other
    )
    settings = settings_of(tmp_path / "here", text)
    there = f'[listener]\nport = {other}\nae_title = "THERE"\n' + peer.format("HERE", own)
    others = settings_of(tmp_path / "there", there)
    for folder in ("here", "there"):
        (tmp_path / folder).mkdir()
    with Node(settings), Node(others), closing(Archive.open(settings.archive)) as here:
        assert send_files(_objects(tmp_path / "in"), "127.0.0.1", other, "THERE").ok
        yield Two(here, settings)


def held(archive: Archive) -> list[str]:
    return [
        row["SOPInstanc"] for row in archive.database.query("SELECT SOPInstanc FROM DICOMImages ORDER BY 1")
    ]


def test_what_is_missing_comes_once(two: Two) -> None:
    peer = known_peers(two.settings).find("THERE")
    assert peer is not None
    pulled = pull(two.here, peer, "HERE")
    assert (pulled.studies, pulled.found, pulled.held, pulled.received, pulled.problems) == (1, 2, 0, 2, [])
    assert held(two.here) == ["2.25.101", "2.25.103"]
    again = pull(two.here, peer, "HERE", days=60)  # with the old one
    assert (again.found, again.held, again.received) == (3, 2, 1)
    assert held(two.here) == ["2.25.101", "2.25.103", "2.25.106"]


def test_a_destination_that_the_peer_does_not_know_is_named(two: Two) -> None:
    peer = known_peers(two.settings).find("THERE")
    assert peer is not None
    pulled = pull(two.here, peer, "HERE", destination="NOWHERE")
    assert pulled.received == 0
    assert all("NOWHERE" in problem for problem in pulled.problems) and len(pulled.problems) == 2


def test_the_job_runs_by_the_settings(two: Two) -> None:
    assert "dose_pull" in jobs.times(two.settings)
    assert "dose_pull" not in jobs.times(Settings())
    run = jobs.run(two.settings, "dose_pull")
    assert (run.state, run.result["received"]) == ("done", 2)
