"""Derivations: due by query, committed only while their inputs hold, gone with their object."""

import multiprocessing
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pydicom
import pytest
from samples import make_object

from pyconquest_rt.archive.archive import Archive
from pyconquest_rt.archive.removal import remove_images
from pyconquest_rt.derive import engine as module
from pyconquest_rt.derive.engine import derive
from pyconquest_rt.derive.extractor import Extractor, Rows, Source, Waiting
from pyconquest_rt.indexer import rebuild
from pyconquest_rt.settings.sections import ArchiveSettings

Put = Callable[..., Path]
CT = make_object().SOPClassUID
calls: list[str] = []


def label_of(source: Source) -> Rows:
    """One row per object: its label, and that of the object it refers to."""
    calls.append(source.sop)
    image = pydicom.dcmread(source.path)
    label = image.get("StudyDescription", "none")
    if label == "broken":
        raise ValueError("it is broken")
    if label.startswith("needs "):
        rows = source.query(
            "SELECT SOPInstanc FROM DICOMImages WHERE ImageNumbe = ?", (label.removeprefix("needs "),)
        )
        if not rows:
            raise Waiting(f"image {label.removeprefix('needs ')}")
        label = pydicom.dcmread(source.file_of(rows[0]["SOPInstanc"])).get("StudyDescription", "none")
    return {"label": [{"SOPInstanceUID": source.sop, "label": label}]}


LABEL = Extractor(
    name="label",
    version=1,
    sop_classes=(CT,),
    tables=("label",),
    scripts=("CREATE TABLE label(SOPInstanceUID TEXT PRIMARY KEY, label TEXT);",),
    extract=label_of,
)
ARRIVAL = Extractor(
    name="arrival",
    version=1,
    sop_classes=(CT,),
    tables=("arrival",),
    scripts=("CREATE TABLE arrival(SOPInstanceUID TEXT PRIMARY KEY);",),
    extract=lambda source: {"arrival": [{"SOPInstanceUID": source.sop}]},
    awakes=("label",),
)


@pytest.fixture(autouse=True)
def registered(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Extractor]]:
    known = [LABEL]
    monkeypatch.setattr(module, "extractors", lambda settings: tuple(known))
    calls.clear()
    yield known


def labels(ingest: Archive) -> list[str]:
    return [row["label"] for row in ingest.database.query("SELECT label FROM label ORDER BY SOPInstanceUID")]


def states(ingest: Archive) -> list[tuple[str, str | None]]:
    rows = ingest.database.query("SELECT state, reason FROM derivations ORDER BY sop")
    return [(row["state"], row["reason"]) for row in rows]


def test_each_object_is_derived_once(ingest: Archive, put: Put) -> None:
    put("1.dcm", StudyDescription="one")
    put("2.dcm", StudyDescription="two", instance=2)
    rebuild(ingest)
    assert derive(ingest).counts == {"done": 2}
    assert labels(ingest) == ["one", "two"]
    calls.clear()
    assert not derive(ingest).counts.get("done")


def test_a_failure_is_recorded_and_costs_nothing_else(ingest: Archive, put: Put) -> None:
    put("1.dcm", StudyDescription="broken")
    put("2.dcm", StudyDescription="two", instance=2)
    rebuild(ingest)
    summary = derive(ingest)
    assert summary.counts == {"done": 1, "failed": 1}
    assert summary.reasons == [("label", make_object().SOPInstanceUID, "ValueError: it is broken")]
    assert labels(ingest) == ["two"]


def test_what_waits_is_derived_when_the_other_arrives(
    ingest: Archive, put: Put, registered: list[Extractor]
) -> None:
    registered[:] = [ARRIVAL, LABEL]
    put("1.dcm", StudyDescription="needs 2")
    rebuild(ingest)
    assert derive(ingest).counts == {"done": 1, "waiting": 1}
    assert states(ingest) == [("done", None), ("waiting", "image 2")]
    put("2.dcm", StudyDescription="two", instance=2)
    rebuild(ingest)
    derive(ingest)
    assert labels(ingest) == ["two", "two"]


