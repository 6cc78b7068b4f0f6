"""dose import: what tells a dose is stored like any object, and its rows are derived."""

from pathlib import Path

from samples import make_object, save

from pyconquest_rt.archive.archive import Archive
from pyconquest_rt.archive.verify import verify
from pyconquest_rt.demo import make_patient
from pyconquest_rt.derive.dose_import import import_files


def test_what_tells_a_dose_is_in_the_archive_and_derived(ingest: Archive, tmp_path: Path) -> None:
    made = make_patient(tmp_path / "in", slices=2)
    reports = [path for path in made if "SR" in path.name]
    assert reports
    note = tmp_path / "in" / "note.txt"
    note.write_text("no DICOM file")
    mr = save(make_object("P9", Modality="MR", SOPClassUID="1.2.840.10008.5.1.4.1.1.4"), tmp_path / "mr.dcm")
    before = {path: path.read_bytes() for path in (*reports, note, mr)}
    imported = import_files(ingest, [*reports, note, mr])
    assert imported == (len(reports), 1, 0, 1, [])
    assert {path: path.read_bytes() for path in before} == before
    rows = ingest.database.query(
        "SELECT i.SOPInstanc FROM DICOMImages i JOIN dose_object o ON o.SOPInstanceUID = i.SOPInstanc"
    )
    assert len(rows) == len(reports) == ingest.database.query("SELECT count(*) AS n FROM DICOMImages")[0]["n"]
    assert list(verify(ingest)) == []
    states = ingest.database.query("SELECT DISTINCT state FROM derivations")
    assert states == [{"state": "done"}]
    assert import_files(ingest, reports).written == len(reports)  # once more: nothing is doubled
    assert len(ingest.database.query("SELECT * FROM dose_object")) == len(reports)
