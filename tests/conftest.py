"""An index over a temporary folder, and a way to put objects into it."""

import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import hypothesis
import pytest

sys.path.insert(0, str(Path(__file__).parent))  # modules that tests of all folders share

from samples import make_object, save

from pyconquest_rt import pyconquest
from pyconquest_rt.archive.archive import Archive
from pyconquest_rt.settings.sections import ArchiveSettings

# Small machines are noisy: no test asserts a time.
hypothesis.settings.register_profile("any machine", deadline=None)
hypothesis.settings.load_profile("any machine")

# pynetdicom has programs of the same names as DCMTK's; in an activated environment they would come first.
os.environ["PATH"] = os.pathsep.join(
    folder for folder in os.environ["PATH"].split(os.pathsep) if Path(folder) != Path(sys.executable).parent
)


@pytest.fixture
def in_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The test works in an empty folder, as a script of a user's does."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def archive(in_folder: Path) -> Iterator[pyconquest]:
    """A new archive in the empty folder."""
    with pyconquest() as opened:
        yield opened


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """The data directory of the index that the other fixtures use."""
    folder = tmp_path / "data"
    folder.mkdir()
    return folder


@pytest.fixture
def put(data: Path) -> Callable[..., Path]:
    """Write an object into the data directory: ``put("P1/a.dcm", patient="P1", instance=2)``."""

    def write(name: str, **keywords: Any) -> Path:
        return save(make_object(**keywords), data / name)

    return write


@pytest.fixture
def ingest(tmp_path: Path, data: Path) -> Iterator[Archive]:
    """An index with the default definition over the data directory."""
    opened = Archive.open(
        ArchiveSettings(str(data), str(tmp_path / "conquest.db"), str(tmp_path / "dicom.sql"))
    )
    yield opened
    opened.close()


@pytest.fixture
def indexed(archive: pyconquest) -> pyconquest:
    """Three slices of one patient, one of another."""
    for number in (1, 2, 3):
        save(make_object(instance=number), Path(f"data/P1/{number}.dcm"))
    save(make_object(patient="P2", study=2), Path("data/P2/1.dcm"))
    archive.rebuild_database_from_dicom()
    return archive
