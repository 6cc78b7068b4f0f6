import json
import os
import subprocess
import sys
import threading
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path

import pytest
import samples
from samples import make_object, save

from pyconquest_rt.archive.archive import Archive
from pyconquest_rt.archive.locks import Lock, beside
from pyconquest_rt.archive.rebuild_report import Changes
from pyconquest_rt.errors import BusyError, SettingsError
from pyconquest_rt.service import jobs, schedule
from pyconquest_rt.service.schedule import Schedule
from pyconquest_rt.settings.file import render
from pyconquest_rt.settings.sections import (
    ArchiveSettings,
    BackupSettings,
    RetentionSettings,
    ScheduleSettings,
    Settings,
)

wait_until = partial(samples.wait_until, seconds=20.0)

NEVER = ScheduleSettings(rebuild="", backup="", verify="", upkeep="", retention="", sweep_minutes=0)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    archive = ArchiveSettings(str(tmp_path / "data"), str(tmp_path / "a.db"), str(tmp_path / "none.sql"))
    backups = BackupSettings(folder=str(tmp_path / "backups"))
    return Settings(archive=archive, backup=backups, schedule=NEVER)


def rows(settings: Settings, sql: str) -> list[dict[str, object]]:
    ingest = Archive.open(settings.archive)
    try:
        return ingest.database.query(sql)
    finally:
        ingest.close()


def put(settings: Settings, name: str, **keywords: object) -> Path:
    return save(make_object(**keywords), Path(settings.archive.data, name))  # type: ignore[arg-type]


# -- jobs ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", jobs.JOBS)
def test_every_job_runs_and_is_on_record(settings: Settings, name: str) -> None:
    put(settings, "P1/1.dcm")
    done = jobs.run(settings, name)
    (row,) = rows(settings, "SELECT * FROM job_runs")
    assert (row["name"], row["state"], row["seconds"]) == (name, "done", done.seconds)
    assert json.loads(str(row["result"])) == done.result
    assert datetime.fromisoformat(str(row["started"])).utcoffset() == timedelta(0)


def test_the_nightly_rebuild_finds_what_was_done_behind_its_back(settings: Settings) -> None:
    for patient in ("P1", "P2", "P3"):
        put(settings, f"{patient}/1.dcm", patient=patient, study=int(patient[1]), series=1)
    half = Path(settings.archive.data, "P4/half.dcm")
    whole = put(settings, "P4/half.dcm", patient="P4", study=4).read_bytes()
    half.write_bytes(whole[:200])
    first = jobs.run(settings, "rebuild").result
    assert (first["indexed"], first["rejected_count"]) == (3, 1)
    assert first["rejected"][0][0] == "P4/half.dcm"
    data = Path(settings.archive.data)
    half.write_bytes(whole)
    (data / "P1").rename(data / "renamed")
    (data / "P2/1.dcm").unlink()
    put(settings, "P5/1.dcm", patient="P5", study=5)
    jobs.run(settings, "rebuild")
    indexed = {row["ObjectFile"] for row in rows(settings, "SELECT ObjectFile FROM DICOMImages")}
    assert indexed == {"renamed/1.dcm", "P3/1.dcm", "P4/half.dcm", "P5/1.dcm"}
    assert jobs.run(settings, "verify").result == {"counts": {}, "findings": []}


def test_verify_names_what_differs(settings: Settings) -> None:
    put(settings, "P1/1.dcm")
    result = jobs.run(settings, "verify").result
    assert result == {
        "counts": {"file without a row": 1},
        "findings": [["file without a row", "P1/1.dcm"]],
    }


def test_a_job_that_fails_is_on_record(settings: Settings, tmp_path: Path) -> None:
    (tmp_path / "backups").write_text("a file, not a folder")
    done = jobs.run(settings, "backup")
    assert done.state == "failed"
    assert done.result["error"]


def test_a_job_never_overlaps_itself(settings: Settings) -> None:
    with Lock(beside(settings.archive.database, "rebuild.lock"), "x"):
        with pytest.raises(BusyError, match="running already"):
            jobs.run(settings, "rebuild")
        assert jobs.run(settings, "upkeep").state == "done"
    assert jobs.run(settings, "rebuild").state == "done"


def test_a_run_that_was_killed_is_on_record_as_interrupted(settings: Settings) -> None:
    jobs.run(settings, "upkeep")
    ingest = Archive.open(settings.archive)
    ingest.database.connection.execute("UPDATE job_runs SET state = 'running', seconds = NULL")
    ingest.close()
    jobs.run(settings, "upkeep")
    assert [row["state"] for row in rows(settings, "SELECT state FROM job_runs ORDER BY id")] == [
        "interrupted",
        "done",
    ]


