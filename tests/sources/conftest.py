"""A DICOMweb stand-in with a study of CT and a structure set, and a source that knows it."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from dicomweb_server import Server, serving
from samples import make_object

from pyconquest_rt.archive.archive import Archive
from pyconquest_rt.settings.sections import ArchiveSettings
from pyconquest_rt.sources import http
from pyconquest_rt.sources.known import add


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Wait for tests, not for servers."""
    fast = http.Patience(attempts=3, connect_s=1.0, read_s=0.5, first_pause_s=0.01, longest_pause_s=0.05)
    monkeypatch.setattr(http, "DEFAULT", fast)


@pytest.fixture
def server() -> Iterator[Server]:
    with serving() as app:
        for study in (1, 2):
            app.put(*(make_object(f"P{study}", study, series, n) for series in (1, 2) for n in (1, 2, 3)))
        yield app


@pytest.fixture
def here(tmp_path: Path) -> Iterator[Archive]:
    (tmp_path / "data").mkdir()
    archive = Archive.open(ArchiveSettings(str(tmp_path / "data"), str(tmp_path / "conquest.db"), ""))
    yield archive
    archive.close()


@pytest.fixture
def remote(here: Archive, server: Server) -> Archive:
    add(here, "far", server.url)
    server.asked.clear()
    return here


@pytest.fixture
def states(remote: Archive) -> Callable[[str], dict[str, int]]:
    def count(table: str) -> dict[str, int]:
        rows = remote.database.query(f"SELECT state, count(*) AS n FROM source_{table} GROUP BY state")
        return {row["state"]: row["n"] for row in rows}

    return count
