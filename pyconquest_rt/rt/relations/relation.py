"""How an organ lies to a target: distances, overlap, the overlap-volume histogram (OVH) and directions.

The OVH is that of Wu et al. 2009 (Med Phys 36:5497): the part of the organ whose signed distance to the target's
surface is at most t. Here it is the DVH of the field of distances, read by the DVH engine.
"""

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from pyconquest_rt.rt.relations.directions import Directions, directions_of
from pyconquest_rt.rt.relations.region import Region

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Relation:
    """How an organ lies to a target. Distances in mm are signed: negative within the target.

    ``ovh_mm`` are ascending distances, every whole mm among them, and ``ovh_fraction`` the part of the organ's volume
    within each. ``min_mm``, ``p25_mm``, ``median_mm``, ``mean_mm``, ``p75_mm`` and ``max_mm`` are over the organ's
    volume, ``centroid_mm`` is the distance of the two centres of gravity. ``status`` is ``ok``, ``warning`` or
    ``failed``, with the ``reason``; where it failed the numbers are None.
    """

    organ: tuple[int, ...]
    target: tuple[int, ...]
    organ_name: str = ""
    target_name: str = ""
    status: str = "ok"
    reason: str = ""
    end_cap: str = "half"
    ovh_mm: Floats | None = None
    ovh_fraction: Floats | None = None
    organ_cc: float | None = None
    target_cc: float | None = None
    overlap_cc: float | None = None
    min_mm: float | None = None
    p25_mm: float | None = None
    median_mm: float | None = None
    mean_mm: float | None = None
    p75_mm: float | None = None
    max_mm: float | None = None
    centroid_mm: float | None = None
    centre: Floats | None = field(default=None, repr=False)
    targets: tuple[Region, ...] = field(default=(), repr=False)

    def sts(
        self, distance_mm: float = 10.0, azimuth_deg: float = 20.0, elevation_deg: float = 10.0
    ) -> Directions:
        """Return where the target lies as seen from the organ's centre of gravity.

        ``distance_mm``, ``azimuth_deg`` and ``elevation_deg`` are the widths of the bins. Without numbers (``failed``)
        all parts of the result are None.
        """
        if self.centre is None:
            return Directions(None, None, None, None)
        return directions_of(self.targets, self.centre, (distance_mm, azimuth_deg, elevation_deg))

    def fraction_within(self, distance_mm: npt.ArrayLike) -> Floats | None:
        """Return the parts of the organ's volume within distances of the target; None where there is no OVH."""
        if self.ovh_mm is None or self.ovh_fraction is None:
            return None
        return np.asarray(
            np.interp(np.asarray(distance_mm, float), self.ovh_mm, self.ovh_fraction, left=0.0, right=1.0)
        )


OVH_STEPS_PER_MM = 10
COARSE_STEPS_PER_MM = 2
LONG_OVH_MM = 300.0


def ovh_distances(low: float, high: float) -> Floats:
    """Return the distances of an OVH: from the whole mm below ``low`` to that above ``high``, by tenths of a mm."""
    first, last = int(np.floor(low)), int(np.ceil(high))
    steps = OVH_STEPS_PER_MM if last - first <= LONG_OVH_MM else COARSE_STEPS_PER_MM
    return np.arange(first * steps, last * steps + 1) / steps
