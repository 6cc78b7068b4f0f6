"""Exports, read back by pydicom, DCMTK and the archive itself: nothing of the patient, and all of the treatment."""

import csv
import shutil
import stat
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from pydicom import dcmread
from pydicom.data import get_testdata_file
from samples import SHARED_DATA, needs_shared_data

from pyconquest_rt import demo, indexer
from pyconquest_rt.archive.archive import Archive
from pyconquest_rt.cli.main import main
from pyconquest_rt.compat.pyconquest import pyconquest
from pyconquest_rt.derive import engine as derive
from pyconquest_rt.errors import DatabaseError, SettingsError, StorageError
from pyconquest_rt.exports import objects
from pyconquest_rt.exports.objects import Exported, Pseudonymisation, export, select
from pyconquest_rt.settings.sections import ArchiveSettings

PATIENT = "MRN4711"
_IDENTIFYING = (
    "PatientName",
    "PatientID",
    "PatientBirthDate",
    "AccessionNumber",
    "OtherPatientIDs",
    "StudyID",
)
_IDENTIFYING += (
    "ReferringPhysicianName",
    "OperatorsName",
    "InstitutionName",
    "StationName",
    "DeviceSerialNumber",
)


@pytest.fixture
def treated(ingest: Archive, data: Path) -> Archive:
    """An archive with one patient's CT, structure set, plan, dose and dose report, all with traces of the patient."""
    for path in demo.make_patient(data, PATIENT, "Doering^Wilhelmina", slices=6, pixels=64):
        data_set = dcmread(path)
        data_set.PatientBirthDate, data_set.AccessionNumber = "19480417", "ACC0815"
        data_set.OtherPatientIDs, data_set.StationName = ["SSN123456"], "LINAC7NORTH"
        data_set.SeriesDescription = "Wilhelmina for ACC0815"
        data_set.private_block(0x0011, "VENDOR", create=True).add_new(1, "LO", "Doering, Wilhelmina")
        data_set.save_as(path)
    indexer.rebuild(ingest)
    derive.derive(ingest)
    return ingest


def run(ingest: Archive, destination: Path, **keywords: Any) -> Exported:
    options = Pseudonymisation(**keywords)
    return export(ingest, select(ingest, patients=[PATIENT]), destination, pseudonymise=options)


def traces(data: Path) -> set[bytes]:
    """Everything by which the objects below a folder could be known again: identifiers, names, and every UID."""
    found: set[str] = {"Doering", "Wilhelmina"}
    for path in data.rglob("*.dcm"):
        data_set = dcmread(path)
        found |= {str(value) for key in _IDENTIFYING for value in [data_set.get(key)] if value}
        for element in data_set.iterall():
            if element.VR == "UI" and not element.keyword.endswith("ClassUID") and element.value:
                found |= set(str(element.value).strip("[]").replace("'", "").split(", "))
    return {text.encode() for text in found if len(text) > 3 and not text.startswith("1.2.840.10008.")}


def index_of(folder: Path, tmp_path: Path) -> Archive:
    ingest = Archive.open(
        ArchiveSettings(str(folder), str(tmp_path / "other.db"), str(tmp_path / "dicom.sql"))
    )
    assert not indexer.rebuild(ingest).rejected
    derive.derive(ingest)
    return ingest


def test_no_byte_leads_back(treated: Archive, data: Path, tmp_path: Path) -> None:
    wanted = traces(data)
    assert {b"MRN4711", b"19480417", b"ACC0815", b"Doering^Wilhelmina"} <= wanted and len(wanted) > 20
    exported = run(treated, tmp_path / "out", keep=["roi-names", "labels", "descriptions"])
    assert len(exported.files) == 10 and not exported.refused
    files = [path for path in (tmp_path / "out").rglob("*") if path.is_file()]
    assert sorted(map(str, files)) == sorted(exported.files)
    for path in files:
        content = path.read_bytes() + str(path.relative_to(tmp_path)).encode()
        assert [trace for trace in wanted if trace.lower() in content.lower()] == [], path.name


