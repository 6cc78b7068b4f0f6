"""File names: Conquest's syntaxes and templates, always inside the archive, never one for two instances."""

import os
import re
import shutil
from io import BytesIO
from pathlib import Path
from typing import Any, BinaryIO

import pytest
from click.testing import CliRunner
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydicom import dcmread
from pydicom.dataset import Dataset
from samples import make_object, save

from pyconquest_rt.archive.arrival import Reception
from pyconquest_rt.archive.naming import MAX_LENGTH, SYNTAXES, naming
from pyconquest_rt.cli.main import main
from pyconquest_rt.errors import SettingsError
from pyconquest_rt.scu import send_files
from pyconquest_rt.service.node import Node
from pyconquest_rt.settings.file import load
from pyconquest_rt.settings.sections import (
    ArchiveSettings,
    DeriveSettings,
    ListenerSettings,
    ReceiveSettings,
    Settings,
)

ROOT = "1.2.826.0.1.3680043.10.1"
MOMENT = r"\d{10}"
COUNTER = r"[0-9a-f]{4}"
OBJECT: dict[str, Any] = {
    "patient": "1234567890123456789",
    "PatientName": "Lastname^First",
    "StudyID": "S1",
    "instance": 5,
    "StudyDescription": "Thorax / routine",
    "ImageID": "IMG",
}


def named(folder: Path, syntax: str, **tags: Any) -> str:
    data_set = make_object(**(OBJECT | tags))
    staged = save(data_set, folder / "staged.tmp")
    return naming(syntax, folder / "data")(data_set.PatientID, data_set.SOPInstanceUID, staged)


# What Conquest's source and a run of it give (its FileNameSyntax 4 was measured), with our escapes and extension.
@pytest.mark.parametrize(
    ("syntax", "expected"),
    [
        ("standard", rf"1234567890123456789/{ROOT}.1.1.5\.dcm"),
        ("0", rf"Lastname_12345678/1_5_{MOMENT}\.dcm"),
        ("1", rf"Lastname_12345678/0001_000005_{MOMENT}{COUNTER}\.dcm"),
        ("2", rf"Lastname_12345678/{ROOT}.1.1_0001_000005_{MOMENT}{COUNTER}\.dcm"),
        ("3", rf"1234567890123456/{ROOT}.1.1_0001_000005_{MOMENT}{COUNTER}\.dcm"),
        ("4", rf"1234567890123456/{ROOT}.1.1_0001_000005_{MOMENT}{COUNTER}\.dcm"),
        ("5", rf"Lastname\^First/{ROOT}.1.1_0001_000005_{MOMENT}{COUNTER}\.dcm"),
        ("6", rf"1234567890123456789/{ROOT}.1/{ROOT}.1.1/{ROOT}.1.1.5\.dcm"),
        ("7", rf"{ROOT}.1/{ROOT}.1.1/{ROOT}.1.1.5\.dcm"),
        ("8", rf"1234567890123456789/{ROOT}.1/{ROOT}.1.1/{ROOT}.1.1.5\.dcm"),
        ("9", rf"{ROOT}.1/{ROOT}.1.1/{ROOT}.1.1.5\.dcm"),
        ("10", rf"Images/{ROOT}.1.1.5\.dcm"),
        ("11", rf"Lastname\^First/{ROOT}.1/{ROOT}.1.1/{ROOT}.1.1.5\.dcm"),
        ("12", rf"Lastname\^First_1234567890123456789/CT_S1/1/{ROOT}.1.1.5\.dcm"),
        (r"%studydate[0,3]\%name_%id\%sopuid.v2", rf"2024/Lastname\^First_123456789\d+/{ROOT}.1.1.5\.dcm"),
        ("%modality/%studyid/%seriesid/%imagenum.DCM", r"CT/S1/1/5\.dcm"),
        ("%studydesc/%imageid", r"Thorax %2F routine/IMG\.dcm"),
        ("%v0018,0050/%V0010,0010[0,3]", r"empty/Last\.dcm"),
        ("%date/%counter[2,3]", r"20\d{6}/[0-9a-f]{2}\.dcm"),
        ("%callingae-%calledae/%sopuid", rf"empty-empty/{ROOT}.1.1.5\.dcm"),
    ],
)
def test_names(tmp_path: Path, syntax: str, expected: str) -> None:
    assert re.fullmatch(expected, named(tmp_path, syntax))


def test_missing_numbers_and_titles_of_the_peers(tmp_path: Path) -> None:
    assert named(tmp_path, "%series_%image/%sopuid", SeriesNumber=None).startswith("0000_000005/")
    data_set = make_object()
    data_set.file_meta.SendingApplicationEntityTitle = "THEIRS"
    data_set.file_meta.ReceivingApplicationEntityTitle = "OURS"
    staged = save(data_set, tmp_path / "a.tmp")
    assert (
        naming("%callingae/%calledae", tmp_path)("P1", data_set.SOPInstanceUID, staged) == "THEIRS/OURS.dcm"
    )


@pytest.mark.parametrize(
    ("syntax", "reason"),
    [
        ("13", "no FileNameSyntax 13"),
        ("%nonsense/%sopuid", "%nonsense"),
        ("100%", "unknown variable"),
        ("plain", "no % variable"),
        ("", "no % variable"),
        ("/%id", "relative"),
        ("../%id", "relative"),
        ("%id/", "relative"),
        ("%id[5,2]", r"\[5,2\]"),
        ("/".join(["%id"] * 17), "16 parts"),
    ],
)
def test_syntaxes_that_cannot_be_used(tmp_path: Path, syntax: str, reason: str) -> None:
    with pytest.raises(SettingsError, match=reason):
        naming(syntax, tmp_path)


