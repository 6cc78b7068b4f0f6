"""pydicom's own files, and hostile ones where they are there: rows hold what pydicom reads, or a reason is named."""

import shutil
from pathlib import Path

import pydicom
import pytest
from oracle import SHARED_DATA, level, read

from pyconquest_rt.archive.archive import Archive
from pyconquest_rt.database.rows import NO_PATIENT_ID
from pyconquest_rt.indexer import rebuild

KEYWORDS = ("SOPInstanceUID", "SeriesInstanceUID", "StudyInstanceUID", "PatientID", "Modality")
ROWS = (
    "SELECT f.path, i.SOPInstanc, i.SeriesInst, s.StudyInsta, t.PatientID, s.Modality FROM files f "
    "JOIN DICOMImages i ON i.SOPInstanc = f.sop JOIN DICOMSeries s ON s.SeriesInst = i.SeriesInst "
    "JOIN DICOMStudies t ON t.StudyInsta = s.StudyInsta"
)
FOLDERS = [Path(pydicom.__file__).parent / "data", SHARED_DATA / "broken"]


@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize("folder", FOLDERS, ids=["pydicom", "broken"])
def test_rows_are_what_pydicom_reads(ingest: Archive, data: Path, folder: Path) -> None:
    if not folder.is_dir():
        pytest.skip("this corpus is not there")
    sources = {}
    for number, path in enumerate(sorted(path for path in folder.rglob("*") if path.is_file())):
        sources[f"{number}/{path.name}"] = path
        (data / str(number)).mkdir(parents=True)
        shutil.copyfile(path, data / str(number) / path.name)
    report = rebuild(ingest)
    rejected = dict(ingest.database.connection.execute("SELECT path, reason FROM rejected"))
    rows = {path: values for path, *values in ingest.database.connection.execute(ROWS)}
    assert report.indexed + report.duplicates == len(rows) > 20
    for name, path in sources.items():
        if name in rows:
            _compare(name, path, rows[name])
        elif name in rejected:
            assert rejected[name].strip()
            if _identifier(path):  # one that pydicom reads may be refused for what else is there alone
                assert "is indexed" in rejected[name], (name, rejected[name])
        else:
            assert "DICOMDIR" in path.name or not _identifier(path), name
    unknown = {(sop, series) for sop, series, _, patient, _ in rows.values() if patient == NO_PATIENT_ID}
    made = [series for _, series in unknown if series.startswith("2.25.")]
    assert len(made) == len(set(made))  # a made-up series is shared by no two objects of unknown patients


def _identifier(path: Path) -> str | None:
    try:
        return str(read(path).get("SOPInstanceUID") or "") or None
    except Exception:
        return None


def _compare(name: str, path: Path, values: list[str | None]) -> None:
    dataset = read(path)
    if (
        "SOPInstanceUID" not in dataset
    ):  # cut off in its pixel data, of which pydicom then gives nothing at all
        dataset = pydicom.dcmread(path, stop_before_pixels=True)
    for keyword, value in zip(KEYWORDS, values, strict=True):
        element = dataset.get(keyword)
        several = isinstance(element, pydicom.multival.MultiValue)
        wanted = level("\\".join(map(str, element)) if several else str(element or ""))
        if wanted is None:  # a key that is not in the file is put in, all else stays empty
            assert keyword != "Modality" or value is None, (name, keyword, value)
        elif (
            len(wanted) > 64 and value
        ):  # an identifier that is shortened keeps its beginning, and is told apart
            assert wanted.startswith(value.split("~")[0]) and "~" in value, (name, keyword)
        else:
            assert level(value) == wanted, (name, keyword)
