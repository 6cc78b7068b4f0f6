"""Contact sheet of a volume: some of its slices, with the outlines of masks, as a picture to look at."""

from collections.abc import Mapping
from math import ceil
from typing import Any

import numpy as np
import numpy.typing as npt

from pyconquest_rt.volumes import Volume

MAX_PICTURES = 20
COLUMNS = 5
_CT_WINDOW = (-160.0, 240.0)  #: soft tissue, HU

Array = npt.NDArray[Any]


def draw_sheet(volume: Volume, path: str, masks: Mapping[str, Array] | None = None, title: str = "") -> None:
    """Draw up to 20 slices (or frames), evenly chosen, to a PNG, SVG or PDF file; what is to be said stands above.

    Pixels have their true shape, each picture its slice number and the height of its middle along the slices' normal.
    Of several values at a place the first is drawn.

    Raises:
        ValueError: the file's ending names no format that matplotlib writes.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    slices = _slices(volume)
    chosen = np.unique(np.linspace(0, len(slices) - 1, min(MAX_PICTURES, len(slices))).round().astype(int))
    rows = ceil(len(chosen) / COLUMNS)
    figure = Figure(figsize=(2.4 * COLUMNS, 2.5 * rows + 0.9 + 0.2 * bool(masks)), layout="constrained")
    FigureCanvasAgg(figure)
    figure.suptitle(_caption(volume, title, len(chosen), len(slices)), fontsize=8)
    window = _window(volume, slices)
    colours = _colours(list(masks or {}))
    for number, k in enumerate(chosen.tolist(), 1):
        axes = figure.add_subplot(rows, COLUMNS, number)
        axes.set_axis_off()
        axes.set_title(_place(volume, k), fontsize=7, pad=2)
        _draw(axes, slices[k], _aspect(volume), window)
        for name, mask in (masks or {}).items():
            if mask[k].any():
                axes.contour(mask[k] > 0.5, levels=[0.5], colors=[colours[name]], linewidths=0.8)
    if masks:
        _legend(figure, colours)
    figure.savefig(path, dpi=110)


def _slices(volume: Volume) -> Array:
    is_sequence = (
        volume.array.ndim == 4 and volume.array.shape[-1] == 3 and "missing_geometry" in volume.codes
    )
    if is_sequence or volume.array.ndim == 3:
        return volume.array
    return volume.array[0] if volume.array.shape[1] > 1 else volume.array[:, 0]


def _caption(volume: Volume, title: str, shown: int, count: int) -> str:
    size = " x ".join(map(str, volume.array.shape))
    spacing = " x ".join(f"{value:.3g}" for value in np.linalg.norm(volume.affine[:3, :3], axis=0))
    parts = [title, f"{size}, {spacing} mm (k, j, i)", volume.unit, f"{shown} of {count} shown"]
    said = f"\nto be said: {', '.join(volume.codes)}" if volume.codes else ""
    return ", ".join(part for part in parts if part) + said


def _place(volume: Volume, k: int) -> str:
    if "missing_geometry" in volume.codes or (volume.array.ndim == 4 and volume.array.shape[1] == 1):
        return f"frame {k}"
    normal = np.cross(volume.affine[:3, 2], volume.affine[:3, 1])
    height = (volume.affine[:3, 3] + k * volume.affine[:3, 0]) @ normal / np.linalg.norm(normal)
    return f"k {k}, {height:.1f} mm"


def _aspect(volume: Volume) -> float:
    return float(np.linalg.norm(volume.affine[:3, 1]) / np.linalg.norm(volume.affine[:3, 2]))


def _window(volume: Volume, slices: Array) -> tuple[float, float]:
    """Grey values from black to white: soft tissue for HU, else from the 1st to the 99.5th percentile."""
    if volume.unit == "HU":
        return _CT_WINDOW
    step = max(1, slices.size // 200_000)
    values = slices.reshape(-1)[::step].astype(float)
    low, high = np.nanpercentile(values, [1, 99.5]) if np.isfinite(values).any() else (0.0, 1.0)
    return float(low), float(high if high > low else low + 1)


def _draw(axes: Any, plane: Array, aspect: float, window: tuple[float, float]) -> None:
    if plane.ndim == 3:
        axes.imshow(plane.astype(float) / np.iinfo(plane.dtype).max, aspect=aspect)
    else:
        axes.imshow(
            plane, cmap="gray", vmin=window[0], vmax=window[1], aspect=aspect, interpolation="nearest"
        )


def _colours(names: list[str]) -> dict[str, Any]:
    from matplotlib import colormaps

    table = colormaps["tab10" if len(names) <= 10 else "tab20"]
    return {name: table(number % table.N) for number, name in enumerate(names)}


def _legend(figure: Any, colours: Mapping[str, Any]) -> None:
    from matplotlib.lines import Line2D

    handles = [
        Line2D([], [], color=colour, label=name) for name, colour in list(colours.items())[:MAX_PICTURES]
    ]
    figure.legend(handles=handles, loc="outside lower center", ncols=6, fontsize=7, frameon=False)
