"""What a series should become, and whether it does: each voxel is compared with the value of its place."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from made import error, save, truth

from pyconquest_rt.volumes import Volume, VolumeError, examine, load


@dataclass
class Case:
    """A series and what should come of it.

    ``refused`` is the code of a refusal. ``codes``, ``shape``, ``axes`` are those of the best volume, ``vols`` how many
    there are to be loaded. ``value`` gives the value of a place; without it stacks may differ by thousands, so that
    each can be told from the others. ``kw`` goes to `load`.
    """

    make: Callable[[], list[Any]]
    refused: str = ""
    codes: list[str] | None = None
    shape: tuple[int, ...] | None = None
    axes: dict[str, list[Any]] = field(default_factory=dict)
    vols: int = 1
    tol: float = 0.51
    value: Callable[[Any], Any] | None = None
    kw: dict[str, Any] = field(default_factory=dict)


def check(case: Case, folder: Path) -> None:
    """Load what there is to load of a case and compare it; refused is what should be."""
    candidates = examine(save(folder, case.make()))
    if case.refused:
        with pytest.raises(VolumeError) as caught:
            load(candidates[0], **case.kw)
        assert caught.value.code == case.refused
        assert case.refused in candidates[0].codes
        return
    wanted = [one for one in candidates if one.selected]
    assert len(wanted) == case.vols
    for one in wanted[1:]:
        load(one, **case.kw)
    volume = load(candidates[0], **case.kw)
    if case.codes is not None:
        assert sorted(volume.codes) == sorted(case.codes)
    if case.shape is not None:
        assert volume.array.shape == case.shape
    assert {name: volume.axes[name] for name in case.axes} == case.axes
    _check_values(volume, case)


def _check_values(volume: Volume, case: Case) -> None:
    thousands = set()
    stacks = volume.array if volume.array.ndim == 4 else volume.array[None]
    for stack in stacks:
        values = stack.astype(float)
        if case.value is not None:
            assert error(values, volume.affine, case.value) <= case.tol
            continue
        step = 1000 * round(float(np.nanmedian(values) - np.median(_places(volume))) / 1000)
        thousands.add(step)
        assert error(values, volume.affine, lambda places, step=step: truth(places) + step) <= case.tol
    assert case.value is not None or len(thousands) == len(stacks)


def _places(volume: Volume) -> Any:
    grid = np.indices(volume.array.shape[-3:]).reshape(3, -1)
    return truth(volume.affine[:3, :3] @ grid + volume.affine[:3, 3:])
