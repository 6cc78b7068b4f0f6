"""Beside other programs, where these are right: equal values at equal places; skipped where they are not installed."""

import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from made import PT, SHAPE, error, image, save, stack, truth
from test_masks import CLOSED, circle, structures
from test_multiframe import POSITIONS, dose, dose_error, enhanced, shuffled
from test_series import FEET_FIRST, OBLIQUE, SAGITTAL, diffusion, ignored_spacing, jitter, many

from pyconquest_rt.volumes import examine, load, mask

LPS_OF_RAS = np.diag([-1.0, -1.0, 1.0, 1.0])
TOLERANCE = 0.01  #: mm: what positions are rounded to, and slices that are not quite even


def tool(name):
    """The path of a program, in the environment of these tests or elsewhere."""
    found = shutil.which(name, path=str(Path(sys.executable).parent)) or shutil.which(name)
    if found is None:
        pytest.skip(f"{name} is not installed")
    return found


def on_our_grid(volume, array, affine):
    """Another program's values (k, j, i) on our volume's grid, of which they may be a reordering."""
    there = np.linalg.inv(volume.affine) @ affine
    turn = np.rint(there[:3, :3]).astype(int)
    ends = np.abs(there[:3, :3] - turn) * (np.array(array.shape) - 1)
    assert ends.max() < 0.05, "another grid"
    assert (np.abs(turn).sum(axis=0) == 1).all()
    order = [int(np.flatnonzero(row)[0]) for row in turn]
    found = array.transpose(order)
    for axis, row in enumerate(turn):
        if row.sum() < 0:
            found = np.flip(found, axis)
    corner = there @ [*((np.array(array.shape) - 1) * (turn.sum(axis=0) < 0)), 1]
    assert np.abs(corner[:3]).max() < 0.05, "another place"
    assert found.shape == volume.array.shape[-3:]
    return found


PLAIN = {
    "regular": lambda: stack(7),
    "oblique": lambda: stack(7, orientation=OBLIQUE),
    "feet first": lambda: stack(7, orientation=FEET_FIRST),
    "sagittal": lambda: stack(7, orientation=SAGITTAL),
    "jitter": jitter,
    "thickness": ignored_spacing,
    "pet": lambda: [
        image(
            (-20, 10, 3 * k),
            slope=0.5 * (k + 1),
            intercept=0,
            sop_class=PT,
            modality="PT",
            Units="BQML",
            ImageIndex=k + 1,
        )
        for k in range(6)
    ],
}


def ours(folder, objects):
    for number, one in enumerate(objects, 1):
        one.InstanceNumber, one.PatientID, one.StudyDate, one.StudyTime = number, "P", "20260101", "100000"
    return load(examine(save(folder, objects))[0])


@pytest.mark.parametrize("name", PLAIN)
def test_simpleitk(name, tmp_path):
    itk = pytest.importorskip("SimpleITK")
    volume = ours(tmp_path / "series", PLAIN[name]())
    reader = itk.ImageSeriesReader()
    reader.SetFileNames(reader.GetGDCMSeriesFileNames(str(tmp_path / "series")))
    found = reader.Execute()
    affine = np.eye(4)
    steps = np.array(found.GetDirection()).reshape(3, 3) * np.array(found.GetSpacing())
    affine[:3, :3], affine[:3, 3] = steps[:, ::-1], found.GetOrigin()
    array = on_our_grid(volume, itk.GetArrayFromImage(found), affine)
    assert np.allclose(array, volume.array, atol=1e-3)


@pytest.mark.parametrize("name", PLAIN)
def test_highdicom(name, tmp_path):
    highdicom = pytest.importorskip("highdicom")
    objects = PLAIN[name]()
    volume = ours(tmp_path / "series", objects)
    found = highdicom.get_volume_from_series(objects)
    assert np.allclose(on_our_grid(volume, found.array, found.affine), volume.array, atol=1e-3)


def test_highdicom_enhanced(tmp_path):
    highdicom = pytest.importorskip("highdicom")
    made = enhanced(shuffled(POSITIONS), slopes=[0.5, 1, 0.25, 1, 2])
    made.save_as(tmp_path / "enhanced.dcm", enforce_file_format=True)
    volume = load(examine(tmp_path / "enhanced.dcm")[0])
    found = highdicom.imread(tmp_path / "enhanced.dcm").get_volume(apply_real_world_transform=False)
    assert np.allclose(on_our_grid(volume, found.array, found.affine), volume.array)


def converted(folder, tmp_path):
    """What dcm2niix makes: arrays (n, k, j, i) and affines in LPS."""
    nibabel = pytest.importorskip("nibabel")
    out = tmp_path / "out"
    out.mkdir()
    subprocess.run(
        [tool("dcm2niix"), "-o", out, "-f", "%s_%e", folder], check=True, stdout=subprocess.DEVNULL
    )
    found = []
    for path in sorted(out.glob("*.nii")):
        one = nibabel.load(path)
        data = np.asarray(one.dataobj)
        data = data[..., None] if data.ndim == 3 else data
        found.append((data.transpose(3, 2, 1, 0), (LPS_OF_RAS @ one.affine)[:, [2, 1, 0, 3]]))
    return found


