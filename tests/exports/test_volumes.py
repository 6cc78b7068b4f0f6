"""Volumes of an archive: by the class, by the verb, and as a picture."""

import json

import numpy as np
import pytest
from click.testing import CliRunner

from pyconquest_rt import pyconquest
from pyconquest_rt.cli.main import main
from pyconquest_rt.demo import make_patient
from pyconquest_rt.errors import ObjectError
from pyconquest_rt.volumes import VolumeError


@pytest.fixture(scope="module")
def archive(tmp_path_factory):
    folder = tmp_path_factory.mktemp("volumes")
    make_patient(folder / "data" / "DEMO001")
    found = pyconquest(str(folder / "data"), str(folder / "dicom.sql"), str(folder / "conquest.db"))
    found.rebuild_database_from_dicom(compute_only_missing=False)
    yield folder, found
    found.close_db()


def uid(archive, modality, column="SeriesInst"):
    rows = archive._open_database.query(
        f"SELECT i.SeriesInst, i.SOPInstanc FROM DICOMImages i JOIN DICOMSeries s ON s.SeriesInst = i.SeriesInst "
        f"WHERE s.Modality = '{modality}'"
    )
    return rows[0][column]


def run(folder, *arguments):
    base = ["--data", str(folder / "data"), "--database", str(folder / "conquest.db")]
    return CliRunner().invoke(main, ["volume", *arguments, *base])


def test_class(archive):
    _, found = archive
    series = uid(found, "CT")
    (candidate,) = found.volumes(series)
    volume = found.volume(series)
    assert volume.array.shape == candidate.shape
    assert (volume.unit, volume.codes) == ("HU", [])
    masks = found.mask(uid(found, "RTSTRUCT", "SOPInstanc"), series)
    assert masks["BODY"].sum() > masks["PTV_6000"].sum() > 0
    with pytest.raises(ObjectError):
        found.volume("1.2.3")
    with pytest.raises(VolumeError):
        found.volume(uid(found, "RTPLAN"))


def test_verb_writes_and_draws(archive, tmp_path):
    pytest.importorskip("nrrd")
    folder, found = archive
    series, structures = uid(found, "CT"), uid(found, "RTSTRUCT", "SOPInstanc")
    out, picture = tmp_path / "v.nrrd", tmp_path / "v.png"
    result = run(folder, series, "--out", str(out), "--preview", str(picture), "--mask", structures)
    assert result.exit_code == 0, result.output
    assert "Bolus is left out" in result.output
    assert out.read_bytes().startswith(b"NRRD")
    assert picture.read_bytes().startswith(b"\x89PNG")


def test_outlines_stand_on_the_sheet(archive, tmp_path):
    from matplotlib.image import imread

    folder, found = archive
    series = uid(found, "CT")
    plain, drawn = tmp_path / "plain.png", tmp_path / "drawn.png"
    run(folder, series, "--preview", str(plain))
    run(folder, series, "--preview", str(drawn), "--mask", uid(found, "RTSTRUCT", "SOPInstanc"))
    coloured = [np.ptp(imread(path)[..., :3], axis=2) > 0.2 for path in (plain, drawn)]
    assert coloured[0].sum() == 0
    assert coloured[1].sum() > 1000


def test_verb_lists_what_there_is(archive):
    folder, _ = archive
    result = run(folder, str(folder / "data"), "--list", "--json")
    assert result.exit_code == 0, result.output
    kinds = {row["kind"] for row in json.loads(result.output)}
    assert {"dose", "scalar", "rtstruct", "rtplan"} <= kinds


def test_verb_says_why_not(archive):
    folder, found = archive
    result = run(folder, uid(found, "RTSTRUCT"))
    assert result.exit_code == 1
    assert "no_pixels" in result.output


def test_numpy_file(archive, tmp_path):
    folder, found = archive
    out = tmp_path / "v.npy"
    assert run(folder, uid(found, "RTDOSE"), "--out", str(out)).exit_code == 0
    assert np.array_equal(np.load(out), found.volume(uid(found, "RTDOSE")).array)


def test_every_code_is_in_the_documentation():
    from pathlib import Path

    from pyconquest_rt.volumes import CODES

    text = (Path(__file__).parents[2] / "docs/volumes.md").read_text()
    assert [code for code in CODES if f"| `{code}` | {CODES[code]} |" not in text] == []
