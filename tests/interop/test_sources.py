"""Orthanc with its DICOMweb plug-in as a source: listed by QIDO-RS and by C-FIND, fetched by WADO-RS and by C-GET."""

import json
import shutil
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
from archives import free_ports

from pyconquest_rt.archive.archive import Archive
from pyconquest_rt.demo import make_patients
from pyconquest_rt.scu import send_files
from pyconquest_rt.settings.sections import ArchiveSettings
from pyconquest_rt.sources.fetch import fetch
from pyconquest_rt.sources.known import add
from pyconquest_rt.sources.source import SourceError
from pyconquest_rt.sources.sync import sync
from pyconquest_rt.volumes import examine, load

PLUGINS = Path("/usr/share/orthanc/plugins")
pytestmark = pytest.mark.skipif(
    not (shutil.which("Orthanc") and list(PLUGINS.glob("libOrthancDicomWeb*"))),
    reason="Orthanc and its DICOMweb plug-in are not installed (make peers)",
)


class Orthanc(NamedTuple):
    url: str
    dicom_port: int
    files: list[Path]


@pytest.fixture(scope="module")
def orthanc(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Orthanc]:
    folder = tmp_path_factory.mktemp("orthanc")
    http_port, dicom_port = free_ports(2)
    settings = {
        "StorageDirectory": str(folder),
        "IndexDirectory": str(folder),
        "HttpPort": http_port,
        "DicomPort": dicom_port,
        "AuthenticationEnabled": True,
        "RegisteredUsers": {"reader": "secret"},
        "Plugins": [str(PLUGINS)],
        "DicomWeb": {"Enable": True, "Root": "/dicom-web/"},
        "DicomAlwaysAllowGet": True,
        "DicomAlwaysAllowFind": True,
    }
    (folder / "orthanc.json").write_text(json.dumps(settings))
    files = make_patients(folder / "made", count=1)
    log = (folder / "log").open("wb")
    process = subprocess.Popen(["Orthanc", str(folder / "orthanc.json")], stdout=log, stderr=log)
    try:
        for _ in range(300):
            try:
                urllib.request.urlopen(f"http://127.0.0.1:{http_port}/system")
            except urllib.error.HTTPError:
                break
            except OSError:
                time.sleep(0.1)
        assert send_files(files, "127.0.0.1", dicom_port, "ORTHANC").sent == len(files)
        yield Orthanc(f"http://127.0.0.1:{http_port}/dicom-web", dicom_port, files)
    finally:
        process.terminate()
        process.wait()


@pytest.fixture
def here(tmp_path: Path) -> Iterator[Archive]:
    (tmp_path / "data").mkdir()
    archive = Archive.open(ArchiveSettings(str(tmp_path / "data"), str(tmp_path / "conquest.db"), ""))
    yield archive
    archive.close()


def rows(archive: Archive, source: str, table: str) -> list[dict[str, object]]:
    found = archive.database.query(f"SELECT * FROM source_{table} WHERE source = ? ORDER BY 2", (source,))
    return [{key: value for key, value in row.items() if key not in ("source", "url")} for row in found]


def test_orthanc_is_listed_alike_by_dicomweb_and_by_dimse(
    orthanc: Orthanc, here: Archive, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(SourceError, match="401"):
        add(here, "web", orthanc.url)
    monkeypatch.setenv("ORTHANC_PASSWORD", "secret")
    add(here, "web", orthanc.url, auth="basic:reader:ORTHANC_PASSWORD")
    add(here, "dimse", f"dimse://ORTHANC@127.0.0.1:{orthanc.dicom_port}")
    for name in ("web", "dimse"):
        done = sync(here, name)
        assert (done.added, done.problems) == (len(orthanc.files), [])
        assert sync(here, name).added == 0
    for table in ("patient", "study", "series", "object"):
        assert rows(here, "web", table) == rows(here, "dimse", table) != []


@pytest.mark.parametrize("kind", ["web", "dimse"])
def test_a_fetched_study_gives_the_same_volume(
    orthanc: Orthanc, here: Archive, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    monkeypatch.setenv("ORTHANC_PASSWORD", "secret")
    if kind == "web":
        add(here, kind, orthanc.url, auth="basic:reader:ORTHANC_PASSWORD")
    else:
        add(here, kind, f"dimse://ORTHANC@127.0.0.1:{orthanc.dicom_port}")
    sync(here, kind)
    ((study,),) = here.database.connection.execute("SELECT StudyInstanceUID FROM source_study").fetchall()
    done = fetch(here, kind, study)
    assert (done.stored, done.problems) == (len(orthanc.files), [])
    volumes = [
        load(next(found for found in examine(paths) if found.kind == "scalar"))
        for paths in (orthanc.files, [here.storage.root])
    ]
    assert np.array_equal(volumes[0].array, volumes[1].array)
    assert np.array_equal(volumes[0].affine, volumes[1].affine)
