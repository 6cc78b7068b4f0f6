"""An archive is opened for reading alone by who may not write it; its settings are its own."""

import json
import os
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from pyconquest_rt import pyconquest
from pyconquest_rt.archive.archive import Archive
from pyconquest_rt.demo import make_patient
from pyconquest_rt.derive.engine import derive
from pyconquest_rt.errors import DatabaseError
from pyconquest_rt.indexer import rebuild
from pyconquest_rt.rt.names.roi_files import CSV_COLUMNS
from pyconquest_rt.service.node import Node
from pyconquest_rt.settings.file import load
from pyconquest_rt.settings.sections import ArchiveSettings, DeriveSettings, ListenerSettings, Settings

NO_RIGHTS = ["setpriv", "--bounding-set=-dac_override,-dac_read_search,-fowner,-chown"]
VERBS = [
    "query|SELECT PatientID FROM DICOMPatients",
    "dump|DICOMPatients",
    "summary",
    "status",
    "verify",
    "dvh|DEMO001",
    "dvh|DEMO001|--plot|dvh.png",
    "roi|list",
    "roi|unmapped",
    "dose|summary",
    "dose|plot|dose.png",
    "forward|list",
    "copy|--query|SELECT SeriesInst FROM DICOMSeries LIMIT 1|copied",
]


@pytest.fixture
def settings(tmp_path: Path) -> ArchiveSettings:
    folder = tmp_path / "clinic"
    return ArchiveSettings(str(folder / "data"), str(folder / "conquest.db"), str(folder / "none.sql"))


@pytest.fixture
def derived(settings: ArchiveSettings) -> ArchiveSettings:
    """An archive at rest with one patient and everything that is derived of it."""
    make_patient(settings.data, slices=4)
    fill(settings)
    return settings


def fill(settings: ArchiveSettings) -> None:
    archive = Archive.open(settings)
    rebuild(archive)
    derive(archive)
    archive.database.connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    archive.close()


def metrics(settings: ArchiveSettings) -> list[str]:
    archive = Archive.read(settings)
    rows = archive.database.query("SELECT DISTINCT metric FROM dvh_metrics ORDER BY 1")
    archive.close()
    return [row["metric"] for row in rows]


def options(settings: ArchiveSettings) -> list[str]:
    return ["--data", settings.data, "--database", settings.database, "--sql", settings.sql]


def run(words: list[str], folder: Path, before: list[str] | None = None) -> subprocess.CompletedProcess[str]:
    command = [*(before or []), sys.executable, "-m", "pyconquest_rt", *words]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


@pytest.fixture
def not_ours(derived: ArchiveSettings, tmp_path: Path) -> tuple[ArchiveSettings, list[str]]:
    """An archive that another user owns, and what runs a command without the right to write it."""
    if os.geteuid() or not shutil.which("setpriv"):
        pytest.skip("needs root and setpriv")
    for path in (tmp_path, *tmp_path.parents):
        if path.stat().st_mode & 0o005 != 0o005:
            os.chmod(path, path.stat().st_mode | 0o055)
        if path.name.startswith("pytest-of"):
            break
    subprocess.run(["chown", "-R", "nobody", Path(derived.database).parent], check=True)
    return derived, NO_RIGHTS


@pytest.fixture
def on_read_only_medium(derived: ArchiveSettings) -> Iterator[ArchiveSettings]:
    folder = str(Path(derived.database).parent)
    mounted = [["mount", "--bind", folder, folder], ["mount", "-o", "remount,ro,bind", folder]]
    if os.geteuid() or any(
        subprocess.run(each, capture_output=True, check=False).returncode for each in mounted
    ):
        pytest.skip("nothing can be mounted here")
    yield derived
    subprocess.run(["umount", "-l", folder], check=True)


def assert_reads(verb: str, settings: ArchiveSettings, folder: Path, before: list[str]) -> None:
    there = sorted(Path(settings.database).parent.iterdir())
    words = verb.split("|")
    place = 2 if words[0] in {"roi", "dose", "forward"} else 1
    done = run([*words[:place], *options(settings), *words[place:]], folder, before)
    assert (done.returncode, done.stderr.replace("no rows\n", "")) == (0, ""), verb
    assert sorted(Path(settings.database).parent.iterdir()) == there


@pytest.mark.parametrize("verb", VERBS)
def test_a_user_who_may_not_write_reads(
    verb: str, not_ours: tuple[ArchiveSettings, list[str]], tmp_path: Path
) -> None:
    settings, before = not_ours
    assert_reads(verb, settings, tmp_path, before)