@pytest.mark.skipif(not shutil.which("dcmdump"), reason="DCMTK is not installed")
def test_dcmtk_reads_it_and_finds_nothing(treated: Archive, tmp_path: Path) -> None:
    for file in run(treated, tmp_path / "out").files:
        dump = subprocess.run(["dcmdump", "+L", file], capture_output=True, check=True)
        assert not dump.stderr and b"PatientIdentityRemoved" in dump.stdout
        assert not any(
            word in dump.stdout for word in (b"Doering", b"MRN4711", b"[19480417]", b"ACC0815", b"LINAC7")
        )


def test_an_independent_checker_finds_nothing(treated: Archive, tmp_path: Path) -> None:
    verify_output = pytest.importorskip("dcm_anon.verify_output", reason="dcm-anonymizer is not installed")
    run(treated, tmp_path / "out", dates="remove")
    found = verify_output.scan_outputs(tmp_path / "out").residuals
    ours = {"PatientName", "PatientID"}  # pseudonyms, which it takes for names
    dummies = ("ANONYMIZED", "00010101", "000000.00")
    assert [r for r in found if r.tag_label not in ours and r.value_excerpt not in dummies] == []


CHAIN = "SELECT {} FROM v_rt_chain"
LINKS = "summation_type, plan_link, structure_set_link, image_series_link, has_structures, reason"
UIDS = "dose_uid, study_instance_uid, frame_of_reference_uid, plan_uid, structure_set_uid, image_series_uid"
DVHS = "SELECT roi_number, volume_cc, min_gy, mean_gy, max_gy, reason FROM dvh ORDER BY roi_number, source"


def test_the_chain_and_its_doses_are_the_same(treated: Archive, tmp_path: Path) -> None:
    run(treated, tmp_path / "out")
    copy = index_of(tmp_path / "out", tmp_path)
    ours, theirs = treated.database.query, copy.database.query
    assert theirs(CHAIN.format(LINKS)) == ours(CHAIN.format(LINKS)) != []
    pseudonyms = {row["original"]: row["pseudonym"] for row in ours("SELECT * FROM pseudonyms")}
    expected = {key: pseudonyms[uid] for key, uid in ours(CHAIN.format(UIDS))[0].items()}
    assert theirs(CHAIN.format(UIDS)) == [expected]
    assert theirs(DVHS) == ours(DVHS) != []
    events = "SELECT dose_length_product_mgycm FROM ct_irradiation_event"
    if treated.database.has("ct_irradiation_event"):
        assert theirs(events) == ours(events)
    copy.close()


def test_pixels_contours_and_doses_are_bit_equal(treated: Archive, data: Path, tmp_path: Path) -> None:
    run(treated, tmp_path / "out")
    before = {original(dcmread(path)) for path in data.rglob("*.dcm")}
    after = {original(dcmread(path)) for path in (tmp_path / "out").rglob("*.dcm")}
    assert before == after and len(before) == 10


def original(data_set: Any) -> tuple[object, ...]:
    kept = ("PixelData", "DoseGridScaling", "GridFrameOffsetVector", "ImagePositionPatient", "RescaleSlope")
    contours = [
        e.value
        for e in data_set.iterall()
        if e.keyword in ("ContourData", "LeafJawPositions", "NumericValue")
    ]
    return (data_set.Modality, *(str(data_set.get(name)) for name in kept), str(contours))


@pytest.mark.parametrize(
    "name", ["JPEG2000.dcm", "MR_small_RLE.dcm", "MR_small_bigendian.dcm", "image_dfl.dcm"]
)
def test_compressed_objects_keep_their_pixels(ingest: Archive, data: Path, tmp_path: Path, name: str) -> None:
    source = get_testdata_file(name)
    shutil.copyfile(source, data / name)
    indexer.rebuild(ingest)
    (row,) = ingest.database.query("SELECT PatientID FROM DICOMPatients")
    options = Pseudonymisation(burned_in=True)
    images = select(ingest, patients=[row["PatientID"]])
    (file,) = export(ingest, images, tmp_path / "out", pseudonymise=options).files
    before, after = dcmread(source), dcmread(file)
    assert after.PixelData == before.PixelData
    assert after.file_meta.TransferSyntaxUID == before.file_meta.TransferSyntaxUID


