"""Small DICOM objects made with pydicom, and where the shared test data are."""

import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian

from pyconquest_rt import pyconquest

SHARED_DATA = Path(
    os.environ.get("PYCONQUEST_RT_SHARED_DATA", Path(__file__).parent.parent.parent / "shared" / "data")
)
needs_shared_data = pytest.mark.skipif(
    not SHARED_DATA.is_dir(),
    reason="the shared test data are not on this machine (PYCONQUEST_RT_SHARED_DATA)",
)


def make_object(
    patient: str = "P1", study: int = 1, series: int = 1, instance: int = 1, **tags: Any
) -> Dataset:
    """A small CT object; further tags by keyword, None leaves a tag out."""
    root = "1.2.826.0.1.3680043.10.1"
    data_set = Dataset()
    data_set.file_meta = FileMetaDataset()
    data_set.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    values: dict[str, Any] = {
        "SOPClassUID": CTImageStorage,
        "SOPInstanceUID": f"{root}.{study}.{series}.{instance}",
        "StudyDate": "20240102",
        "Modality": "CT",
        "PatientName": f"Name^{patient}",
        "PatientID": patient,
        "StudyInstanceUID": f"{root}.{study}",
        "SeriesInstanceUID": f"{root}.{study}.{series}",
        "SeriesNumber": series,
        "InstanceNumber": instance,
        "SliceLocation": f"{instance * 2.5:g}",
    } | tags
    for keyword, value in values.items():
        if value is not None:
            setattr(data_set, keyword, value)
    return data_set


def save(data_set: Dataset, path: Path) -> Path:
    """Write an object as a DICOM file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    data_set.file_meta.MediaStorageSOPClassUID = data_set.get("SOPClassUID", CTImageStorage)
    data_set.file_meta.MediaStorageSOPInstanceUID = data_set.get("SOPInstanceUID") or "1.2.3"
    data_set.save_as(path, enforce_file_format=True)
    return path


def wait_until(condition: Callable[[], object], seconds: float = 30.0) -> None:
    """Wait until something holds, and fail if it does not come about."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not come about in time"
        time.sleep(0.02)


def count(archive: pyconquest, table: str = "DICOMImages") -> int:
    """The number of a table's rows."""
    return int(archive.execute_db_query(f"SELECT count(*) AS n FROM {table}")[0]["n"])
