"""What goes in and out of the room: candidates, volumes, masks, and the error that says why there is none."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from pyconquest_rt.volumes.codes import VolumeError
from pyconquest_rt.volumes.shear import has_shear, without_shear
from pyconquest_rt.volumes.writers import PathLike, write_nifti, write_nrrd

Floats = npt.NDArray[np.float64]

KINDS = ("scalar", "multiframe", "dose", "rtstruct", "rtplan", "seg", "parametric", "sequence")


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

    def to_nrrd(self, path: PathLike) -> None:
        """Write the volume as NRRD, shear and all. The extra ``volumes`` must be installed.

        Raises VolumeError for what has no place in the patient, or is in colour.
        """
        self._check_written()
        fields = {f"axis_{name}": repr(values) for name, values in self.axes.items()}
        fields |= {"unit": self.unit, "codes": " ".join(self.codes)}
        write_nrrd(path, self.array, self.affine, fields)

    def to_nifti(self, path: PathLike) -> "Volume":
        """Write the volume as NIfTI-1 and return what was written: resampled where the grid has shear, the lowest value
        where nothing is known then.

        The extra ``volumes`` must be installed. Raises VolumeError as `to_nrrd` does.
        """
        self._check_written()
        found = self.without_shear().padded() if has_shear(self.affine) else self
        write_nifti(path, found.array, found.affine, " ".join([found.unit, *found.codes]))
        return found

    def without_shear(self) -> "Volume":
        """Return the volume on a grid of right angles that covers it, linear between pixels, NaN around it.

        The code `resampled` takes the place of `tilt`.
        """
        array, affine = without_shear(self.array, self.affine)
        codes = say([code for code in self.codes if code != "tilt"], "resampled")
        return replace(self, array=array, affine=affine, codes=codes)

    def padded(self) -> "Volume":
        """Return the volume with its lowest value in place of NaN, which some programs read as 0.

        The code `padding` is added where there is any.
        """
        unknown = np.isnan(self.array)
        if not unknown.any():
            return self
        array = np.where(unknown, np.nanmin(self.array), self.array)
        return replace(self, array=array, codes=say(list(self.codes), "padding"))

    def _check_written(self) -> None:
        if self.kind == "sequence" and self.array.ndim == 4 and "missing_geometry" in self.codes:
            raise VolumeError("not_scalar", "colour images are no volume")
        if "missing_geometry" in self.codes:
            raise VolumeError("missing_geometry", "a volume without a place in the patient is not written")


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
