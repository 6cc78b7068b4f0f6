"""Plots and metrics of stored DVHs: curves that can be told apart, any metric from the stored curve."""

import json
import re
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from pyconquest_rt import pyconquest
from pyconquest_rt.cli.main import main
from pyconquest_rt.demo import make_patients
from pyconquest_rt.dvh import calculate_dvhs
from pyconquest_rt.exports.dvh import NamedCurve
from pyconquest_rt.exports.dvh_plot import BRIGHTEST, plot_dvhs, styles
from pyconquest_rt.exports.dvh_plot import _luminance as luminance
from pyconquest_rt.rt.dvh.curve import Curve


def curve(name: str, colour: str | None, source: str = "pyconquest", rx: float | None = 60.0) -> NamedCurve:
    dose = np.array([0.0, 20.0, 40.0, 60.0])
    return NamedCurve(
        "P1", name, source, colour, rx, Curve(dose, np.array([10.0, 8.0, 3.0, 0.0])), "1.2.3", kind="PLAN"
    )


@pytest.mark.parametrize("colour", ["#ff0000", "#ffffff", None])
def test_no_two_curves_look_alike_and_none_is_white(colour: str | None) -> None:
    found = styles([curve(f"ROI {number}", colour) for number in range(36)])
    looks = Counter((style["color"], str(style["linestyle"])) for style in found)
    assert max(looks.values()) == 1
    assert all(luminance(style["color"]) < BRIGHTEST for style in found)


def test_the_rois_colour_is_kept_where_it_is_its_own() -> None:
    heart, lung, sent = styles(
        [curve("Heart", "#aa0000"), curve("Lung", "#0000aa"), curve("Heart", "#aa0000", "vendor")]
    )
    assert (heart["color"], lung["color"]) == ("#aa0000", "#0000aa")
    assert sent["color"] == heart["color"] and sent["linestyle"] != heart["linestyle"]


def test_thirty_six_rois_have_a_legend_beside_axes_of_the_usual_size(tmp_path: Path) -> None:
    curves = [curve(f"Organ at risk number {number}", "#ff0000") for number in range(36)]
    plot_dvhs(curves, str(tmp_path / "a.svg"), "P1")
    drawn = (tmp_path / "a.svg").read_text()
    names = set(re.findall(r"<!-- (Organ at risk number \d+) -->", drawn))
    assert len(names) == 36
    width, height = (
        float(value) for value in re.search(r'width="([\d.]+)pt" height="([\d.]+)pt"', drawn).groups()
    )  # type: ignore[union-attr]
    assert width > 2 * height  # the legend widens the figure, and leaves the axes


def test_relative_doses_need_a_prescription(tmp_path: Path) -> None:
    plot_dvhs([curve("Heart", None)], str(tmp_path / "a.png"), relative=True, differential=True)
    assert (tmp_path / "a.png").stat().st_size > 5000
    with pytest.raises(ValueError, match="no prescription is known for Heart"):
        plot_dvhs([curve("Heart", None, rx=None)], str(tmp_path / "a.png"), relative=True)


@pytest.fixture
def demo(archive: pyconquest) -> pyconquest:
    make_patients("data", count=1)
    archive.rebuild_database_from_dicom()
    archive.derive()
    return archive


def test_any_metric_is_taken_from_the_stored_curve(demo: pyconquest) -> None:
    names = (
        "D95%[Gy]",
        "D2cc[Gy]",
        "V19Gy[%]",
        "V20Gy[cc]",
        "Mean",
        "gEUD8[Gy]",
        "Volume[cc]",
    )
    folder = "data/DEMO001/"
    exact = calculate_dvhs(f"{folder}RTSTRUCT.dcm", f"{folder}RTDOSE.dcm", prescription_gy=60.0, fractions=30)
    rows = demo.dvh("DEMO001", metrics=names)
    assert len(rows) == len(exact)
    for row in rows:
        for name in names:
            expected = exact[row["roi_number"]].metric(name)
            if not np.isfinite(exact[row["roi_number"]].mean_gy):  # an ROI without a plane has no curve
                assert row[name] is None, (row["roi_name"], name)
                continue
            if name.startswith("V"):
                tolerance = 0.001 * exact[row["roi_number"]].volume_cc if "cc" in name else 0.15
            else:
                tolerance = max(0.002 * abs(expected), 0.002)
            assert row[name] == pytest.approx(expected, abs=tolerance), (row["roi_name"], name)


def test_what_is_no_metric_or_needs_the_grid_is_refused(demo: pyconquest) -> None:
    with pytest.raises(ValueError, match="is no metric; write for example"):
        demo.dvh("DEMO001", metrics=("nonsense",))
    with pytest.raises(ValueError, match="not calculated yet"):
        demo.dvh("DEMO001", metrics=("CI95%",))
    refused = CliRunner().invoke(main, ["dvh", "DEMO001", "--metric", "nonsense"])
    assert refused.exit_code == 1 and "is no metric" in refused.output


def test_curves_as_numbers(demo: pyconquest) -> None:
    (path,) = [Path("curve.csv")]
    done = CliRunner().invoke(
        main, ["dvh", "DEMO001", "--roi", "Heart", "--curve", "--csv", str(path), "--json"]
    )
    points = json.loads(done.stdout)
    assert done.exit_code == 0 and points[0]["volume_percent"] == 100.0 and points[-1]["volume_percent"] < 1
    assert path.read_text().count("\n") == len(points) + 1
    assert [point["dose_gy"] for point in points] == sorted(point["dose_gy"] for point in points)
