"""Foreign clients against the archive: every operation, level and form of a query; nothing may fail or change."""

from pathlib import Path
from typing import NamedTuple

import pytest
from archives import Receiver, settings_of
from clients import CLIENTS, Client, DcmtkStorescu, Server
from pydicom import dcmread
from same import assert_same
from samples import make_object

from pyconquest_rt.archive.archive import Archive
from pyconquest_rt.service.node import Node
from pyconquest_rt.settings.sections import Settings

ROOT = "1.2.826.0.1.3680043.10.1"


def lack(client: Client, *needed: str) -> None:
    for what in needed:
        if what in client.lacks:
            pytest.skip(f"{client.name} has no {what}")


def test_echo(client: Client, archive: Server) -> None:
    lack(client, "echo")
    client.echo(archive)


@pytest.mark.parametrize("client", [*CLIENTS, DcmtkStorescu()], indirect=True, ids=lambda client: client.name)
def test_store(client: Client, objects: list[Path], tmp_path: Path) -> None:
    settings = settings_of(tmp_path / "store", {})
    with Node(settings) as node:
        client.store(Server(node.port, tmp_path / "client"), objects)
        assert (node.counters.stored, node.counters.failed) == (len(objects), 0)
    assert_same(stored(settings), objects, client)


def stored(settings: Settings) -> list[Path]:
    ingest = Archive.open(settings.archive)
    try:
        rows = ingest.database.query("SELECT ObjectFile, DeviceName FROM DICOMImages")
        return [ingest.storage.path_of(row["ObjectFile"], row["DeviceName"]) for row in rows]
    finally:
        ingest.close()


class Query(NamedTuple):
    """A C-FIND, the key by which its answers are told apart, and their values."""

    root: str
    level: str
    keys: dict[str, str]
    expected: set[str]

    @property
    def unique(self) -> str:
        names = {"PATIENT": "PatientID", "STUDY": "StudyInstanceUID", "SERIES": "SeriesInstanceUID"}
        return names.get(self.level, "SOPInstanceUID")


S1, S2, S3 = (f"{ROOT}.{number}" for number in (1, 2, 3))
CT3, MR3 = f"{S3}.1", f"{S3}.2"
QUERIES = {
    "patient by id": Query("PATIENT", "PATIENT", {"PatientID": "P1"}, {"P1"}),
    "patients by wild card": Query("PATIENT", "PATIENT", {"PatientID": "P?"}, {"P1", "P2"}),
    "name in another case": Query("PATIENT", "PATIENT", {"PatientName": "name^p*"}, {"P1"}),
    "study by uid": Query("STUDY", "STUDY", {"StudyInstanceUID": S1}, {S1}),
    "list of uids": Query("STUDY", "STUDY", {"StudyInstanceUID": f"{S1}\\{S3}\\9.9"}, {S1, S3}),
    "from a day on": Query("STUDY", "STUDY", {"PatientID": "P*", "StudyDate": "20240115-"}, {S2}),
    "up to a day": Query("STUDY", "STUDY", {"PatientID": "P*", "StudyDate": "-20240115"}, {S1, S3}),
    "between days": Query("STUDY", "STUDY", {"PatientID": "P*", "StudyDate": "20240201-20240301"}, {S2}),
    "by modality": Query("STUDY", "STUDY", {"PatientID": "P*", "ModalitiesInStudy": "MR"}, {S3}),
    "nothing": Query("STUDY", "STUDY", {"PatientID": "NOBODY"}, set()),
    "studies of a patient": Query("PATIENT", "STUDY", {"PatientID": "P2"}, {S2, S3}),
    "series of a study": Query("STUDY", "SERIES", {"StudyInstanceUID": S3}, {CT3, MR3}),
    "series by modality": Query("STUDY", "SERIES", {"StudyInstanceUID": S3, "Modality": "MR"}, {MR3}),
    "series of a patient": Query(
        "PATIENT", "SERIES", {"PatientID": "P2", "StudyInstanceUID": S3}, {CT3, MR3}
    ),
    "images of a series": Query(
        "STUDY", "IMAGE", {"StudyInstanceUID": S3, "SeriesInstanceUID": MR3}, {f"{MR3}.1", f"{MR3}.2"}
    ),
    "image by number": Query(
        "STUDY",
        "IMAGE",
        {"StudyInstanceUID": S1, "SeriesInstanceUID": f"{S1}.1", "InstanceNumber": "2"},
        {f"{S1}.1.2"},
    ),
}


