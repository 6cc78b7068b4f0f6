"""Modulation complexity score of a beam with multi-leaf collimator: 1 for an open square, else less.

For each control point the leaf sequence variability (LSV) says how alike neighbouring leaves of a bank stand,
the aperture area variability (AAV) how large the opening is beside the union of all openings of the beam. The
score is the sum, over the intervals between control points, of the mean AAV times the mean LSV of both ends
times the part of the monitor units. Sources: McNiven et al., Med. Phys. 37 (2010) 505-515; for arcs, and used
here for all beams, Masi et al., Med. Phys. 40 (2013) 071718.
"""

import numpy as np
import numpy.typing as npt
from pydicom.dataset import Dataset

from pyconquest_rt.dicom.access import items
from pyconquest_rt.rt.objects.rows import reals, value

Floats = npt.NDArray[np.float64]

_JAWS_ACROSS = {"MLCX": ("Y", "ASYMY"), "MLCY": ("X", "ASYMX")}
CLOSED_MM = 0.5
"""Leaf pairs that are never farther apart than this in a beam take no part in it."""


def modulation_complexity(beam: Dataset, control_points: list[Dataset], weights: list[float]) -> float | None:
    """The score from 0 to 1; None for a beam without multi-leaf collimator or without monitor units.

    ``weights`` are the cumulative meterset weights of the control points.
    """
    borders = _leaf_borders(beam)
    steps = np.diff(weights)
    if borders is None or steps.size == 0 or not (steps >= 0).all() or steps.sum() <= 0:
        return None
    kind, edges = borders
    banks, inside = _positions(control_points, kind, edges)
    if banks is None:
        return None
    gaps = banks[:, 1] - banks[:, 0]
    inside &= (gaps > CLOSED_MM).any(axis=0)
    if not inside.any(axis=1).all():
        return None
    left, right = np.where(inside, banks[:, 0], np.inf), np.where(inside, banks[:, 1], -np.inf)
    used = inside.any(axis=0)
    union = float((right.max(axis=0) - left.min(axis=0))[used].sum())
    area = np.where(inside, gaps, 0.0).sum(axis=1) / union
    alike = np.array(
        [_likeness(bank[0][use]) * _likeness(bank[1][use]) for bank, use in zip(banks, inside, strict=True)]
    )
    score = 0.25 * (area[1:] + area[:-1]) * (alike[1:] + alike[:-1])
    return float(np.clip(score @ steps / steps.sum(), 0.0, 1.0))


def _likeness(positions: Floats) -> float:
    """How alike neighbouring leaves of one bank stand: 1 where they stand in line."""
    reach = float(np.ptp(positions))
    if positions.size < 2 or reach == 0:
        return 1.0
    return float(1.0 - np.abs(np.diff(positions)).sum() / ((positions.size - 1) * reach))


def _leaf_borders(beam: Dataset) -> tuple[str, Floats] | None:
    for keyword in ("BeamLimitingDeviceSequence", "IonBeamLimitingDeviceSequence"):
        for device in items(beam, keyword):
            kind = value(device, "RTBeamLimitingDeviceType")
            edges = np.array(reals(device, "LeafPositionBoundaries"))
            if kind in _JAWS_ACROSS and edges.size > 2:
                return kind, edges
    return None


def _positions(
    control_points: list[Dataset], kind: str, edges: Floats
) -> tuple[Floats | None, npt.NDArray[np.bool_]]:
    """Leaf positions, shape (control points, 2 banks, leaves), and which leaves lie between the jaws."""
    leaves = edges.size - 1
    now: dict[str, list[float]] = {}
    banks, inside = [], []
    for point in control_points:
        for device in items(point, "BeamLimitingDevicePositionSequence"):
            now[value(device, "RTBeamLimitingDeviceType") or ""] = reals(device, "LeafJawPositions")
        if len(now.get(kind, [])) != 2 * leaves:
            return None, np.empty((0, leaves), bool)
        banks.append(np.array(now[kind]).reshape(2, leaves))
        jaws = [now[jaw] for jaw in _JAWS_ACROSS[kind] if len(now.get(jaw, [])) == 2]
        low, high = jaws[0] if jaws else (-np.inf, np.inf)
        inside.append((edges[1:] > low) & (edges[:-1] < high))
    return np.array(banks), np.array(inside)
