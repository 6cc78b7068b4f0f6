"""Synthetic radiotherapy patients, to try everything out without anybody's data.

A patient is one study: a planning CT of a simple thorax, a structure set, a plan of two arcs, its dose
and the scanner's dose report, complete in their tags and in their references to each other. All names are
invented. The same arguments give the same UIDs and the same content. Coordinates are the patient's (DICOM
PS3.3 C.7.6.2.1.1): x to the left, y to the back, z to the head, in millimetres.
"""

import re
from collections.abc import Iterator
from pathlib import Path

from pydicom import Dataset

from pyconquest_rt.demo.objects import ct_images, rt_dose, rt_plan, structure_set
from pyconquest_rt.demo.phantom import Patient
from pyconquest_rt.demo.report import dose_report

__all__ = ["make_patient", "make_patients"]


def make_patient(
    directory: str | Path,
    patient_id: str = "DEMO001",
    patient_name: str = "Demo^Patient One",
    slices: int = 40,
    pixels: int = 128,
) -> list[Path]:
    """Write the objects of one synthetic patient to ``directory/patient_id``; returns their paths.

    The CT has ``slices`` images of ``pixels`` x ``pixels``, 3 mm apart, over a field of 320 mm. Where in the
    lung the target sits, and how large it is, depends on ``patient_id``.

    Raises:
        ValueError: ``patient_id`` is not a plain name of letters, digits, ``_`` and ``-``.
    """
    if not re.fullmatch(r"[A-Za-z0-9_-]{1,64}", patient_id):
        raise ValueError(f"expected a patient id of 1 to 64 letters, digits, _ and -, not {patient_id!r}")
    patient = Patient(patient_id, patient_name, slices, pixels)
    folder = Path(directory) / patient_id
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for dataset in _objects(patient):
        number = f"_{dataset.InstanceNumber:03d}" if dataset.Modality == "CT" else ""
        paths.append(folder / f"{dataset.Modality}{number}.dcm")
        dataset.save_as(paths[-1], enforce_file_format=True)
    return paths


def make_patients(directory: str | Path, count: int = 3) -> list[Path]:
    """Write ``count`` synthetic patients, DEMO001 and on, each to a folder of its own; returns all paths."""
    words = ("One", "Two", "Three", "Four", "Five", "Six", "Seven", "Eight", "Nine", "Ten")
    paths = []
    for number in range(1, count + 1):
        word = words[number - 1] if number <= len(words) else str(number)
        paths += make_patient(directory, f"DEMO{number:03d}", f"Demo^Patient {word}")
    return paths


def _objects(patient: Patient) -> Iterator[Dataset]:
    """All objects, in the order in which a clinic makes them."""
    images = list(ct_images(patient))
    yield from images
    yield dose_report(patient)
    yield (structures := structure_set(patient, images))
    yield (plan := rt_plan(patient, structures))
    yield rt_dose(patient, plan)