@pytest.mark.parametrize("name", [name for name in PLAIN if name != "pet"])
def test_dcm2niix(name, tmp_path):
    volume = ours(tmp_path / "series", PLAIN[name]())
    ((arrays, affine),) = converted(tmp_path / "series", tmp_path)
    assert np.allclose(on_our_grid(volume, arrays[0], affine), volume.array, atol=1e-3)


@pytest.mark.parametrize(
    "make",
    [lambda: many([{"TemporalPositionIdentifier": n} for n in (1, 2, 3)]), diffusion],
    ids=["times", "diffusion"],
)
def test_dcm2niix_of_four_dimensions(make, tmp_path):
    volume = ours(tmp_path / "series", make())
    found = [
        on_our_grid(volume, array, affine)
        for arrays, affine in converted(tmp_path / "series", tmp_path)
        for array in arrays
    ]
    assert len(found) == len(volume.array)
    for array in found:
        assert any(np.allclose(array, stack, atol=1e-3) for stack in volume.array)


@pytest.mark.parametrize(
    "make",
    [
        lambda: dose([0, 3, 6, 9]),
        lambda: dose([0, -3, -6, -9]),
        lambda: dose([6, 9, 12, 15], heights=[0, 3, 6, 9]),
    ],
    ids=["relative", "falling", "absolute"],
)
def test_plastimatch_dose(make, tmp_path):
    nrrd = pytest.importorskip("nrrd")
    made = make()
    made.save_as(tmp_path / "dose.dcm", enforce_file_format=True)
    volume = load(examine(tmp_path / "dose.dcm")[0])
    assert dose_error(volume) <= 1e-3
    command = [
        tool("plastimatch"),
        "convert",
        "--input-dose-img",
        "dose.dcm",
        "--output-dose-img",
        "dose.nrrd",
    ]
    subprocess.run(command, cwd=tmp_path, check=True, stdout=subprocess.DEVNULL)
    data, header = nrrd.read(str(tmp_path / "dose.nrrd"))
    affine = np.eye(4)
    affine[:3, :3] = np.array(header["space directions"]).T[:, ::-1]
    affine[:3, 3] = header["space origin"]
    assert np.allclose(on_our_grid(volume, data.T, affine), volume.array, atol=1e-3)


def test_plastimatch_masks(tmp_path):
    """Outlines and keyholes; nested contours it fills."""
    nrrd = pytest.importorskip("nrrd")
    images = stack(7, shape=(40, 50), spacing=(1.0, 2.0), field=lambda places: 0 * places[0])
    volume = ours(tmp_path / "series", images)
    outer, inner = circle(12), circle(5)[::-1]
    keyhole = np.vstack([outer, outer[:1], inner[-1:], inner, outer[:1]])
    rois = {
        "disc": [(k, outer, CLOSED) for k in (1, 2, 3)],
        "keyhole": [(k, keyhole, CLOSED) for k in (2, 3)],
    }
    made = structures(volume, rois)
    made.PatientID, made.StudyDate, made.StudyTime = "P", "20260101", "100000"
    made.save_as(tmp_path / "structures.dcm", enforce_file_format=True)
    masks = mask(tmp_path / "structures.dcm", volume)
    command = [tool("plastimatch"), "convert", "--input", "structures.dcm", "--referenced-ct", "series"]
    command += ["--output-prefix", "out", "--prefix-format", "nrrd"]
    subprocess.run(command, cwd=tmp_path, check=True, stdout=subprocess.DEVNULL)
    for name in rois:
        data, header = nrrd.read(str(tmp_path / "out" / f"{name}.nrrd"))
        affine = np.eye(4)
        affine[:3, :3] = np.array(header["space directions"]).T[:, ::-1]
        affine[:3, 3] = header["space origin"]
        assert np.array_equal(on_our_grid(volume, data.T > 0, affine), masks[name])


def test_nibabel_and_simpleitk_read_what_was_written(tmp_path):
    nibabel, itk = pytest.importorskip("nibabel"), pytest.importorskip("SimpleITK")
    volume = ours(tmp_path / "series", stack(7, orientation=OBLIQUE))
    volume.to_nifti(tmp_path / "x.nii.gz")
    volume.to_nrrd(tmp_path / "x.nrrd")
    image_of_nibabel = nibabel.load(tmp_path / "x.nii.gz")
    affine = (LPS_OF_RAS @ image_of_nibabel.affine)[:, [2, 1, 0, 3]]
    assert error(np.asarray(image_of_nibabel.dataobj).T, affine, truth) <= 0.51
    assert np.asarray(image_of_nibabel.dataobj).T.shape == (7, *SHAPE)
    for name in ("x.nii.gz", "x.nrrd"):
        assert np.array_equal(itk.GetArrayFromImage(itk.ReadImage(str(tmp_path / name))), volume.array)