@pytest.mark.parametrize("query", QUERIES.values(), ids=QUERIES)
def test_find(client: Client, archive: Server, query: Query) -> None:
    lack(client, "find", query.root)
    answers = client.find(archive, query.root, query.level, {query.unique: "", **query.keys})
    assert {answer[query.unique] for answer in answers} == query.expected
    assert len(answers) == len(query.expected)


def test_find_counts_and_lists(client: Client, archive: Server) -> None:
    lack(client, "find")
    asked = (
        "NumberOfStudyRelatedSeries",
        "NumberOfStudyRelatedInstances",
        "ModalitiesInStudy",
        "PatientName",
    )
    (answer,) = client.find(archive, "STUDY", "STUDY", {"StudyInstanceUID": S3, **dict.fromkeys(asked, "")})
    assert [str(answer[key]) for key in asked[:2]] == ["2", "4"]
    assert set(answer["ModalitiesInStudy"].split("\\")) == {"CT", "MR"}
    assert answer["PatientName"] == "Müller^Jörg"


RETRIEVALS = {
    "patient": ("PATIENT", "PATIENT", {"PatientID": "P2"}, 6),
    "study": ("STUDY", "STUDY", {"StudyInstanceUID": S3}, 4),
    "series": ("STUDY", "SERIES", {"StudyInstanceUID": S3, "SeriesInstanceUID": MR3}, 2),
    "image": (
        "STUDY",
        "IMAGE",
        {"StudyInstanceUID": S3, "SeriesInstanceUID": MR3, "SOPInstanceUID": f"{MR3}.2"},
        1,
    ),
    "study of the patient root": ("PATIENT", "STUDY", {"PatientID": "P1", "StudyInstanceUID": S1}, 3),
}


@pytest.mark.parametrize(("root", "level", "keys", "count"), RETRIEVALS.values(), ids=RETRIEVALS)
def test_get(
    client: Client,
    archive: Server,
    objects: list[Path],
    root: str,
    level: str,
    keys: dict[str, str],
    count: int,
) -> None:
    lack(client, "get", root)
    wanted = chosen(objects, keys)
    assert len(wanted) == count
    assert_same(client.get(archive, root, level, keys), wanted, client)


@pytest.mark.parametrize(("root", "level", "keys", "count"), RETRIEVALS.values(), ids=RETRIEVALS)
def test_move(
    client: Client,
    archive: Server,
    receiver: Receiver,
    objects: list[Path],
    root: str,
    level: str,
    keys: dict[str, str],
    count: int,
) -> None:
    lack(client, "move", root)
    receiver.empty()
    client.move(archive, root, level, keys, "RECEIVER")
    assert_same(receiver.folder.iterdir(), chosen(objects, keys))
    assert len(list(receiver.folder.iterdir())) == count


@pytest.mark.parametrize("way", ["get", "move"])
def test_rt_and_compressed_objects_come_back(
    client: Client, archive: Server, receiver: Receiver, objects: list[Path], way: str
) -> None:
    """All at once, by a list of their studies."""
    lack(client, way)
    wanted = [path for path in objects[9:] if way == "move" or dcmread(path).Modality not in client.no_get_of]
    studies = dict.fromkeys(str(dcmread(path).StudyInstanceUID) for path in wanted)
    keys = {"StudyInstanceUID": "\\".join(studies)}
    if way == "get":
        assert_same(client.get(archive, "STUDY", "STUDY", keys), wanted, client)
    else:
        receiver.empty()
        client.move(archive, "STUDY", "STUDY", keys, "RECEIVER")
        assert_same(receiver.folder.iterdir(), wanted)


def chosen(objects: list[Path], keys: dict[str, str]) -> list[Path]:
    return [path for path in objects if all(dcmread(path).get(key) == value for key, value in keys.items())]


def test_the_objects_are_what_the_queries_expect(objects: list[Path]) -> None:
    assert dcmread(objects[0]) == make_object()
    assert len({dcmread(path).file_meta.TransferSyntaxUID for path in objects}) >= 3
