"""The verb check: what is missing, doubled or contradictory, told before anything is imported."""

import json
import os
from html.parser import HTMLParser
from pathlib import Path
from shutil import copy
from typing import ClassVar

import pytest
from click.testing import CliRunner, Result
from pydicom import dcmread

from pyconquest_rt import pyconquest
from pyconquest_rt.cli.main import main
from pyconquest_rt.demo import make_patients


def check(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["check", *arguments])


def found(*arguments: str) -> dict[tuple[str, str | None], str]:
    """(Kind, patient) → the worst severity."""
    done = check(*arguments, "--json")
    return {
        (one["kind"], one["patient_id"]): one["severity"]
        for one in reversed(json.loads(done.output)["findings"])
    }


@pytest.fixture
def folder(in_folder: Path) -> Path:
    make_patients("export", count=2)
    return in_folder / "export"


def test_a_whole_folder_has_notes_at_most_and_nothing_is_written(folder: Path) -> None:
    before = sorted(path for path in folder.parent.rglob("*"))
    done = check("export", "--json")
    content = json.loads(done.output)
    assert done.exit_code == 0 and content["worst"] == "note" and content["schema"] == 1
    assert [patient["objects"] for patient in content["patients"]] == [44, 44]
    (dose,) = content["patients"][0]["chains"]
    assert (dose["kind"], dose["below"][0]["kind"], dose["state"]) == ("dose", "plan", "ok")
    assert sorted(path for path in folder.parent.rglob("*")) == before


def test_what_is_wrong_is_named(folder: Path) -> None:
    os.unlink("export/DEMO001/RTSTRUCT.dcm")
    os.unlink("export/DEMO002/RTPLAN.dcm")
    copy("export/DEMO001/RTDOSE.dcm", "export/again.dcm")
    Path("export/notes.txt").write_text("x")
    Path("export/cut.dcm").write_bytes(Path("export/DEMO001/RTPLAN.dcm").read_bytes()[:300])
    for number in (5, 6, 7):
        os.unlink(sorted(Path("export/DEMO001").glob("CT*"))[number])
    said = found("export")
    assert said["chain", "DEMO001"] == said["chain", "DEMO002"] == "error"
    assert said["no DVH", "DEMO001"] == said["no DVH", "DEMO002"] == "warning"
    assert said["volume", "DEMO001"] == "warning" and said["doubled", None] == "warning"
    texts = [one["text"] for one in json.loads(check("export", "--json").output)["findings"]]
    assert "the structure set is referred to and not there" in texts
    refused = {
        one["subject"]: one["severity"]
        for one in json.loads(check("export", "--json").output)["findings"]
        if one["kind"] == "refused file"
    }
    assert refused == {"notes.txt": "note", "cut.dcm": "error"}
    assert check("export").exit_code == 1


def test_an_empty_scan_and_no_folder_are_refused(in_folder: Path) -> None:
    Path("empty").mkdir()
    assert "no DICOM object in empty (no files)" in check("empty").output
    Path("empty/a.txt").write_text("x")
    assert check("empty").exit_code == 1 and "1 x not a DICOM file" in check("empty").output
    assert check().exit_code == 2 and check("empty", "--archive").exit_code == 2


def test_the_archive_is_looked_at_as_it_is(archive: pyconquest) -> None:
    make_patients("data", count=1)
    os.unlink("data/DEMO001/RTPLAN.dcm")
    archive.rebuild_database_from_dicom()
    archive.derive()
    done = check("--archive")
    assert done.exit_code == 1 and "the plan is referred to and not there" in done.output


def test_the_page_is_one_file_and_takes_nothing_for_markup(folder: Path) -> None:
    for path in Path("export/DEMO001").iterdir():
        data_set = dcmread(path)
        data_set.PatientName = "<script>alert(1)</script>"
        data_set.save_as(path)
    assert check("export", "--html", "check.html").exit_code == 0

    class Tags(HTMLParser):
        names: ClassVar[set[str]] = set()

        def handle_starttag(self, tag: str, attrs: object) -> None:
            self.names.add(tag)

    parser = Tags()
    text = Path("check.html").read_text()
    parser.feed(text)
    assert parser.names.isdisjoint({"script", "link", "img"}) and {"table", "pre"} <= parser.names
    assert "&lt;script&gt;" in text and "└─ plan" in text