def test_every_export_gives_the_same(treated: Archive, tmp_path: Path) -> None:
    first, second = run(treated, tmp_path / "one"), run(treated, tmp_path / "two")
    for one, two in zip(first.files, second.files, strict=True):
        assert Path(one).read_bytes() == Path(two).read_bytes()
    key = tmp_path / "key"
    shared = run(treated, tmp_path / "three", key_file=key)
    again = run(treated, tmp_path / "four", key_file=key)
    assert [Path(name).name for name in shared.files] == [Path(name).name for name in again.files]
    assert Path(shared.files[0]).name != Path(first.files[0]).name
    assert stat.S_IMODE(key.stat().st_mode) == 0o600


def test_the_map_stays_here(treated: Archive, tmp_path: Path) -> None:
    target = tmp_path / "map.csv"
    target.write_text("old")
    target.chmod(0o644)
    run(treated, tmp_path / "out", map_file=target)
    assert stat.S_IMODE(target.stat().st_mode) == 0o600
    with target.open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [row for row in rows if row["kind"] == "patient"] == [
        {"kind": "patient", "original": PATIENT, "pseudonym": next((tmp_path / "out").iterdir()).name}
    ]
    held = treated.database.query("SELECT kind, original, pseudonym FROM pseudonyms ORDER BY 1, 2")
    assert held == sorted(rows, key=lambda row: (row["kind"], row["original"]))
    for secret in ({"map_file": tmp_path / "out/map.csv"}, {"key_file": tmp_path / "out/key"}):
        with pytest.raises(StorageError, match="would go with the export"):
            run(treated, tmp_path / "out", **secret)


def test_what_may_show_the_patient_is_refused(
    ingest: Archive, put: Callable[..., Path], tmp_path: Path
) -> None:
    put("a.dcm", patient=PATIENT, instance=1, SOPClassUID="1.2.840.10008.5.1.4.1.1.7")
    put("b.dcm", patient=PATIENT, instance=2, BurnedInAnnotation="YES")
    put("c.dcm", patient=PATIENT, instance=3, ImageType=["DERIVED", "SECONDARY", "SCREEN SAVE"])
    put(
        "d.dcm",
        patient=PATIENT,
        instance=4,
        SOPClassUID="1.2.840.10008.5.1.4.1.1.104.1",
        BurnedInAnnotation="NO",
    )
    put(
        "e.dcm", patient=PATIENT, instance=5, SOPClassUID="1.2.840.10008.5.1.4.1.1.7", BurnedInAnnotation="NO"
    )
    put("f.dcm", patient=PATIENT, instance=6, ImageType=["ORIGINAL", "PRIMARY"])
    indexer.rebuild(ingest)
    exported = run(ingest, tmp_path / "out")
    assert len(exported.files) == 2 and len(exported.refused) == 4
    assert all("may show the patient" in reason for _, reason in exported.refused)
    assert len(run(ingest, tmp_path / "all", burned_in=True).files) == 6


def test_without_pseudonyms_files_are_copied(treated: Archive, data: Path, tmp_path: Path) -> None:
    treated.database.connection.execute("UPDATE DICOMImages SET AccessTime = 0")
    exported = export(treated, select(treated, where="Modality = 'RTDOSE'"), tmp_path / "out")
    (path,) = [path for path in (tmp_path / "out").rglob("*") if path.is_file()]
    assert exported.files == [str(path)]
    assert path.read_bytes() == (data / path.relative_to(tmp_path / "out")).read_bytes()
    accessed = treated.database.query("SELECT SeriesInst FROM DICOMImages WHERE AccessTime > 0")
    assert len(accessed) == 1
    (row,) = treated.database.query("SELECT * FROM audit WHERE action = 'export'")
    assert row["detail"] == "1 objects exported, 0 not, as they are"


def test_one_that_fails_does_not_stop_the_others(treated: Archive, data: Path, tmp_path: Path) -> None:
    missing, broken, *others = sorted(data.rglob("CT*.dcm"))
    others += [path for path in data.rglob("*.dcm") if not path.name.startswith("CT")]
    missing.unlink()
    broken.write_bytes(broken.read_bytes()[:200])
    exported = run(treated, tmp_path / "out")
    assert len(exported.files) == len(others) and len(exported.refused) == 2
    assert not list((tmp_path / "out").rglob("*.tmp"))