def test_the_record_is_bounded(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jobs, "_KEPT_RUNS", 3)
    for _ in range(5):
        jobs.run(settings, "upkeep")
    jobs.run(settings, "sweep")
    assert rows(settings, "SELECT name, count(*) AS n FROM job_runs GROUP BY name ORDER BY name") == [
        {"name": "sweep", "n": 1},
        {"name": "upkeep", "n": 3},
    ]


def test_an_unknown_job_is_refused(settings: Settings) -> None:
    with pytest.raises(SettingsError, match="rebuild"):
        jobs.run(settings, "rebuilt")


def test_a_job_runs_in_a_process_of_its_own(settings: Settings) -> None:
    put(settings, "P1/1.dcm")
    command = [sys.executable, "-m", "pyconquest_rt.service.jobs", "rebuild"]
    done = subprocess.run(command, input=render(settings), text=True, capture_output=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert rows(settings, "SELECT count(*) AS n FROM DICOMImages") == [{"n": 1}]


def test_the_nightly_rebuild_names_what_happened_behind_its_back(settings: Settings) -> None:
    data = Path(settings.archive.data)
    for number, patient in enumerate(("STAYS", "GOES", "RENAMED"), 1):
        put(settings, f"{patient}/1.dcm", patient=patient, study=number)
    jobs.run(settings, "rebuild")
    put(settings, "ADDED/1.dcm", patient="ADDED", study=4)
    put(settings, "ADDED/2.dcm", patient="ADDED", study=4, instance=2)
    (data / "GOES/1.dcm").unlink()
    (data / "GOES").rmdir()
    (data / "RENAMED").rename(data / "BY_ANOTHER_NAME")
    half = data / "STAYS/half.dcm"
    half.write_bytes((data / "STAYS/1.dcm").read_bytes()[:200])
    result = jobs.run(settings, "rebuild").result
    assert result["changes"] == {
        "indexed": {"files": ["ADDED/1.dcm", "ADDED/2.dcm"], "folders": {"ADDED": 2}},
        "moved": {"files": ["BY_ANOTHER_NAME/1.dcm"], "folders": {"BY_ANOTHER_NAME": 1}},
        "removed": {"files": ["GOES/1.dcm"], "folders": {"GOES": 1}},
    }
    assert [path for path, _ in result["rejected"]] == ["STAYS/half.dcm"]
    assert {row["ObjectFile"] for row in rows(settings, "SELECT ObjectFile FROM DICOMImages")} == {
        *("STAYS/1.dcm", "ADDED/1.dcm", "ADDED/2.dcm", "BY_ANOTHER_NAME/1.dcm")
    }
    put(settings, "STAYS/half.dcm", patient="STAYS", study=1, instance=3)
    assert jobs.run(settings, "rebuild").result["changes"] == {
        "indexed": {"files": ["STAYS/half.dcm"], "folders": {"STAYS": 1}}
    }
    assert jobs.run(settings, "verify").result["findings"] == []


def test_a_report_names_the_first_hundred_and_counts_the_rest() -> None:
    changes = Changes()
    changes.add([f"P{number // 2:03d}/{number}.dcm" for number in range(150)])
    changes.add([f"Q{number // 2:03d}/{number}.dcm" for number in range(150)])
    assert len(changes.files) == 100 and changes.files[-1] == "P049/99.dcm"
    assert len(changes.folders) == 101 and changes.folders["..."] == 100
    assert sum(changes.folders.values()) == 300


# -- retention ----------------------------------------------------------------------------------------------


@pytest.fixture
def three_patients(settings: Settings) -> Settings:
    """Three patients of one file each; P2 was used last, P3 longest ago."""
    for number in (1, 2, 3):
        put(settings, f"P{number}/1.dcm", patient=f"P{number}", study=number)
    jobs.run(settings, "rebuild")
    ingest = Archive.open(settings.archive)
    for patient, used in (("P1", 200), ("P2", 300), ("P3", 100)):
        ingest.database.connection.execute(
            "UPDATE DICOMImages SET AccessTime = ? WHERE ImagePat = ?", (used, patient)
        )
    ingest.close()
    return settings


def quota(settings: Settings, size: float, remove: bool) -> Settings:
    return replace(settings, retention=RetentionSettings(quota_gb=size / 1e9, remove=remove))


def test_the_patients_longest_unused_are_reported_and_stay(three_patients: Settings) -> None:
    size = Path(three_patients.archive.data, "P1/1.dcm").stat().st_size
    result = jobs.run(quota(three_patients, 1.5 * size, remove=False), "retention").result
    assert [patient["patient_id"] for patient in result["patients"]] == ["P3", "P1"]
    assert (result["size"], result["removed"]) == (3 * size, 0)
    assert len(rows(three_patients, "SELECT * FROM DICOMPatients")) == 3
    assert jobs.run(quota(three_patients, 3 * size, remove=True), "retention").result["patients"] == []


def test_they_are_removed_if_the_settings_say_so_and_that_is_on_record(three_patients: Settings) -> None:
    size = Path(three_patients.archive.data, "P1/1.dcm").stat().st_size
    result = jobs.run(quota(three_patients, 2.5 * size, remove=True), "retention").result
    assert (result["removed"], result["failures"]) == (1, [])
    assert sorted(os.listdir(three_patients.archive.data)) == ["P1", "P2"]
    assert rows(three_patients, "SELECT PatientID FROM DICOMPatients ORDER BY 1") == [
        {"PatientID": "P1"},
        {"PatientID": "P2"},
    ]
    (audit,) = rows(three_patients, "SELECT * FROM audit WHERE action = 'retention'")
    assert audit["subject"] == "P3"
    assert jobs.run(three_patients, "verify").result["findings"] == []


def test_free_space_counts_too(three_patients: Settings) -> None:
    everything = replace(three_patients, retention=RetentionSettings(min_free_gb=1e9))
    assert len(jobs.run(everything, "retention").result["patients"]) == 3


# -- the schedule -------------------------------------------------------------------------------------------


def test_derivations_are_swept_at_the_start_and_then_by_the_clock(settings: Settings) -> None:
    swept = threading.Semaphore(0)
    every_second = replace(settings, schedule=replace(NEVER, sweep_minutes=1 / 60))
    running = Schedule(every_second, on_swept=swept.release)
    running.start()
    try:
        assert all(swept.acquire(timeout=20) for _ in range(2))
    finally:
        running.stop()
    assert len(rows(settings, "SELECT * FROM job_runs WHERE name = 'sweep'")) >= 2


def test_a_heavy_job_is_started_in_a_process_of_its_own(settings: Settings) -> None:
    put(settings, "P1/1.dcm")
    running = Schedule(replace(settings, schedule=ScheduleSettings(sweep_minutes=0)))
    running.start()
    try:
        running._scheduler.get_job("rebuild").modify(next_run_time=datetime.now(running._scheduler.timezone))
        done = "SELECT * FROM job_runs WHERE name = 'rebuild' AND state = 'done'"
        wait_until(lambda: bool(rows(settings, "SELECT 1 FROM sqlite_master WHERE name = 'job_runs'")))
        wait_until(lambda: bool(rows(settings, done)))
    finally:
        running.stop()


def test_what_is_due_when(settings: Settings) -> None:
    running = Schedule(replace(settings, schedule=ScheduleSettings(verify="")))
    running.start()
    try:
        assert set(running.next_runs()) == {"sweep", "rebuild", "backup", "upkeep", "sources"}
        assert list(running.next_runs().values()) == sorted(running.next_runs().values())
    finally:
        running.stop()


def test_jobs_coalesce_and_never_overlap(settings: Settings) -> None:
    running = Schedule(Settings(archive=settings.archive))
    running.start()
    try:
        for job in running._scheduler.get_jobs():
            assert (job.coalesce, job.max_instances, job.misfire_grace_time) == (True, 1, 6 * 3600)
    finally:
        running.stop()


@pytest.mark.parametrize("hours", [-5, 5])
def test_the_schedule_follows_the_clock(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, hours: float
) -> None:
    running = Schedule(replace(settings, schedule=replace(NEVER, sweep_minutes=10)))
    running.start()
    try:
        assert not running.follow_clock()
        before = schedule._clock_offset()
        monkeypatch.setattr(schedule, "_clock_offset", lambda: before + hours * 3600)
        running._scheduler.get_job("sweep").modify(
            next_run_time=datetime.now(running._scheduler.timezone) - timedelta(hours=hours)
        )
        assert running.follow_clock()
        ahead = running.next_runs()["sweep"] - datetime.now(running._scheduler.timezone)
        assert timedelta(0) < ahead <= timedelta(minutes=10)
        assert not running.follow_clock()
    finally:
        running.stop()


def test_times_that_do_not_exist_are_named(settings: Settings) -> None:
    wrong = replace(settings, schedule=replace(NEVER, rebuild="61 1 * * *", backup="0 2 * * *"))
    (reason,) = schedule.check(wrong)
    assert "rebuild" in reason
