"""What a DICOMweb server has, as rows; and each way in which a server may fail."""

from collections.abc import Callable

import pytest
from dicomweb_server import Server
from samples import make_object

from pyconquest_rt.archive.archive import Archive
from pyconquest_rt.archive.verify import verify
from pyconquest_rt.sources.known import add, remove, sources
from pyconquest_rt.sources.source import SourceError
from pyconquest_rt.sources.sync import sync

States = Callable[[str], dict[str, int]]
UID = "1.2.826.0.1.3680043.10.1"


def test_everything_is_listed_once_and_then_only_what_has_changed(
    remote: Archive, server: Server, states: States
) -> None:
    first = sync(remote, "far")
    assert (first.added, first.changed, first.gone, first.failed, first.status) == (12, 0, 0, 0, 0)
    assert (states("study"), states("series"), states("object")) == (
        {"present": 2},
        {"present": 4},
        {"present": 12},
    )
    (row,) = remote.database.query("SELECT * FROM source_study WHERE StudyInstanceUID = ?", (f"{UID}.1",))
    assert (row["PatientID"], row["instances"], row["url"]) == ("P1", 6, f"{server.url}/studies/{UID}.1")
    server.asked.clear()
    second = sync(remote, "far")
    assert (second.added, second.requests) == (0, 2)  # the list, and that it ends there
    server.put(make_object("P1", 1, 2, 4))
    del server.objects[f"{UID}.1.1.1"], server.objects[f"{UID}.1.1.2"]
    third = sync(remote, "far")
    assert (third.added, third.gone, third.status) == (1, 2, 0)
    assert states("object") == {"present": 11, "gone": 2}
    assert remote.database.query("SELECT count(*) AS n FROM DICOMImages") == [{"n": 0}]
    assert list(verify(remote)) == []


def test_pages_of_any_size_and_servers_without_counts(
    remote: Archive, server: Server, states: States
) -> None:
    server.page, server.says_counts = 1, False
    assert sync(remote, "far").added == 12
    assert sync(remote, "far").added == 0
    assert states("object") == {"present": 12}


@pytest.mark.parametrize("fault", ["429", "503", "500", "cut", "bad JSON", "hang"])
def test_what_may_pass_is_asked_again(remote: Archive, server: Server, fault: str) -> None:
    server.faults = [fault, fault]
    done = sync(remote, "far")
    assert (done.added, done.problems) == (12, [])
    assert done.requests == len(server.asked)


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        ("403", "may not read"),
        ("HTML", "sign in"),
        ("503", "status 503"),
        ("cut", "cut off"),
        ("hang", "in time"),
    ],
)
def test_what_stays_is_told_and_nothing_changes(
    remote: Archive, server: Server, states: States, fault: str, words: str
) -> None:
    sync(remote, "far")
    server.faults = [fault] * 3
    done = sync(remote, "far")
    assert (done.status, done.gone) == (1, 0)
    assert words in done.problems[0] and done.problems[0].startswith("far: ")
    assert done.requests <= 3
    assert states("object") == {"present": 12}


def test_a_series_that_fails_is_all_that_is_asked_for_again(
    remote: Archive, server: Server, states: States
) -> None:
    server.broken = {f"{UID}.1.2/instances"}
    done = sync(remote, "far")
    assert (done.added, done.failed, done.status) == (9, 1, 3)
    assert states("series") == {"present": 3, "failed": 1}
    assert states("study") == {"present": 1, "failed": 1}
    server.broken.clear()
    server.asked.clear()
    done = sync(remote, "far")
    assert (done.added, done.failed, done.status) == (3, 0, 0)
    assert not [path for path in server.asked if f"{UID}.2" in path or f"{UID}.1.1" in path]
    assert states("study") == {"present": 2}


def test_a_study_that_is_denied_by_name_is_gone_and_may_come_back(
    remote: Archive, server: Server, states: States
) -> None:
    sync(remote, "far")
    kept = {uid: item for uid, item in server.objects.items() if item.StudyInstanceUID == f"{UID}.2"}
    all_of_them, server.objects = server.objects, kept
    assert sync(remote, "far").gone == 6
    assert states("study") == {"present": 1, "gone": 1}
    assert sync(remote, "far").gone == 0
    server.objects = all_of_them
    assert sync(remote, "far").added == 6
    assert states("object") == {"present": 12}


def test_one_empty_answer_wipes_nothing(remote: Archive, server: Server, states: States) -> None:
    sync(remote, "far")
    server.lists_nothing = True
    done = sync(remote, "far")
    assert "nothing was changed" in done.problems[0] and states("object") == {"present": 12}
    server.objects = {}
    assert sync(remote, "far").status == 1
    assert states("object") == {"present": 12} and states("study") == {"missing": 2}
    assert sync(remote, "far").gone == 12
    assert states("study") == {"gone": 2}


def test_one_study_alone(remote: Archive, server: Server, states: States) -> None:
    assert sync(remote, "far", study=f"{UID}.2").added == 6
    assert states("study") == {"present": 1}
    assert sync(remote, "far", study="1.2.3").gone == 0


def test_all_is_read_again_when_asked(remote: Archive, server: Server) -> None:
    sync(remote, "far")
    server.objects[f"{UID}.1.1.1"].Rows = 7
    assert sync(remote, "far").requests == 2
    sync(remote, "far", full=True)
    sql = "SELECT Rows FROM source_object WHERE SOPInstanceUID = ?"
    assert remote.database.query(sql, (f"{UID}.1.1.1",)) == [{"Rows": "7"}]


def test_a_source_that_does_not_answer_is_not_added(here: Archive, server: Server) -> None:
    with pytest.raises(SourceError, match="cannot be reached"):
        add(here, "nowhere", "http://127.0.0.1:9/dicom-web")
    server.faults = ["HTML"]
    with pytest.raises(SourceError, match="sign in"):
        add(here, "page", server.url)
    with pytest.raises(SourceError, match="--auth"):
        add(here, "secret", "http://user:secret@127.0.0.1/dicom-web")
    with pytest.raises(SourceError, match="no kind of source"):
        add(here, "file", "file:///tmp")
    assert sources(here) == []


def test_secrets_stay_in_the_environment(
    here: Archive, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.user = "Basic dXNlcjpzZWNyZXQ="  # user:secret
    with pytest.raises(SourceError, match="401"):
        add(here, "far", server.url)
    with pytest.raises(SourceError, match="FAR_PASSWORD holds no secret"):
        add(here, "far", server.url, auth="basic:user:FAR_PASSWORD")
    monkeypatch.setenv("FAR_PASSWORD", "secret")
    add(here, "far", server.url, auth="basic:user:FAR_PASSWORD")
    assert sync(here, "far").added == 12
    assert "secret" not in str(sources(here)) and "FAR_PASSWORD" in str(sources(here))
    server.user = "Bearer secret"
    add(here, "token", server.url, auth="bearer:FAR_PASSWORD", filter={"PatientID": "P2"})
    assert sync(here, "token").added == 6
    remove(here, "far")
    assert [row["name"] for row in sources(here)] == ["token"]
    where = here.database.query("SELECT DISTINCT source FROM where_it_is")
    assert where == [{"source": "token"}]