def test_what_was_exported_until_the_disk_was_full_is_on_record(
    treated: Archive, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    images = select(treated, patients=[PATIENT])
    written: list[str] = []

    def save(data_set: object, path: str) -> None:
        if len(written) == 3:
            raise OSError(28, "No space left on device")
        written.append(path)
        Path(path).touch()

    monkeypatch.setattr(objects, "_save", save)
    with pytest.raises(StorageError, match="No space left"):
        export(treated, images, tmp_path / "out", pseudonymise=Pseudonymisation())
    assert treated.database.query("SELECT count(*) AS n FROM pseudonyms WHERE kind = 'patient'") == [{"n": 1}]
    (row,) = treated.database.query("SELECT detail FROM audit WHERE action = 'export'")
    assert row["detail"].startswith("3 objects exported")
    assert not list((tmp_path / "out").rglob("*.tmp"))


def test_the_index_says_whose_it_is(ingest: Archive, put: Callable[..., Path], tmp_path: Path) -> None:
    put("a.dcm", patient="WRONG99", StudyDescription="of WRONG99 and MRN4711")
    indexer.rebuild(ingest)
    for table in ("DICOMPatients", "DICOMStudies"):
        ingest.database.connection.execute(f"UPDATE {table} SET PatientID = ?", (PATIENT,))
    (file,) = run(ingest, tmp_path / "out", keep=["descriptions"]).files
    (row,) = ingest.database.query("SELECT pseudonym FROM pseudonyms WHERE original = ?", (PATIENT,))
    assert dcmread(file).PatientID == row["pseudonym"]
    assert dcmread(file).StudyDescription == "of X and X"


def test_choices_that_cannot_be(treated: Archive, data: Path, tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="data directory"):
        run(treated, data / "out")
    with pytest.raises(SettingsError, match="shift"):
        run(treated, tmp_path / "out", dates="guess")
    with pytest.raises(DatabaseError, match="no such column"):
        select(treated, where="Colour = 'red'")
    (tmp_path / "short").write_text("abc")
    with pytest.raises(SettingsError, match="at least 16"):
        run(treated, tmp_path / "out", key_file=tmp_path / "short")


def test_the_class_and_the_verb(
    treated: Archive, data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pyconquest(str(data), database_filename="conquest.db") as archive:
        exported = archive.export("one", PATIENT, pseudonymise=True, keep=["roi-names"])
        assert len(exported.files) == 10
        assert archive.export("two", seriesuid=["1.2.3"]).files == []
    result = CliRunner().invoke(main, ["export", "three", PATIENT, "--pseudonymise", "--keep", "roi-names"])
    assert result.exit_code == 0 and "10 objects exported" in result.output
    names = [sorted(path.name for path in Path(folder).rglob("*.dcm")) for folder in ("one", "three")]
    assert names[0] == names[1]
    for wrong in (["export", "four"], ["export", "four", PATIENT, "--map", "m.csv"]):
        assert CliRunner().invoke(main, wrong).exit_code != 0


@needs_shared_data
def test_objects_of_other_makers(tmp_path: Path) -> None:
    settings = ArchiveSettings(
        str(SHARED_DATA / "rt"), str(tmp_path / "conquest.db"), str(tmp_path / "dicom.sql")
    )
    ingest = Archive.open(settings)
    indexed = indexer.rebuild(ingest).indexed
    patients = [row["PatientID"] for row in ingest.database.query("SELECT PatientID FROM DICOMPatients")]
    images = select(ingest, patients=patients)
    exported = export(ingest, images, tmp_path / "out", pseudonymise=Pseudonymisation(burned_in=True))
    ingest.close()
    assert len(exported.files) == indexed > 0
    for name in exported.files:
        data_set = dcmread(name)
        names = {str(element.value) for element in data_set if element.VR == "PN" and element.value}
        assert names <= {data_set.PatientID, "ANONYMIZED"}
