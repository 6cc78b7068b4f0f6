"""The codes of a verdict, and the error that carries one."""

from collections.abc import Mapping

from pyconquest_rt.errors import ObjectError

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


class VolumeError(ObjectError):
    """No volume can be made; ``code`` is one of :data:`CODES`, the message says what was found where."""

    def __init__(self, code: str, detail: str = "") -> None:
        assert code in CODES, code
        super().__init__(f"{code}: {detail or CODES[code]}")
        self.code = code
