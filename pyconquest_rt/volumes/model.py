"""What goes in and out of the room: candidates, volumes, masks, and the error that says why there is none."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from pyconquest_rt.errors import ObjectError

if TYPE_CHECKING:
    from pyconquest_rt.volumes.sources import PathLike

Floats = npt.NDArray[np.float64]

CODES: Mapping[str, str] = {
    "gap": "slices are missing between others",
    "spacing_nonuniform": "the slices are not equally spaced",
    "duplicate_position": "several images lie at one position, with nothing that tells them apart",
    "duplicate_instance": "one instance is there several times",
    "tilt": "the slices are stacked along a direction that is not their normal (gantry tilt): the affine has shear",
    "in_plane_drift": "the slices are shifted against each other within their plane",
    "not_a_grid": "the images do not lie on one grid",
    "mixed_orientation": "images of several orientations in one series",
    "mixed_size": "images of several matrices or pixel spacings in one series",
    "mixed_frame_of_reference": "images of several frames of reference",
    "missing_geometry": "position, orientation or pixel spacing is missing or not finite",
    "single_slice": "one slice alone: the distance to a next one is not known",
    "ambiguous_stack": "several images at each position, and no attribute that sorts them into stacks",
    "incomplete": "a time point, echo or direction lacks slices",
    "localizer": "a localizer among the images of a series",
    "mosaic": "many slices in one image (Siemens mosaic)",
    "not_scalar": "colour or palette images where a volume of one value per voxel is asked for",
    "no_pixels": "an object without pixel data",
    "padding": "pixels outside the image hold the padding value",
    "dose_relative": "the dose is relative, not in Gy",
    "dose_nonuniform": "the dose planes are not equally spaced",
    "suv_incomplete": "SUV cannot be calculated: weight, dose, times or correction are missing",
    "seg_type": "a segmentation of a type that cannot be read",
    "resampled": "values were interpolated onto another grid",
    "filled": "missing slices were filled by interpolation",
    "rescale_varies": "slope or intercept differ from image to image",
    "too_large": "more memory is needed than there is, or more than such a file can hold",
    "unreadable": "not DICOM, damaged, or its pixel data are not what the header says",
    "no_decoder": "no decoder is installed for the transfer syntax",
}
"""Each code of a verdict and its meaning; there are no others."""

KINDS = ("scalar", "multiframe", "dose", "rtstruct", "rtplan", "seg", "parametric", "sequence")


class VolumeError(ObjectError):
    """No volume can be made; ``code`` is one of :data:`CODES`, the message says what was found where."""

    def __init__(self, code: str, detail: str = "") -> None:
        assert code in CODES, code
        super().__init__(f"{code}: {detail or CODES[code]}")
        self.code = code


@dataclass(frozen=True, slots=True)
class Candidate:
    """What could be loaded from some objects, before any pixel is read.

    Args:
        name: for people, from the series' number and description.
        kind: one of :data:`KINDS`.
        confidence: 0 to 1; candidates are ordered by it.
        codes: what is to be said of it (:data:`CODES`); of one that is refused the first is the reason.
        files: the paths (or openers) of its objects, in the order of the slices.
        selected: whether it is one of those to load; localizers and leftovers are not.
        refusal: the code with which :func:`load` refuses it as it stands, None where it does not.
        shape: of the array that will be loaded, as far as known.
        spacing: distances in mm along k, j and i, as far as known.
        series_uid: the SeriesInstanceUID, empty where it is not known.
        adaptor: the name of the adaptor that loads it.
        plan: what that adaptor needs to load it.
    """

    name: str
    kind: str
    confidence: float
    codes: list[str]
    files: list[Any]
    selected: bool = True
    refusal: str | None = None
    shape: tuple[int, ...] = ()
    spacing: tuple[float, ...] = ()
    series_uid: str = ""
    adaptor: str = ""
    plan: Any = field(default=None, repr=False, compare=False)


@dataclass(slots=True)
class Volume:
    """An array of values and where they lie.

    Args:
        array: (k, j, i), or (n, k, j, i) where there are several values at each place; a sequence of images without
            a place in space is (n, j, i), in colour (n, j, i, 3).
        affine: 4 x 4; ``affine @ (k, j, i, 1)`` is the place in the patient in mm, x to the left, y to the back, z to
            the head (LPS).
        unit: of the values, for example HU, Gy, BQML, SUVbw; empty where the object does not say.
        codes: what is to be said of it (:data:`CODES`).
        axes: what the first axis of four stands for: name → one value for each n.
        frame_of_reference: the UID of the patient's coordinate system.
        kind: that of its candidate.
    """

    array: npt.NDArray[Any]
    affine: Floats
    unit: str = ""
    codes: list[str] = field(default_factory=list)
    axes: dict[str, list[Any]] = field(default_factory=dict)
    frame_of_reference: str = ""
    kind: str = "scalar"

    def to_nrrd(self, path: "PathLike") -> None:
        """Write the volume as NRRD, shear and all; raises VolumeError for what NRRD cannot hold.

        The extra ``volumes`` must be installed.
        """
        from pyconquest_rt.volumes.writers import write_nrrd

        write_nrrd(self, path)

    def to_nifti(self, path: "PathLike") -> "Volume":
        """Write the volume as NIfTI-1 and return what was written: resampled where the grid has shear.

        The extra ``volumes`` must be installed.
        """
        from pyconquest_rt.volumes.writers import write_nifti

        return write_nifti(self, path)


class Masks(dict[str, npt.NDArray[Any]]):
    """Masks by the name of their ROI or segment, each on the volume's grid (k, j, i).

    Booleans; of a fractional segmentation the fractions 0 to 1 as float32. ``left_out`` has the names of those that
    have no mask, each with the reason; ``codes`` what is to be said of all.
    """

    def __init__(self) -> None:
        super().__init__()
        self.left_out: dict[str, str] = {}
        self.codes: list[str] = []


def say(codes: list[str], *more: str) -> list[str]:
    """Add codes that are not there yet; returns the list."""
    codes += [code for code in dict.fromkeys(more) if code not in codes]
    return codes


def unique_name(name: str, taken: Sequence[str] | Mapping[str, Any]) -> str:
    """A name that is not taken: itself, or with a number behind."""
    number, found = 2, name
    while found in taken:
        found, number = f"{name} ({number})", number + 1
    return found