def test_a_user_who_may_not_write_sends_and_asks(
    not_ours: tuple[ArchiveSettings, list[str]], tmp_path: Path
) -> None:
    settings, before = not_ours
    folder = Path(settings.database).parent
    other = ArchiveSettings(str(tmp_path / "other"), str(tmp_path / "other.db"), "none.sql")
    with Node(Settings(other, ListenerSettings(port=0), derive=DeriveSettings(workers=0))) as node:
        port = str(node.port)
        sent = run(["send", "127.0.0.1", port, settings.data], folder, before)
        assert (sent.returncode, sent.stderr) == (0, "")
        found = run(["find", "127.0.0.1", port, "PatientID", "--json"], folder, before)
        assert (found.returncode, found.stderr) == (0, "")
    assert [row["PatientID"] for row in json.loads(found.stdout)] == ["DEMO001"]


def test_verbs_on_a_read_only_medium(on_read_only_medium: ArchiveSettings, tmp_path: Path) -> None:
    for verb in VERBS:
        assert_reads(verb, on_read_only_medium, tmp_path, [])


def test_the_class_reads_what_it_may_not_write(
    on_read_only_medium: ArchiveSettings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    where = on_read_only_medium
    with pyconquest(where.data, where.sql, where.database) as reader:
        assert reader.execute_db_query("SELECT PatientID FROM DICOMPatients") == [{"PatientID": "DEMO001"}]
        (series,) = reader.execute_db_query(
            "SELECT SeriesInst FROM DICOMSeries WHERE Modality = 'RTDOSE'", "SeriesInst"
        )
        reader.copy_dicom_files_to_dest(series, destination="out")
        assert reader.execute_db_query("DELETE FROM DICOMPatients") is None  # refused, and in the log
        assert reader.execute_db_query("SELECT count(*) AS n FROM DICOMPatients") == [{"n": 1}]
    assert len([path for path in Path("out").rglob("*") if path.is_file()]) == 1


BESIDE_A_WRITER = """
import sys
from pyconquest_rt.archive.archive import Archive
from pyconquest_rt.settings.sections import ArchiveSettings, DeriveSettings, ListenerSettings, Settings
archive = Archive.read(ArchiveSettings(*sys.argv[1:]))
for _ in sys.stdin:
    rows = archive.database.connection.execute("SELECT count(*) FROM audit").fetchone()
    print(*rows, archive.database.connection.is_at_rest(), flush=True)
"""


def test_a_reader_of_a_database_at_rest_sees_what_is_written_later(
    not_ours: tuple[ArchiveSettings, list[str]],
) -> None:
    settings, before = not_ours
    where = (settings.data, settings.database, settings.sql)
    command = [*before, sys.executable, "-c", BESIDE_A_WRITER, *where]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as reader:
        assert reader.stdin is not None and reader.stdout is not None

        def seen() -> list[str]:
            assert reader.stdin is not None and reader.stdout is not None
            reader.stdin.write("\n")
            reader.stdin.flush()
            return reader.stdout.readline().split()

        assert seen() == ["0", "True"]
        writer = sqlite3.connect(settings.database, isolation_level=None)
        for number in (1, 2):
            writer.execute("INSERT INTO audit(time, action) VALUES ('2026-01-02', 'x')")
            assert seen() == [str(number), "False"]  # from the log that the writer keeps
        writer.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        writer.execute("INSERT INTO audit(time, action) VALUES ('2026-01-02', 'x')")
        assert seen()[0] == "3"
        writer.close()
        reader.stdin.close()


def test_changes_that_a_reader_cannot_see_are_named(
    not_ours: tuple[ArchiveSettings, list[str]], tmp_path: Path
) -> None:
    settings, before = not_ours
    killed = "import os, sqlite3, sys; c = sqlite3.connect(sys.argv[1], isolation_level=None); "
    killed += "c.execute(\"INSERT INTO audit(time, action) VALUES ('x', 'x')\"); os._exit(0)"
    subprocess.run([sys.executable, "-c", killed, settings.database], check=True)
    os.unlink(f"{settings.database}-shm")
    refused = run(["summary", *options(settings)], tmp_path, before)
    assert refused.returncode == 1
    assert f"{settings.database}-wal" in refused.stderr


def test_reading_neither_writes_nor_makes_a_database(settings: ArchiveSettings, tmp_path: Path) -> None:
    with pytest.raises(DatabaseError, match="there is no database"):
        Archive.read(settings)
    Path(settings.data).mkdir(parents=True)
    Archive.open(settings).close()
    reader = Archive.read(settings)
    for statement in (
        "DELETE FROM DICOMPatients",
        "DROP TABLE files",
        f"ATTACH '{tmp_path / 'other.db'}' AS o",
    ):
        with pytest.raises(sqlite3.Error):
            reader.database.connection.execute(statement)
    reader.close()
    assert not (tmp_path / "other.db").exists()


def test_reading_verbs_prepare_no_write_statement(
    derived: ArchiveSettings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A database of today is read without any statement that writes, rights or not."""
    monkeypatch.chdir(tmp_path)
    archive = Archive.read(derived)
    seen: list[str] = []
    archive.database.connection.set_trace_callback(seen.append)
    archive.database.is_complete()
    archive.close()
    assert seen
    assert {line.split()[0] for line in seen} <= {"SELECT", "PRAGMA"}


# -- settings -----------------------------------------------------------------------------------------------


def beside(settings: ArchiveSettings, text: str) -> None:
    folder = Path(settings.database).parent
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "pyconquest.toml").write_text(text)


def test_what_is_derived_hangs_on_the_archive(
    settings: ArchiveSettings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    beside(settings, '[rt]\nmetrics = "D95%[Gy] D2%[Gy]"\n')
    make_patient(settings.data, slices=4)
    fill(settings)
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "pyconquest.toml").write_text('[rt]\nmetrics = "D50%[Gy]"\n')
    monkeypatch.chdir(elsewhere)
    archive = Archive.open(settings)
    assert str(derive(archive)) == "nothing was due"
    archive.close()
    assert metrics(settings) == ["D2%[Gy]", "D95%[Gy]"]


def test_two_archives_in_one_process(tmp_path: Path) -> None:
    found = {}
    for name, metric in (("a", "D95%[Gy]"), ("b", "D2%[Gy]")):
        folder = tmp_path / name
        where = ArchiveSettings(str(folder / "data"), str(folder / "x.db"), "none.sql")
        beside(where, f'[rt]\nmetrics = "{metric}"\n')
        make_patient(where.data, slices=4)
        found[name] = Archive.open(where)
        rebuild(found[name])
    for archive in found.values():
        derive(archive)
        archive.close()
    assert [metrics(archive.settings.archive) for archive in found.values()] == [["D95%[Gy]"], ["D2%[Gy]"]]


def test_names_in_a_file_beside_the_database_are_below_its_folder(
    settings: ArchiveSettings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    beside(settings, '[rt]\nroi_map = "names.csv"\n[watch]\nfolder = "in"\n[archive.devices]\nMAG1 = "old"\n')
    monkeypatch.chdir(tmp_path)
    found, folder = load(database=settings.database), Path(settings.database).parent
    assert found.rt.roi_map == str(folder / "names.csv")
    assert (found.watch.folder, found.log.file) == (str(folder / "in"), "")
    assert found.archive.devices == {"MAG1": str(folder / "old")}
    assert found.archive.data == settings.data
    assert (
        load(database=settings.database, environment={"PYCONQUEST_RT_RT_ROI_MAP": "here.csv"}).rt.roi_map
        == "here.csv"
    )


def test_the_working_directory_may_say_only_where_the_archive_is(
    settings: ArchiveSettings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    text = f"[archive]\ndatabase = {json.dumps(settings.database)}\n[listener]\nport = 11\n"
    (tmp_path / "pyconquest.toml").write_text(text)
    assert load().listener.port == 11
    beside(settings, "[listener]\nport = 12\n")
    assert (load().listener.port, load().archive.database) == (12, settings.database)
    other = tmp_path / "other.toml"
    other.write_text("[listener]\nport = 13\n")
    assert load(other, database=settings.database).listener.port == 13


def test_the_map_beside_the_database_is_used_from_anywhere(
    settings: ArchiveSettings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_patient(settings.data, slices=4)
    fill(settings)
    monkeypatch.chdir(tmp_path)
    (Path(settings.database).parent / "roi_map.csv").write_text("")
    assert load(database=settings.database).rt.roi_map == str(Path(settings.database).parent / "roi_map.csv")


def test_a_database_from_before_settings_counted_makes_nothing_due(derived: ArchiveSettings) -> None:
    """Results under a map of ROI names, from when the map was no part of the version, count as that map's."""
    folder = Path(derived.database).parent
    header = f"{','.join(CSV_COLUMNS)}\n"
    (folder / "roi_map.csv").write_text(header)
    archive = Archive.open(derived)
    archive.database.set_state("settings:structure_set", None)
    # Relations of organs and targets depend on the map too, and are younger than its part in the version.
    others = "SELECT time FROM derivations WHERE extractor <> 'relation' ORDER BY 1"
    before = archive.database.query(others)
    assert derive(archive).counts["done"] == 1
    assert archive.database.query(others) == before
    (folder / "roi_map.csv").write_text(f"{header}Dr,Rectum,rectum,,rct\n")
    archive.close()
    archive = Archive.open(replace(derived))
    summary = derive(archive)
    # the structure set, whose names may be known now, and its relations
    assert (summary.counts["done"], summary.reasons) == (2, [])
    archive.close()
