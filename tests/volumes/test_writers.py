"""What is written, read back by the libraries that others read it with: each value at its place."""

import numpy as np
import pytest
from made import SHAPE, error, image, save, stack, truth
from test_series import CASES, OBLIQUE, many, sheared

from pyconquest_rt.volumes import examine, load

nibabel = pytest.importorskip("nibabel")
nrrd = pytest.importorskip("nrrd")

SERIES = {
    "axial": lambda: stack(7),
    "oblique": lambda: stack(7, orientation=OBLIQUE),
    "feet_first": CASES["feet_first"].make,
    "float": CASES["rescale_per_slice"].make,
    "tilt": sheared,
}


@pytest.fixture(params=SERIES)
def volume(request, tmp_path):
    (candidate,) = examine(save(tmp_path / "series", SERIES[request.param]()))
    return load(candidate)


def known(volume, array, affine):
    """Values (i, j, k) of a file without those of places outside the volume, which must be the lowest there are."""
    grid = np.indices(array.shape).reshape(3, -1)
    places = affine[:3, :3] @ grid + affine[:3, 3:]
    inverse = np.linalg.inv(volume.affine)
    at = (inverse[:3, :3] @ places + inverse[:3, 3:]).T
    inside = ((at > -1e-4) & (at < np.array(volume.array.shape) - 0.9999)).all(axis=1).reshape(array.shape)
    assert inside.all() or set(array[~inside].tolist()) == {volume.array.min()}
    return np.where(inside, array, np.nan)


def test_nrrd(volume, tmp_path):
    volume.to_nrrd(tmp_path / "v.nrrd")
    array, header = nrrd.read(str(tmp_path / "v.nrrd"))
    affine = np.eye(4)
    affine[:3, :3], affine[:3, 3] = header["space directions"].T, header["space origin"]
    assert header["space"] == "left-posterior-superior"
    assert error(array, affine) <= 0.51
    assert header["unit"] == volume.unit


def test_nifti(volume, tmp_path):
    written = volume.to_nifti(tmp_path / "v.nii.gz")
    image = nibabel.load(tmp_path / "v.nii.gz")
    affine = np.diag([-1, -1, 1, 1]) @ image.affine
    assert error(known(volume, np.asarray(image.dataobj), affine), affine) <= 1.01
    assert written.codes == (["resampled", "padding"] if "tilt" in volume.codes else volume.codes)
    assert np.allclose(image.get_qform(), image.affine, atol=1e-4)


@pytest.mark.parametrize("name", ["v.nrrd", "v.nii", "v.nii.gz"])
def test_read_by_itk(volume, tmp_path, name):
    itk = pytest.importorskip("SimpleITK")
    (volume.to_nrrd if name.endswith("nrrd") else volume.to_nifti)(tmp_path / name)
    found = itk.ReadImage(str(tmp_path / name))
    array = itk.GetArrayFromImage(found)
    affine = np.eye(4)
    directions = np.array(found.GetDirection()).reshape(3, 3)
    affine[:3, :3] = (directions * np.array(found.GetSpacing()))[:, ::-1]
    affine[:3, 3] = found.GetOrigin()
    array = array if name.endswith("nrrd") else known(volume, array.T, affine[:, [2, 1, 0, 3]]).T
    assert error(array, affine) <= 1.01


def test_four_dimensions(tmp_path):
    made = many([{"EchoTime": t} for t in (5.0, 10.0)])
    (candidate,) = examine(save(tmp_path / "series", made))
    volume = load(candidate)
    volume.to_nrrd(tmp_path / "v.nrrd")
    array, header = nrrd.read(str(tmp_path / "v.nrrd"))
    assert np.array_equal(array.T, volume.array)
    assert header["axis_echo_time"] == "[5.0, 10.0]"
    volume.to_nifti(tmp_path / "v.nii")
    found = nibabel.load(tmp_path / "v.nii")
    assert np.array_equal(np.asarray(found.dataobj).T, volume.array)
    for n in range(2):
        affine = np.diag([-1, -1, 1, 1]) @ found.affine
        assert error(found.dataobj[..., n], affine, lambda places, n=n: truth(places) + 1000 * n) <= 0.51


def test_nothing_is_left_of_a_file_that_cannot_be_written(tmp_path):
    (candidate,) = examine(save(tmp_path / "series", [image((0, 0, 0)), image((0, 0, 3))]))
    volume = load(candidate)
    assert volume.array.shape == (2, *SHAPE)
    with pytest.raises(OSError):
        volume.to_nrrd(tmp_path / "nowhere" / "v.nrrd")
