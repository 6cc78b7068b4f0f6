"""Trees of synthetic files for the benchmarks: CT series whose header texts vary from slice to slice."""

import copy
import random
from pathlib import Path

import numpy as np
import pydicom
from pydicom.data import get_testdata_file
from pydicom.dataset import Dataset
from pydicom.uid import (
    UID,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    RLELossless,
    generate_uid,
)

SYNTAXES = (ExplicitVRLittleEndian, ImplicitVRLittleEndian, RLELossless, JPEG2000Lossless)


def make_ct_tree(root: Path, files: int, *, varying: bool = True, slices: int = 100, size: int = 512) -> Path:
    """Write CT series of ``slices`` images (0.5 MB each at 512x512), one patient each, in turn in four syntaxes.

    The header is that of pydicom's CT_small.dcm: some 270 elements with private ones. With ``varying`` about
    fifteen texts have another length in each slice, as those of real scanners do; without, every length is fixed.
    """
    marker = root.with_name(f"{root.name}-{files}-{varying}-{slices}-{size}.complete")
    if marker.exists():
        return root
    generator = random.Random(1)
    prototypes = {syntax: _prototype(syntax, size) for syntax in SYNTAXES}
    for number in range(files):
        patient, slice_number = divmod(number, slices)
        if slice_number == 0:
            image = copy.deepcopy(prototypes[SYNTAXES[patient % len(SYNTAXES)]])
            _begin_series(image, patient)
            (root / image.PatientID).mkdir(parents=True, exist_ok=True)
        _set_slice(image, patient, slice_number, generator, varying)
        image.save_as(root / image.PatientID / f"{image.SOPInstanceUID}.dcm", enforce_file_format=True)
    marker.touch()
    return root


def _prototype(syntax: UID, size: int) -> Dataset:
    image = pydicom.dcmread(str(get_testdata_file("CT_small.dcm")))
    image.Rows = image.Columns = size
    pixels = np.random.default_rng(1).normal(1000, 200, (size, size)).clip(0, 4000).astype("<u2")
    image.PixelData = pixels.tobytes()
    image["PixelData"].VR = "OW"
    image.PixelRepresentation = 0
    del image[0x00280120:0x00280122]
    if syntax in (RLELossless, JPEG2000Lossless):
        image.compress(syntax, generate_instance_uid=False)
    else:
        image.file_meta.TransferSyntaxUID = syntax
    return image


def _begin_series(image: Dataset, patient: int) -> None:
    image.PatientID = f"BENCH{patient:05d}"
    image.PatientName = f"Bench^Patient {patient:05d}"
    image.StudyInstanceUID = generate_uid(entropy_srcs=["study", str(patient)])
    image.SeriesInstanceUID = generate_uid(entropy_srcs=["series", str(patient)])
    image.FrameOfReferenceUID = generate_uid(entropy_srcs=["frame", str(patient)])
    image.StudyDate = image.SeriesDate = "20240102"


def _set_slice(image: Dataset, patient: int, number: int, generator: random.Random, varying: bool) -> None:
    z = -300 + number * 2.5
    x, y = generator.uniform(-250, 250), generator.uniform(-250, 250)
    current, seconds = generator.uniform(50, 450), generator.uniform(0, 59.999)
    if varying:
        uid = f"1.2.840.113619.2.55.3.{patient}.{generator.getrandbits(generator.choice((20, 40, 60)))}.{number}"
        position = [f"{x:.6g}", f"{y:.7g}", f"{z:g}"]
        numbers = {
            "InstanceNumber": f"{number + 1}",
            "SliceLocation": f"{z:g}",
            "XRayTubeCurrent": f"{current:.0f}",
            "ExposureTime": f"{current * 3:.0f}",
            "Exposure": f"{current / 50:.0f}",
            "AcquisitionTime": f"1203{seconds:09.6f}".rstrip("0").rstrip("."),
            "ContentTime": f"1204{seconds:09.6f}".rstrip("0").rstrip("."),
            "AcquisitionNumber": f"{number % 12 + 1}",
            "WindowCenter": f"{current:.4g}",
            "TableHeight": f"{x:.5g}",
            "GantryDetectorTilt": f"{x / 1000:.3g}",
            "DistanceSourceToPatient": f"{541 + x / 100:.6g}",
            "ImageComments": "x" * (number % 7 + 1),
        }
    else:
        uid = f"1.2.840.113619.2.55.3.{100000 + patient}.{1000 + number}"
        position = [f"{x:+011.5f}", f"{y:+011.5f}", f"{z:+09.3f}"]
        numbers = {
            "InstanceNumber": f"{number + 1:04d}",
            "SliceLocation": f"{z:+09.3f}",
            "XRayTubeCurrent": f"{current:04.0f}",
            "AcquisitionTime": f"1203{seconds:09.6f}",
            "ContentTime": f"1204{seconds:09.6f}",
        }
    image.SOPInstanceUID = image.file_meta.MediaStorageSOPInstanceUID = UID(uid)
    image.ImagePositionPatient = position
    for keyword, value in numbers.items():
        setattr(image, keyword, value)
