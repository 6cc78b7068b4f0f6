"""Images that are there twice: left out only where their pixels are equal."""

from collections.abc import Sequence

import numpy as np

from pyconquest_rt.volumes.assembly import Array
from pyconquest_rt.volumes.codes import VolumeError
from pyconquest_rt.volumes.frames import Frame
from pyconquest_rt.volumes.pixels import for_each


def check_twins(twins: Sequence[tuple[Frame, Frame]], codes: Sequence[str]) -> None:
    """Compare the pixels of each pair.

    Raises:
        VolumeError: they differ, so nobody knows which is right.
    """
    code = "duplicate_position" if "duplicate_position" in codes else "duplicate_instance"
    for pair in twins:
        arrays: dict[int, Array] = {}
        for_each(pair, arrays.__setitem__)
        if pair[0].mapping != pair[1].mapping or not np.array_equal(arrays[0], arrays[1]):
            raise VolumeError(
                code, f"{pair[0].source.name} and {pair[1].source.name} have one place, but other pixels"
            )