hostile = st.text(st.characters(blacklist_categories=["Cs"], blacklist_characters="\\\0"), max_size=64)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(value=st.one_of(hostile, st.sampled_from(["..", "../..", "/etc/x", ".x", "CON", "-rf", "", "a" * 64])))
@pytest.mark.parametrize("syntax", ["5", "12", "%studydesc/%studydesc"])
def test_no_value_leads_out_of_the_archive(tmp_path: Path, syntax: str, value: str) -> None:
    data_set = make_object(StudyDescription=value, PatientName=value, StudyID=value[:16])
    data_set.SpecificCharacterSet = "ISO_IR 192"
    staged = save(data_set, tmp_path / "staged.tmp")
    name = naming(syntax, tmp_path / "data")(value, data_set.SOPInstanceUID, staged)
    target = Path(os.path.normpath(tmp_path / "data" / name))
    assert target == tmp_path / "data" / name
    assert len(name) <= MAX_LENGTH and name.endswith(".dcm")
    assert not any(part.startswith((".", "-", " ")) for part in name.split("/"))


def receive(reception: Reception, data_set: Dataset) -> None:
    data_set.file_meta.MediaStorageSOPClassUID = data_set.SOPClassUID
    data_set.file_meta.MediaStorageSOPInstanceUID = data_set.SOPInstanceUID
    buffer = BytesIO()
    data_set.save_as(buffer, enforce_file_format=True)

    class Received:
        file: BinaryIO
        sop_instance_uid = data_set.SOPInstanceUID

    with reception.stage(data_set.SOPInstanceUID) as file:
        file.write(buffer.getvalue())
        file.flush()
        received = Received()
        received.file = file
        reception.accept(received)


@pytest.mark.parametrize("write_to_database", [True, False])
@pytest.mark.parametrize("syntax", ["%id", "%modality/%id", *map(str, range(len(SYNTAXES)))])
def test_two_instances_never_share_a_file(tmp_path: Path, syntax: str, write_to_database: bool) -> None:
    data = tmp_path / "data"
    archive = ArchiveSettings(str(data), str(tmp_path / "a.db"), "")
    reception = Reception(archive, write_to_database=write_to_database, name_of=naming(syntax, data))
    objects = [make_object(instance=number, InstanceNumber=1) for number in range(3)]
    for data_set in objects:
        receive(reception, data_set)
    stable = "time" not in (SYNTAXES[int(syntax)] if syntax.isdecimal() else syntax)
    if write_to_database or stable:
        receive(reception, objects[1])  # the same instance again keeps its file
    reception.close()
    found = [dcmread(path).SOPInstanceUID for path in data.rglob("*.dcm")]
    assert sorted(found) == [data_set.SOPInstanceUID for data_set in objects]


def test_the_counter_counts_by_one(tmp_path: Path) -> None:
    staged = save(make_object(), tmp_path / "a.tmp")
    name_of = naming("%id/%counter", tmp_path / "data")
    assert [name_of("P1", f"1.{n}", staged) for n in range(3)] == [f"P1/{n:04x}.dcm" for n in range(3)]


def test_a_name_that_a_folder_or_junk_has(tmp_path: Path) -> None:
    data_set = make_object()
    uid = data_set.SOPInstanceUID
    staged = save(data_set, tmp_path / "a.tmp")
    (tmp_path / "data" / "P1.dcm").mkdir(parents=True)
    (tmp_path / "data" / f"P1_{uid}.dcm").write_text("junk")
    name_of = naming("%id", tmp_path / "data")
    assert name_of("P1", uid, staged) == f"P1_{uid}_1.dcm"
    shutil.copy(staged, tmp_path / "data" / f"P1_{uid}_1.dcm")
    assert name_of("P1", uid, staged) == f"P1_{uid}_1.dcm"


def test_the_setting_and_the_option(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert load().receive.file_names == "standard"
    (tmp_path / "pyconquest.toml").write_text('[receive]\nfile_names = "%bad"\n')
    assert load().receive.file_names == "%bad"
    for arguments in (["listen", "--port", "0"], ["listen", "--port", "0", "--file-names", "99"]):
        result = CliRunner().invoke(main, arguments)
        assert result.exit_code == 1 and "file_names: " in result.output


def test_an_instance_that_comes_again_keeps_its_name(tmp_path: Path) -> None:
    data_set = make_object()
    staged = save(data_set, tmp_path / "a.tmp")
    data = tmp_path / "data"
    name_of = naming("4", data)
    first = name_of("P1", data_set.SOPInstanceUID, staged)
    assert name_of("P1", data_set.SOPInstanceUID, staged) == first
    save(make_object(instance=2), data / first)  # somebody else has taken the name
    assert name_of("P1", data_set.SOPInstanceUID, staged) != first


def test_files_only_keeps_one_file_of_each_instance(tmp_path: Path) -> None:
    archive = ArchiveSettings(str(tmp_path / "data"), str(tmp_path / "a.db"), str(tmp_path / "none.sql"))
    node_settings = Settings(
        archive,
        ListenerSettings(port=0),
        receive=ReceiveSettings(file_names="4"),
        derive=DeriveSettings(workers=0),
    )
    files = [save(make_object(instance=number), tmp_path / f"{number}.dcm") for number in range(1, 9)]
    with Node(node_settings, write_to_database=False) as node:
        for _ in range(2):
            assert send_files(files * 2, "127.0.0.1", node.port, "ANY", parallel=4).ok
    assert len(list((tmp_path / "data").rglob("*.dcm"))) == 8
