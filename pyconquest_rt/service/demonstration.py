"""A demonstration: synthetic patients are sent to a listening archive, and their DVHs awaited."""

import tempfile
import time
from pathlib import Path
from typing import Any, NamedTuple

from pyconquest_rt.archive.archive import Archive
from pyconquest_rt.demo import make_patients
from pyconquest_rt.scu import send_files
from pyconquest_rt.settings.sections import ArchiveSettings

_WAIT_S = 30.0


class Demonstration(NamedTuple):
    """What was shown: objects sent and failed, the first patient, and the DVHs of that patient."""

    sent: int
    failed: int
    patient: str
    dvhs: list[dict[str, Any]]


def demonstrate(settings: ArchiveSettings, port: int, aet: str, patients: int = 1) -> Demonstration:
    """Make patients, send them to a listener on this machine, and wait until their DVHs are there.

    Raises:
        NetworkError: the listener cannot be reached.
    """
    with tempfile.TemporaryDirectory() as folder:
        make_patients(folder, count=patients)
        files = sorted(path for path in Path(folder).rglob("*") if path.is_file())
        result = send_files(files, "127.0.0.1", port, aet)
    archive = Archive.open(settings)
    try:
        dvhs: list[dict[str, Any]] = []
        deadline = time.monotonic() + _WAIT_S
        while not dvhs and time.monotonic() < deadline:
            time.sleep(0.1)
            if archive.database.has("dvh"):
                dvhs = archive.database.query(_DVHS)
        return Demonstration(result.sent, len(result.failed), "DEMO001", dvhs)
    finally:
        archive.close()


_DVHS = """
SELECT d.patient_id AS PatientID, v.roi_name AS ROI, n.tg263_name AS "TG-263", round(v.volume_cc, 1) AS "cc",
    round(v.min_gy, 2) AS "min Gy", round(v.mean_gy, 2) AS "mean Gy", round(v.max_gy, 2) AS "max Gy",
    round(m.value, 2) AS "D95% Gy", v.reason AS remark
FROM dvh v JOIN rt_dose d ON d.SOPInstanceUID = v.SOPInstanceUID
LEFT JOIN roi_name n ON n.raw_name = v.roi_name
LEFT JOIN dvh_metrics m ON m.SOPInstanceUID = v.SOPInstanceUID AND m.structure_set_uid = v.structure_set_uid
    AND m.roi_number = v.roi_number AND m.source = v.source AND m.end_cap = v.end_cap AND m.metric = 'D95%[Gy]'
WHERE d.patient_id = 'DEMO001' AND v.source = 'pyconquest'
ORDER BY v.roi_number
"""
