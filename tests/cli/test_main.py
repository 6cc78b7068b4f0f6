"""The command line: verbs do what their functions do, and end with a status that says how it went."""

import json
import pkgutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from importlib import import_module
from pathlib import Path

import click
import pytest
from click.testing import CliRunner, Result
from pydicom import dcmread
from pydicom.data import get_testdata_file
from samples import make_object, save

from pyconquest_rt import cli
from pyconquest_rt.archive.archive import Archive
from pyconquest_rt.cli.main import MODULES, main
from pyconquest_rt.demo import make_patients
from pyconquest_rt.indexer import rebuild
from pyconquest_rt.settings.sections import ArchiveSettings

Run = Callable[..., Result]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Run]:
    monkeypatch.chdir(tmp_path)

    def call(*arguments: str, code: int = 0) -> Result:
        result = CliRunner().invoke(main, list(arguments))
        assert result.exit_code == code, result.output + repr(result.exception)
        return result

    yield call


def verbs_of(command: click.Command) -> dict[str, click.Command]:
    """The verbs of a group by their names; none of a verb."""
    if not isinstance(command, click.Group):
        return {}
    context = click.Context(command)
    return {name: command.get_command(context, name) for name in command.list_commands(context)}  # type: ignore[misc]


def test_the_list_of_modules_names_every_verb() -> None:
    listed = {}
    for module in pkgutil.iter_modules(cli.__path__):
        verbs = getattr(import_module(f"pyconquest_rt.cli.{module.name}"), "VERBS", None)
        if verbs is not None:
            listed[module.name] = " ".join(verb.name for verb in verbs)
    assert listed == MODULES


def test_every_verb_has_help(run: Run) -> None:
    for name, verb in verbs_of(main).items():
        assert verb.help, name
        assert "Usage" in run(name, "--help").output


def test_every_verb_takes_the_options_that_name_an_archive() -> None:
    def verbs(command: click.Command) -> Iterator[click.Command]:
        if isinstance(command, click.Group):
            for verb in verbs_of(command).values():
                yield from verbs(verb)
        else:
            yield command

    for verb in verbs(main):
        names = [name for parameter in verb.params for name in parameter.opts]
        assert {name: names.count(name) for name in ("--data", "--database", "--sql")} == {
            "--data": 1,
            "--database": 1,
            "--sql": 1,
        }, verb.name


