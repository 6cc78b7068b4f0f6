"""The synthetic patient itself: a thorax of ellipsoids, its CT numbers and its dose, in plain numpy."""

import hashlib
import math
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

SLICE_SPACING = 3.0
"""Distance of CT images and of dose planes, in mm."""

FIELD_OF_VIEW = 320.0
"""Side of a CT image, in mm."""

FloatArray = npt.NDArray[np.floating[Any]]


@dataclass(frozen=True, slots=True)
class Ellipsoid:
    """An ellipsoid along the axes, in mm; an infinite third radius makes a cylinder along z."""

    centre: tuple[float, float, float]
    radii: tuple[float, float, float]

    def radius(self, x: FloatArray, y: FloatArray, z: FloatArray) -> FloatArray:
        """The distance from the centre in units of the radii, 1 on the surface; the arrays broadcast."""
        parts = zip((x, y, z), self.centre, self.radii, strict=True)
        squares = sum(((place - centre) / radius) ** 2 for place, centre, radius in parts)
        return np.asarray(np.sqrt(squares))

    def scaled(self, factor: float) -> "Ellipsoid":
        """The same ellipsoid, larger or smaller about its centre."""
        x, y, z = self.radii
        return Ellipsoid(self.centre, (factor * x, factor * y, factor * z))

    def outline(self, z: float, points: int = 72) -> FloatArray:
        """The closed contour in the plane ``z``, shape (points, 3); (0, 3) where the plane misses it."""
        left = 1 - ((z - self.centre[2]) / self.radii[2]) ** 2
        if left <= 0:
            return np.empty((0, 3))
        angles = np.arange(points) * (2 * math.pi / points)
        x = self.centre[0] + self.radii[0] * math.sqrt(left) * np.cos(angles)
        y = self.centre[1] + self.radii[1] * math.sqrt(left) * np.sin(angles)
        return np.column_stack((x, y, np.full(points, z)))


@dataclass(frozen=True)
class Patient:
    """One synthetic patient: identity, size of the scan, and the anatomy that follows from the identity."""

    patient_id: str
    name: str
    slices: int
    pixels: int

    def uid(self, *role: object) -> str:
        """The UID of one of the patient's things: 2.25 (PS3.5 B.2) and 128 bits of a hash."""
        return f"2.25.{int.from_bytes(self._hash(*role)[:16])}"

    def random(self, *role: object) -> np.random.Generator:
        """Random numbers that are the same at every run."""
        return np.random.default_rng(list(self._hash(*role)))

    def _hash(self, *role: object) -> bytes:
        return hashlib.sha256(repr((self.patient_id, *role)).encode()).digest()

    @cached_property
    def structures(self) -> dict[str, Ellipsoid]:
        """The anatomy by ROI name."""
        random = self.random("anatomy")
        side = random.choice((-1.0, 1.0))
        x, y, z = side * random.uniform(65, 80), random.uniform(-15, 15), random.uniform(-12, 12)
        size = random.uniform(20, 26)
        return {
            "BODY": Ellipsoid((0, 0, 0), (145, 95, math.inf)),
            "Lung_L": Ellipsoid((78, 0, 0), (38, 60, 90)),
            "Lung_R": Ellipsoid((-78, 0, 0), (38, 60, 90)),
            "SpinalCord": Ellipsoid((0, 60, 0), (6, 6, math.inf)),
            "Heart": Ellipsoid((10, -30, -10), (28, 30, 40)),
            "PTV_6000": Ellipsoid((x, y, z), (size, size, size)),
        }

    @cached_property
    def slice_positions(self) -> FloatArray:
        """z of every CT image and of every dose plane, in mm, from foot to head."""
        return (np.arange(self.slices) - (self.slices - 1) / 2) * SLICE_SPACING

    @cached_property
    def pixel_positions(self) -> FloatArray:
        """x of every CT column and y of every CT row, in mm."""
        return (np.arange(self.pixels) - (self.pixels - 1) / 2) * (FIELD_OF_VIEW / self.pixels)

    def hounsfield(self) -> FloatArray:
        """The CT in Hounsfield units, shape (slices, rows, columns): organs over organs, and noise."""
        x, y, z = _grid(self.pixel_positions, self.pixel_positions, self.slice_positions)
        organs = self.structures
        target = organs["PTV_6000"]
        paint = (
            (organs["BODY"], 30.0),
            (organs["Lung_L"], -750.0),
            (organs["Lung_R"], -750.0),
            (organs["Heart"], 45.0),
            (Ellipsoid((0, 56, 0), (17, 17, math.inf)), 350.0),  # the vertebra around the cord
            (organs["SpinalCord"], 35.0),
            (target.scaled(0.6), 40.0),  # the tumour
        )
        values = np.full((self.slices, self.pixels, self.pixels), -1000.0)
        for organ, value in paint:
            values[organ.radius(x, y, z) <= 1] = value
        values += self.random("noise").normal(0, 8, values.shape)
        return np.asarray(np.clip(np.rint(values), -1024, 3071))

    def dose(self, x: FloatArray, y: FloatArray, prescription: float) -> FloatArray:
        """The dose at columns ``x``, rows ``y`` and all slices, shape (slices, rows, columns).

        It comes in the unit of ``prescription``: a plateau over the target, a steep edge around it, a bath in
        the rest of the body, and nothing in the air.
        """
        places = _grid(x, y, self.slice_positions)
        target = self.structures["PTV_6000"]
        outside = (target.radius(*places) - 1) * target.radii[0]  # mm from the target's surface
        plateau = 1.03 / (1 + np.exp((outside - 12) / 3))
        away = np.clip(outside, 0, None)
        bath = 0.12 * (np.exp(-away / 60) - np.exp(-away / 15))
        inside_body = self.structures["BODY"].radius(*places) <= 1
        return np.asarray(prescription * (plateau + bath) * inside_body)


def _grid(x: FloatArray, y: FloatArray, z: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
    """The axes as arrays that broadcast to (slices, rows, columns)."""
    return x[None, None, :], y[None, :, None], z[:, None, None]
