"""Writes a database as an earlier commit's code does, and dumps it as SQL: ``make.py COMMIT TARGET.sql``.

The code of the commit comes from git; the objects are those of :func:`objects`, which the tests make too. Rows that
nothing can make again (audit, runs of jobs, forwards, a person's mapping of ROI names, a table of the user's own) are
put in as SQL. Run it in the repository with the package's own environment.
"""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

REPOSITORY = Path(__file__).parents[3]
TIME_NS = 1_700_000_000 * 10**9

USER_ROWS = {
    "audit": "INSERT INTO audit(time, action, subject, detail) VALUES ('2026-01-02', 'delete-series', '1.2.3', 'a')",
    "job_runs": "INSERT INTO job_runs(name, started, seconds, state, result) VALUES ('backup', 'x', 1.5, 'done', '{}')",
    "watched": "INSERT INTO watched VALUES ('in/1.dcm', 10, 20)",
    "forward_rules": "INSERT INTO forward_rules(name, aet, host, port, calling_aet) VALUES ('r', 'A', 'h', 1, 'B')",
    "forward_queue": "INSERT INTO forward_queue(rule, sop, state) VALUES ('r', '1.2.3', 'queued')",
    "dvh": "UPDATE dvh SET curve_cc = NULL",  # they would make the dumps long
    "corrections": "INSERT INTO corrections(level, uid, tag, former, value, time) "
    "VALUES ('study', '1.2.3', 1048608, 'A', 'B', '2026-01-02')",
    "pseudonyms": "INSERT INTO pseudonyms VALUES ('patient', 'DEMO001', 'P123')",
    "roi_name": "UPDATE roi_name SET institutional_name = 'by a person', method = 'exact' WHERE raw_name = 'BODY'",
}

IN_THE_COMMIT = """
import importlib, sys
from pyconquest_rt.settings import ArchiveSettings
from pyconquest_rt.indexer import rebuild
from pyconquest_rt.ingest import Ingest

ingest = Ingest.open(ArchiveSettings("data", "x.db", "none.sql"))
rebuild(ingest)
database = ingest.database
for module in ("derive.engine", "derive"):  # where it is, and where it was in earlier commits
    try:
        importlib.import_module("pyconquest_rt." + module).derive(ingest)
        break
    except (ImportError, AttributeError):
        continue
for module, component in (
    ("jobs", "jobs"),  # where these were in earlier commits
    ("watch", "watch"),
    ("service.jobs", "jobs"),
    ("service.watch", "watch"),
    ("exports.pseudonym_map", "pseudonyms"),
):
    try:
        scripts = importlib.import_module("pyconquest_rt." + module).SCHEMA
    except (ImportError, AttributeError):
        continue
    database.migrate(component, scripts)
connection = database.connection
connection.execute("CREATE TABLE my_notes(SOPInstanceUID TEXT, note TEXT)")
connection.execute("INSERT INTO my_notes VALUES ('1.2.3', 'looked at it')")
for table, statement in ROWS.items():
    if database.has(table):
        connection.execute(statement)
with open(sys.argv[1], "w", encoding="utf-8") as file:
    file.writelines(line + "\\n" for line in connection.iterdump())
"""


def objects(data: Path) -> None:
    """Write a patient's objects, and a file that is none, as old as they were when the dumps were made."""
    from pyconquest_rt.demo import make_patient

    make_patient(data, "DEMO001", slices=2, pixels=16)
    (data / "DEMO001/notes.txt").write_text("not DICOM")
    for path in data.rglob("*"):
        os.utime(path, ns=(TIME_NS, TIME_NS))


def main() -> None:
    """Make one dump."""
    commit, target = sys.argv[1], Path(sys.argv[2]).absolute()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "code").mkdir()
        archive = subprocess.run(
            ["git", "archive", commit, "pyconquest_rt"], cwd=REPOSITORY, stdout=subprocess.PIPE, check=True
        )
        subprocess.run(["tar", "x", "-C", folder / "code"], input=archive.stdout, check=True)
        sys.path.insert(0, str(REPOSITORY))
        objects(folder / "data")
        subprocess.run(
            [sys.executable, "-c", f"ROWS = {USER_ROWS!r}\n{IN_THE_COMMIT}", target],
            cwd=folder,
            env={**os.environ, "PYTHONPATH": str(folder / "code")},
            check=True,
        )


if __name__ == "__main__":
    main()
