"""dicompyler-core 0.5.6, made to work beside pydicom 3."""

from typing import Any

import numpy as np
import numpy.typing as npt
import pydicom
import pydicom.dicomio
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ImplicitVRLittleEndian

Floats = npt.NDArray[np.float64]

UNKNOWN_UID = "2.25.0"


def library() -> Any:
    """Return the package dicompylercore with its modules ``dvh`` and ``dvhcalc`` loaded.

    Its parser imports ``read_file`` from pydicom.dicomio, which pydicom 3 no longer has; it is put back for
    that.
    """
    if not hasattr(pydicom.dicomio, "read_file"):
        pydicom.dicomio.read_file = pydicom.dcmread  # type: ignore[attr-defined]
    import dicompylercore
    import dicompylercore.dvh
    import dicompylercore.dvhcalc

    return dicompylercore


def with_file_meta(dataset: Dataset) -> Dataset:
    """Return a data set that dicompyler-core can take: one without file meta information gets some."""
    if getattr(dataset, "file_meta", None):
        return dataset
    copy = Dataset(dataset)
    copy.file_meta = FileMetaDataset()
    copy.file_meta.MediaStorageSOPClassUID = dataset.get("SOPClassUID", UNKNOWN_UID)
    copy.file_meta.MediaStorageSOPInstanceUID = dataset.get("SOPInstanceUID", UNKNOWN_UID)
    copy.file_meta.TransferSyntaxUID = ImplicitVRLittleEndian
    return copy


def calculate(structure_set: Dataset, dose: Dataset, roi_number: int) -> tuple[Floats, Floats]:
    """Return the doses (Gy) of the bin edges and the volume (cc) at or above each, as dicompyler-core has
    them.

    Whatever it raises comes through.
    """
    found = library().dvhcalc.get_dvh(structure_set, dose, roi_number)
    counts = np.append(np.asarray(found.counts, np.float64), 0.0)
    return np.asarray(found.bins, np.float64)[: counts.size], counts


def to_dicompyler(
    edges: Floats, volumes: Floats, name: str, color: tuple[int, int, int] | None, notes: str
) -> Any:
    """Return a cumulative ``dicompylercore.dvh.DVH`` in Gy and cm3 from dose edges and volumes at or above
    each."""
    counts, bins = (volumes[:-1], edges) if edges.size > 1 else (np.zeros(1), np.array([0.0, 0.01]))
    return library().dvh.DVH(
        counts=counts,
        bins=bins,
        dvh_type="cumulative",
        name=name,
        color=None if color is None else np.array(color),
        notes=notes or None,
    )
