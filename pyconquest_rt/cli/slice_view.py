"""The verb slice: one image with contours and isodoses over it."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from pyconquest_rt.cli.terminal import archive_options, open_archive
from pyconquest_rt.settings.sections import Settings

if TYPE_CHECKING:
    from pyconquest_rt.archive.archive import Archive


@click.command(name="slice")
@click.argument("series", metavar="SERIES")
@click.option("--at", "z", required=True, type=float, metavar="Z", help="Place along the patient in mm.")
@click.option("--dose", metavar="SOP|PATH", help="Draw isodoses of this RTDOSE, in % of its prescription.")
@click.option(
    "--structures", metavar="SOP|PATH", help="Contours of this RTSTRUCT [that of the dose, or the series]."
)
@click.option("--out", required=True, metavar="FILE", help="The picture: .png, .svg or .pdf.")
@archive_options
def slice_verb(
    settings: Settings, series: str, z: float, dose: str | None, structures: str | None, out: str
) -> None:
    """Draw an image of a series with contours and isodoses over it."""
    from pyconquest_rt.archive.selection import select_images
    from pyconquest_rt.exports.slice_view import draw_slice, image_at, structures_of

    archive = open_archive(settings, writes=False)
    images = select_images(archive.database, "series", series)
    if not images:
        raise click.ClickException(f"the archive has no series {series}")
    own_structures, rx = structures_of(archive.database, series, dose)
    structures = structures or own_structures
    paths = [_path(archive, image.sop) for image in images]
    try:
        notes = draw_slice(
            image_at(paths, z),
            out,
            _path(archive, structures) if structures else None,
            _path(archive, dose) if dose else None,
            rx,
            series,
        )
    except ValueError as error:
        raise click.ClickException(str(error)) from error
    for note in notes:
        click.echo(f"note: {note}")
    click.echo(f"{out}: written")


def _path(archive: "Archive", what: str) -> Path:
    """Return the file of an object of the archive, or a path as it is."""
    from pyconquest_rt.exports.volumes import object_file

    return Path(what) if Path(what).is_file() else object_file(archive, what)


VERBS: list[click.Command] = [slice_verb]
