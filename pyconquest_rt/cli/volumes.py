"""The verb volume: a series, or files, as a volume with its verdict."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from pyconquest_rt.cli.terminal import (
    archive_options,
    has_database,
    json_option,
    open_archive,
    print_json,
    print_rows,
)
from pyconquest_rt.settings.sections import Settings

if TYPE_CHECKING:
    from pyconquest_rt.volumes import Candidate, Volume

WRITERS = (".nrrd", ".nii", ".nii.gz", ".npy")


@click.command()
@click.argument("what", metavar="SERIES|PATH", nargs=-1, required=True)
@click.option(
    "--out", metavar="FILE", type=click.Path(path_type=Path), help="Write it: .nrrd, .nii.gz or .npy."
)
@click.option("--unit", metavar="UNIT", help="SUVbw for PET; else the unit that the objects are in.")
@click.option("--fill", is_flag=True, help="Fill missing slices by interpolation.")
@click.option(
    "--resample", is_flag=True, help="Make uneven slices even, and take the shear out of tilted ones."
)
@click.option(
    "--preview", metavar="FILE", type=click.Path(path_type=Path), help="Draw a contact sheet: .png or .svg."
)
@click.option(
    "--mask", "mask_of", metavar="SOP|PATH", help="Structure set or segmentation to draw on the sheet."
)
@click.option("--list", "only_list", is_flag=True, help="Only say what there is; read no pixels.")
@json_option
@archive_options
def volume(
    settings: Settings,
    what: tuple[str, ...],
    out: Path | None,
    unit: str | None,
    fill: bool,
    resample: bool,
    preview: Path | None,
    mask_of: str | None,
    only_list: bool,
    as_json: bool,
) -> None:
    """Load a series (its UID) or files as a volume, say what is to be said of it, and write or draw it."""
    from pyconquest_rt.volumes import load

    if out is not None and not out.name.endswith(WRITERS):
        raise click.UsageError(f"--out ends with one of {', '.join(WRITERS)}")
    candidates = _candidates(settings, what)
    if only_list or not candidates:
        print_rows([_row(one) for one in candidates], as_json)
        sys.exit(0 if candidates else 1)
    found = load(candidates[0], unit, fill=fill, resample=resample)
    written = _write(found, out) if out is not None else found
    if preview is not None:
        _draw(settings, found, preview, mask_of, candidates[0].name)
    row = _row(candidates[0]) | {"codes": " ".join(written.codes), "unit": written.unit}
    print_json(row) if as_json else _print(row, candidates)


def _candidates(settings: Settings, what: tuple[str, ...]) -> "list[Candidate]":
    from pyconquest_rt.exports.volumes import volumes_of
    from pyconquest_rt.volumes import examine

    if all(Path(one).exists() for one in what):
        return examine([Path(one) for one in what])
    if len(what) > 1 or not has_database(settings):
        missing = next(one for one in what if not Path(one).exists())
        raise click.ClickException(
            f"there is no file {missing}, and one series of an archive is wanted at a time"
        )
    return volumes_of(open_archive(settings), what[0])


def _row(one: "Candidate") -> dict[str, Any]:
    return {
        "name": one.name,
        "kind": one.kind,
        "confidence": one.confidence,
        "selected": one.selected,
        "loads": one.refusal is None,
        "codes": " ".join(one.codes),
        "files": len(one.files),
        "size": " x ".join(map(str, one.shape)),
        "spacing_mm": " x ".join(f"{value:g}" for value in one.spacing),
    }


def _print(row: dict[str, Any], candidates: "list[Candidate]") -> None:
    from pyconquest_rt.volumes import CODES

    click.echo(
        f"{row['name']}: {row['kind']}, {row['size']}, {row['spacing_mm']} mm (k, j, i), {row['unit']}"
    )
    for code in str(row["codes"]).split():
        click.echo(f"  {code}: {CODES[code]}")
    others = [one for one in candidates[1:] if one.selected]
    if others:
        click.echo(f"  {len(others)} more of these objects: --list", err=True)


def _write(found: "Volume", out: Path) -> "Volume":
    if out.name.endswith((".nii", ".nii.gz")):
        return found.to_nifti(out)
    if out.suffix == ".npy":
        import numpy as np

        np.save(out, found.array)
    else:
        found.to_nrrd(out)
    return found


def _draw(settings: Settings, found: "Volume", preview: Path, mask_of: str | None, title: str) -> None:
    from pyconquest_rt.exports.contact_sheet import draw_sheet
    from pyconquest_rt.exports.volumes import object_file
    from pyconquest_rt.volumes import mask

    masks = None
    if mask_of is not None:
        path = Path(mask_of) if Path(mask_of).exists() else object_file(open_archive(settings), mask_of)
        masks = mask(path, found)
        for name, reason in masks.left_out.items():
            click.echo(f"  {name} is left out: {reason}", err=True)
    draw_sheet(found, str(preview), masks, title)


VERBS: list[click.Command] = [volume]