def test_a_changed_input_makes_the_result_due(ingest: Archive, put: Put) -> None:
    put("1.dcm", StudyDescription="needs 2")
    put("2.dcm", StudyDescription="two", instance=2)
    rebuild(ingest)
    derive(ingest)
    put("2.dcm", StudyDescription="changed", instance=2)
    rebuild(ingest, only="changed")
    assert "due" in [state for state, _ in states(ingest)]
    derive(ingest)
    assert labels(ingest) == ["changed", "changed"]


def test_rows_go_with_their_object(ingest: Archive, put: Put) -> None:
    put("1.dcm", StudyDescription="one")
    put("2.dcm", StudyDescription="two", instance=2)
    rebuild(ingest)
    derive(ingest)
    remove_images(ingest.database, [make_object().SOPInstanceUID])
    assert labels(ingest) == ["two"]
    assert len(states(ingest)) == 1


def test_rows_that_others_delete_are_swept(ingest: Archive, put: Put) -> None:
    put("1.dcm", StudyDescription="one")
    rebuild(ingest)
    derive(ingest)
    ingest.database.connection.execute("DELETE FROM DICOMImages")
    derive(ingest)
    assert labels(ingest) == []


def test_a_new_version_derives_anew(ingest: Archive, put: Put, registered: list[Extractor]) -> None:
    from dataclasses import replace

    put("1.dcm", StudyDescription="one")
    rebuild(ingest)
    derive(ingest)
    registered[:] = [replace(LABEL, version=2)]
    assert derive(ingest).counts == {"done": 1}


def test_an_input_replaced_meanwhile_spoils_the_result(
    ingest: Archive, put: Put, registered: list[Extractor]
) -> None:
    from dataclasses import replace

    times: list[int] = []

    def slow(source: Source) -> Rows:
        rows = label_of(source)
        if not times:
            times.append(1)
            put("1.dcm", StudyDescription="later")
            rebuild(ingest, only="changed")
        return rows

    registered[:] = [replace(LABEL, extract=slow)]
    put("1.dcm", StudyDescription="sooner")
    rebuild(ingest)
    assert derive(ingest).counts == {"due": 1, "done": 1}
    assert labels(ingest) == ["later"]


def test_unchanged_inputs_are_not_computed_again(
    ingest: Archive, put: Put, registered: list[Extractor]
) -> None:
    from dataclasses import replace

    registered[:] = [replace(LABEL, inputs=lambda source: [])]
    put("1.dcm", StudyDescription="one")
    rebuild(ingest)
    derive(ingest)
    before = len(calls)
    ingest.database.connection.execute("UPDATE derivations SET state = 'due'")
    assert derive(ingest).counts == {"unchanged": 1}
    assert len(calls) == before
    assert states(ingest) == [("done", None)]


def hang(settings: ArchiveSettings) -> None:
    def forever(source: Source) -> Any:
        time.sleep(60)

    ingest = Archive.open(settings)
    from dataclasses import replace

    module.extractors = lambda settings: (replace(LABEL, extract=forever),)  # type: ignore[assignment]
    derive(ingest)


@pytest.mark.skipif(sys.platform != "linux", reason="kills a forked process; Linux only")
def test_work_of_a_killed_worker_is_taken_up(ingest: Archive, put: Put, tmp_path: Path) -> None:
    put("1.dcm", StudyDescription="one")
    rebuild(ingest)
    settings = ArchiveSettings(
        str(tmp_path / "data"), str(tmp_path / "conquest.db"), str(tmp_path / "dicom.sql")
    )
    worker = multiprocessing.get_context("fork").Process(target=hang, args=(settings,))
    worker.start()
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline and states_or_nothing(ingest) != ["running"]:
        time.sleep(0.02)
    assert states_or_nothing(ingest) == ["running"]
    assert worker.pid is not None
    os.kill(worker.pid, signal.SIGKILL)
    worker.join()
    assert derive(ingest).counts == {"done": 1}
    assert labels(ingest) == ["one"]


def states_or_nothing(ingest: Archive) -> list[str]:
    return [row["state"] for row in ingest.database.query("SELECT state FROM derivations")]
