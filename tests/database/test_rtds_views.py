"""RTDS's tables as views: each can be asked, and says what the tables beneath say."""

import pytest

from pyconquest_rt.archive.archive import Archive
from pyconquest_rt.database.rtds_views import RTDS_VIEWS
from pyconquest_rt.demo import make_patient
from pyconquest_rt.derive.engine import derive
from pyconquest_rt.indexer import rebuild
from pyconquest_rt.settings.sections import ArchiveSettings


@pytest.fixture(scope="module")
def query(tmp_path_factory):
    root = tmp_path_factory.mktemp("rtds")
    (root / "data" / "DEMO001").mkdir(parents=True)
    make_patient(root / "data" / "DEMO001")
    archive = Archive.open(ArchiveSettings(str(root / "data"), str(root / "x.db"), "none.sql"))
    rebuild(archive)
    derive(archive)
    yield archive.database.query
    archive.close()


@pytest.mark.parametrize("view", sorted(RTDS_VIEWS))
def test_every_view_has_rows_with_ids_of_their_own(query, view):
    rows = query(f"SELECT * FROM {view}")
    assert rows
    assert list(rows[0]) == list(RTDS_VIEWS[view].columns)
    ids = [row["id"] for row in rows]
    assert None not in ids and len(set(ids)) == len(ids)


def test_views_say_what_the_tables_say(query):
    (roi,) = query("SELECT * FROM rtds_rt_rois WHERE ROIName = 'Heart'")
    (found,) = query("SELECT * FROM rt_roi WHERE raw_name = 'Heart'")
    assert (roi["Volume"], roi["TotalContours"]) == (found["volume_cc"], found["contour_count"])
    joined = query(
        "SELECT p.PatientName, d.DVHMeanDose FROM rtds_rt_dvh d JOIN rtds_rt_rois r ON r.id = d.fk_roi_id_id "
        "JOIN rtds_patients p ON p.id = r.fk_patient_id_id WHERE r.ROIName = 'Heart' AND d.source = 'pyconquest'"
    )
    (dvh,) = query("SELECT mean_gy FROM dvh WHERE roi_name = 'Heart' AND source = 'pyconquest'")
    assert [row["DVHMeanDose"] for row in joined] == [dvh["mean_gy"]]
    (overlap,) = query(
        "SELECT o.OverlapArea, o.binAmount FROM rtds_ovh o JOIN rtds_rt_rois r ON r.id = o.OAR_id "
        "WHERE r.ROIName = 'Heart'"
    )
    assert overlap["OverlapArea"] == 0.0 and overlap["binAmount"].endswith("1.0]")