def test_help_needs_no_dicom_library() -> None:
    code = (
        "import sys; from pyconquest_rt.cli.main import main\n"
        "try: main(['--help'])\nexcept SystemExit: pass\n"
        "heavy = ('pydicom', 'pynetdicom', 'numpy', 'sqlite3', 'scipy', 'logging.handlers')\n"
        "print([m for m in heavy if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.rstrip().endswith("[]")


@pytest.mark.parametrize("program", ["worker", "command"])
def test_no_value_of_a_patient_reaches_the_output_by_a_warning(tmp_path: Path, program: str) -> None:
    """pydicom quotes what it finds invalid, as the UID of a frame of reference here."""
    dose = dcmread(get_testdata_file("rtdose.dcm"))
    save(dose, tmp_path / "data" / "P1" / "dose.dcm")
    ingest = Archive.open(ArchiveSettings(str(tmp_path / "data"), str(tmp_path / "conquest.db"), ""))
    rebuild(ingest)
    ingest.close()
    code = {
        "worker": "import pyconquest_rt.worker; pyconquest_rt.worker.main()",
        "command": "from pyconquest_rt.cli.main import main; main()",
    }[program]
    arguments = {"worker": ["--once"], "command": ["derive"]}[program]
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert "Warning" not in done.stderr
    with sqlite3.connect(tmp_path / "conquest.db") as connection:
        assert connection.execute("SELECT count(*) FROM rt_dose").fetchone() == (1,)


def test_a_tree_is_indexed_queried_and_dumped(run: Run, tmp_path: Path) -> None:
    for number in range(3):
        save(make_object(instance=number), tmp_path / "data" / "P1" / f"{number}.dcm")
    (tmp_path / "data" / "junk").write_text("junk")
    output = run("rebuild").output
    assert "4 files read (3 indexed" in output
    assert "rejected junk: " in output
    assert json.loads(run("rebuild", "--json").output)["unchanged"] == 4
    assert run("verify").output.startswith("index and files agree: ")
    assert "P1" in run("summary").output
    assert json.loads(run("query", "SELECT count(*) AS n FROM DICOMImages", "--json").output) == [{"n": 3}]
    run("dump", "DICOMPatients", "--output", "p.csv")
    assert (tmp_path / "p.csv").read_text("utf-8").startswith("PatientID,PatientNam")
    run("query", "SELECT nonsense", code=1)
    (tmp_path / "data" / "P1" / "0.dcm").unlink()
    assert "row without a file" in run("verify", code=1).output
    run("verify", "--fix")


@pytest.mark.parametrize(
    "arguments",
    [
        ["verify"],
        ["verify", "--fix"],
        ["summary"],
        ["query", "SELECT 1"],
        ["dump", "DICOMSeries"],
        ["copy", "out", "--series", "1.2"],
        ["delete", "--series", "1.2", "--yes"],
        ["merge-patient", "A", "B"],
        ["correct", "patient", "A", "PatientName=B"],
        ["rebuild"],
        ["jobs", "list"],
    ],
)
def test_what_is_not_there_is_not_made(run: Run, tmp_path: Path, arguments: list[str]) -> None:
    output = run(*arguments, code=0 if arguments[0] == "jobs" else 1).output
    assert "there is no" in output or arguments[0] == "jobs"
    assert list(tmp_path.iterdir()) == []


def test_only_one_patient_is_rebuilt_wherever_its_files_lie(run: Run, tmp_path: Path) -> None:
    save(make_object(), tmp_path / "data" / "Name_P1" / "1.dcm")
    save(make_object(patient="P2", study=2), tmp_path / "data" / "P2" / "1.dcm")
    assert "2 indexed" in run("rebuild").output
    save(make_object(instance=2), tmp_path / "data" / "Name_P1" / "2.dcm")
    save(make_object(patient="P2", study=2, instance=2), tmp_path / "data" / "P2" / "2.dcm")
    assert "1 files read (1 indexed" in run("rebuild", "--patient", "P1").output
    assert "2 files read (0 indexed, 2 updated" in run("rebuild", "--patient", "P1", "--all").output
    assert "no files and no rows of patient P9" in run("rebuild", "--patient", "P9", code=1).output


def test_failures_are_one_line(run: Run, tmp_path: Path) -> None:
    save(make_object(), tmp_path / "data" / "P1" / "1.dcm")
    run("rebuild")
    for arguments in (
        ["dump", "DICOMSeries", "--output", "nowhere/x.csv"],
        ["dump", "nonsense"],
        ["copy", "out", "--series", "1.2.3"],
        ["copy", "out", "--query", "SELECT 1 AS one"],
        ["delete", "--series", "1.2.3", "--yes"],
        ["delete", "--patient", "P9", "--yes"],
        ["tags", "data/P1/1.dcm", "Nonsense"],
        ["tags", "data/P1/1.dcm", "PatientComments=none"],
    ):
        output = run(*arguments, code=1).output
        assert output.startswith("Error: ")
        assert output.count("\n") == 1
    for arguments in (["dump", "DICOMSeries", "--delimiter", ";;"], ["copy", "out"], ["dump"]):
        assert "Usage: " in run(*arguments, code=2).output
    other = sqlite3.connect(tmp_path / "conquest.db")
    other.execute(
        "CREATE TRIGGER full BEFORE INSERT ON files BEGIN SELECT RAISE(ABORT, 'the disk is full'); END"
    )
    other.close()
    save(make_object(instance=2), tmp_path / "data" / "P1" / "2.dcm")
    assert run("rebuild", code=1).output == "Error: the disk is full\n"


def test_a_change_that_contradicts_the_index_is_told(run: Run, tmp_path: Path) -> None:
    for number in (1, 2):
        save(make_object(instance=number), tmp_path / "data" / "P1" / f"{number}.dcm")
    run("rebuild")
    output = run("tags", "data/P1/1.dcm", "StudyInstanceUID=1.2.3", code=1).output
    assert "is no longer indexed: series 1.2.826.0.1.3680043.10.1.1.1 is indexed in study" in output


def test_changing_a_file_elsewhere_makes_no_database(run: Run, tmp_path: Path) -> None:
    save(make_object(), tmp_path / "1.dcm")
    assert "Somebody" in run("tags", "1.dcm", "PatientName=Somebody", "0010,0020=P7").output
    assert dcmread(tmp_path / "1.dcm").PatientID == "P7"
    assert [path.name for path in tmp_path.iterdir()] == ["1.dcm"]


def test_a_dump_without_rows_says_so(run: Run, tmp_path: Path) -> None:
    save(make_object(), tmp_path / "data" / "P1" / "1.dcm")
    run("rebuild")
    assert run("dump", "DICOMWorkList").output == "DICOMWorkList.csv: no rows, not written\n"
    assert not (tmp_path / "DICOMWorkList.csv").exists()


def test_settings_come_from_the_working_directory(run: Run, tmp_path: Path) -> None:
    (tmp_path / "pyconquest.toml").write_text('[archive]\ndata = "elsewhere"\ndatabase = "other.db"\n')
    save(make_object(), tmp_path / "elsewhere" / "1.dcm")
    assert "1 indexed" in run("rebuild").output
    assert (tmp_path / "other.db").exists()
    (tmp_path / "pyconquest.toml").write_text('[archive]\ndatum = "elsewhere"\n')
    assert "datum" in run("rebuild", code=1).output


def test_settings_may_lie_elsewhere(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYCONQUEST_RT_SETTINGS", "")
    (tmp_path / "pyconquest.toml").write_text("[listener]\nport = 1\n")
    (tmp_path / "other.toml").write_text("[listener]\nport = 2\n")
    assert json.loads(run("config", "show", "--json").output)["listener"]["port"] == 1
    assert (
        "none.toml: no such settings file" in run("--settings", "none.toml", "config", "show", code=1).output
    )
    shown = run("--settings", str(tmp_path / "other.toml"), "config", "show", "--json")
    assert json.loads(shown.output)["listener"]["port"] == 2


def test_a_conquest_s_own_settings_are_read_where_they_lie(run: Run, tmp_path: Path) -> None:
    (tmp_path / "dicom.ini").write_text(
        "[sscscp]\nMyACRNema = SRV\nTCPPort = 5679\nSQLite = 1\nSQLServer = c.db3\nMAGDevice0 = ./MAG0/\n"
    )
    save(make_object(), tmp_path / "MAG0" / "P1" / "1.dcm")
    assert "1 indexed" in run("rebuild").output
    assert (tmp_path / "c.db3").exists()


def test_objects_are_stored_copied_changed_and_deleted(run: Run, tmp_path: Path) -> None:
    make_patients(tmp_path / "export", count=2)
    assert "88 stored, 0 refused" in run("store", "export").output
    series = "SELECT SeriesInst FROM DICOMSeries WHERE Modality = 'RTDOSE'"
    assert "2 files copied" in run("copy", "out", "--query", series).output
    (dose,) = (tmp_path / "data" / "DEMO001").glob("*RTDOSE*") or (None,)
    if dose is None:  # stored under another name
        name = json.loads(run("query", "SELECT ObjectFile FROM DICOMImages LIMIT 1", "--json").output)
        dose = tmp_path / "data" / name[0]["ObjectFile"]
    run("tags", str(dose), "InstitutionName=Somewhere", "--create")
    assert "Somewhere" in run("tags", str(dose), "InstitutionName").output
    run("tags", str(dose), "NoSuchKeyword", code=1)
    assert "44 images moved" in run("merge-patient", "DEMO002", "DEMO001").output
    assert "0 images moved" in run("merge-patient", "DEMO002", "DEMO001").output  # it is done already
    run("merge-patient", "NOBODY", "DEMO001", code=1)
    run("correct", "patient", "DEMO001", "PatientName=Right^Name")
    rows = json.loads(run("query", "SELECT PatientNam FROM DICOMPatients", "--json").output)
    assert rows == [{"PatientNam": "Right^Name"}]
    run("correct", "patient", "DEMO001", "PatientID=X", code=1)
    assert (
        "2 series, 2 images, 2 files deleted" in run("delete", "--query", series, "--files", "--yes").output
    )
    actions = json.loads(run("query", "SELECT DISTINCT action FROM audit ORDER BY 1", "--json").output)
    assert [row["action"] for row in actions] == [
        "change-file",
        "correct-patient",
        "delete-series",
        "merge-patient",
        "move-study",
    ]


def test_dvhs_roi_names_and_doses(run: Run, tmp_path: Path) -> None:
    make_patients(tmp_path / "export")
    run("store", "export")
    assert "done" in run("derive").output
    table = json.loads(
        run("dvh", "DEMO001", "--json", "--csv", "d.csv", "--plot", "d.png").output.split("\n", 2)[2]
    )
    assert {row["tg263_name"] for row in table} >= {"Body", "Lung_L", "PTV_6000"}
    assert (tmp_path / "d.png").read_bytes().startswith(b"\x89PNG")
    run("dvh", "NOBODY", code=1)
    rows = json.loads(run("dvh", "--roi", "lung_?", "--mean", ":5", "--rx", "60", "--json").output)
    assert {row["roi_name"] for row in rows} <= {"Lung_L", "Lung_R"} and all(
        row["mean_gy"] <= 5 for row in rows
    )
    assert "no range of doses" in run("dvh", "--rx", "many", code=2).output
    assert "no DVHs of site prostate" in run("dvh", "--site", "prostate", code=1).output
    assert run("site", "DEMO001", "Prostate").output == "1 plan(s)\n"
    cohort = run("dvh", "--site", "prostate", "--cohort", "--plot", "c.png", "--csv", "c.csv").output
    assert cohort.splitlines()[2].split() == [
        "dose_gy",
        "mean",
        "p10",
        "p25",
        "p50",
        "p75",
        "p90",
        "n",
        "patients",
    ]
    assert (tmp_path / "c.png").read_bytes().startswith(b"\x89PNG")
    assert run("site", "DEMO001").output == "1 plan(s)\n"
    run("dvh", "--site", "prostate", code=1)
    run("site", "NOBODY", "Prostate", code=1)
    assert "Lung_L" in run("roi", "list").output
    assert "7 names mapped" in run("roi", "map").output
    run("roi", "check", "Lung_L")
    run("roi", "check", "a name that is far too long for it", code=1)
    found = run("roi", "check", "Heart", "HEART", code=1).output
    assert "HEART: the same as 'Heart' but for case (unique)\n" in found
    study = json.loads(run("query", "SELECT StudyInsta FROM DICOMStudies", "--json").output)[0]["StudyInsta"]
    doses = json.loads(run("dose", "study", study, "--json").output)
    assert doses["dose_study"][0]["total_dlp_mGycm"] == pytest.approx(116.52)
    assert json.loads(run("dose", "summary", "--json").output)
    assert "rows" in run("dose", "export", "dose_event", "--csv", "e.csv").output
    assert "p.png: " in run("dose", "plot", "p.png").output
    assert "no examination has" in run("dose", "plot", "none.png", "--quantity", "activity", code=1).output


def test_the_site_says_which_metrics_and_names_there_are(run: Run, tmp_path: Path) -> None:
    (tmp_path / "pyconquest.toml").write_text('[rt]\nmetrics = "D77%[Gy] Mean[Gy]"\n')
    make_patients(tmp_path / "export")
    run("store", "export")
    run("derive")
    rows = json.loads(run("query", "SELECT DISTINCT metric FROM dvh_metrics ORDER BY 1", "--json").output)
    assert rows == [{"metric": "D77%[Gy]"}, {"metric": "Mean[Gy]"}]


def test_the_demonstration(run: Run) -> None:
    output = run("demo", "--once", "--port", "0").output
    assert "PYCONQUEST@127.0.0.1:" in output
    assert "44 objects sent over the network, 0 failed" in output
    assert "PTV_6000" in output


def test_a_conquest_server_is_adopted(run: Run, tmp_path: Path) -> None:
    server = tmp_path / "conquest"
    save(make_object(), server / "MAG0" / "P1" / "1.dcm")
    (server / "dicom.ini").write_text(
        "[sscscp]\nMyACRNema = CONQUESTSRV1\nSQLite = 1\nSQLServer = ./dbase/conquest.db3\n"
        "MAGDevices = 1\nMAGDevice0 = ./MAG0/\nkFactorFile = dicom.sql\n"
    )
    (server / "dbase").mkdir()
    assert "1 indexed" in run("adopt", "conquest").output
    assert "P1" in run("summary").output
    assert "is there already" in run("adopt", "conquest", code=1).output
    (tmp_path / "pyconquest.toml").unlink()
    assert "holds no archive" in run("adopt", "conquest/MAG0", code=1).output
