"""What is written as NRRD and NIfTI: other programs read the same values at the same places, whatever the case."""

import numpy as np
import pytest
import test_geometry_cases
import test_multiframe_cases
from made import save

from pyconquest_rt.volumes import examine, load

nibabel, itk = pytest.importorskip("nibabel"), pytest.importorskip("SimpleITK")

CASES = {
    name: case
    for name, case in (test_geometry_cases.CASES | test_multiframe_cases.CASES).items()
    if not case.refused
}
LPS_OF_RAS = np.diag([-1.0, -1.0, 1.0, 1.0])


def stacks(array):
    return array if array.ndim == 4 else array[None]


@pytest.mark.parametrize("name", CASES)
def test_read_back(name, tmp_path):
    case = CASES[name]
    volume = load(examine(save(tmp_path / "series", case.make()))[0], **case.kw)
    volume.to_nrrd(tmp_path / "x.nrrd")
    written = volume.to_nifti(tmp_path / "x.nii.gz")
    nifti = nibabel.load(tmp_path / "x.nii.gz")
    for matrix in (nifti.get_sform(), nifti.get_qform()):
        assert np.allclose((LPS_OF_RAS @ matrix)[:, [2, 1, 0, 3]], written.affine, atol=1e-3)
    assert np.array_equal(np.asarray(nifti.dataobj).T, written.array, equal_nan=True)
    nrrd = itk.ReadImage(str(tmp_path / "x.nrrd"))
    affine = np.eye(4)
    affine[:3, :3] = (np.array(nrrd.GetDirection()).reshape(3, 3) * np.array(nrrd.GetSpacing()))[:, ::-1]
    affine[:3, 3] = nrrd.GetOrigin()
    assert np.allclose(affine, volume.affine, atol=1e-4)
    array = itk.GetArrayFromImage(nrrd)
    array = np.moveaxis(array, -1, 0) if array.ndim == 4 else array
    assert np.array_equal(stacks(array), stacks(volume.array), equal_nan=True)
