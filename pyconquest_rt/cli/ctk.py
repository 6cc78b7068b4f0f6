"""Verbs of the ctkDICOM database, which 3D Slicer opens in place."""

import sys
from dataclasses import replace
from pathlib import Path

import click

from pyconquest_rt.cli.terminal import archive_options, cell, json_option, open_archive, print_json, waiting
from pyconquest_rt.settings.sections import Settings


@click.group()
def ctk() -> None:
    """Show the archive to 3D Slicer as a ctkDICOM database."""


def _update(settings: Settings, folder: Path, absolute: bool, as_json: bool) -> None:
    from pyconquest_rt.exports.ctk import update

    with waiting("reading headers"):
        done = update(open_archive(settings), folder, absolute=absolute)
    if as_json:
        print_json(vars(done))
    else:
        click.echo(f"{folder}: {done}")
        for sop, reason in done.left_out:
            click.echo(f"  {cell(sop)}: {cell(reason)}", err=True)
    if done.left_out:
        sys.exit(1)


_folder = click.argument("folder", type=click.Path(file_okay=False, path_type=Path))
_absolute = click.option("--absolute", is_flag=True, help="Name files below FOLDER by absolute paths too.")


@ctk.command("export")
@_folder
@_absolute
@json_option
@archive_options
def export(settings: Settings, folder: Path, absolute: bool, as_json: bool) -> None:
    """Write a ctkDICOM database over the files of the archive, where they are, into FOLDER.

    In 3D Slicer's DICOM module choose FOLDER as the database directory. The status is 1 where an image is left out.
    """
    _update(settings, folder, absolute, as_json)


@ctk.command("update")
@_folder
@_absolute
@json_option
@archive_options
def update(settings: Settings, folder: Path, absolute: bool, as_json: bool) -> None:
    """Bring the ctkDICOM database in FOLDER into line with the archive; untouched rows stay as they are."""
    from pyconquest_rt.exports.ctk.database import DATABASE

    if not (folder / DATABASE).is_file():
        raise click.ClickException(f"there is no {DATABASE} in {folder}; 'pyconquest-rt ctk export' makes it")
    _update(settings, folder, absolute, as_json)


@ctk.command("index")
@click.argument("folder", type=click.Path(exists=True, file_okay=False, path_type=Path))
@json_option
@archive_options
def index(settings: Settings, folder: Path, as_json: bool) -> None:
    """Index the images of an existing ctkDICOM database in FOLDER, where they are.

    FOLDER becomes the data directory. The status is 1 where an image lies elsewhere or its file cannot be indexed.
    """
    from pyconquest_rt.archive.rebuild import rebuild
    from pyconquest_rt.exports.ctk.database import files_elsewhere

    elsewhere = files_elsewhere(folder)
    archive = open_archive(
        replace(settings, archive=replace(settings.archive, data=str(folder))), create=True
    )
    with waiting("indexing"):
        report = rebuild(archive)
    rejected = [(path, why) for path, why in report.rejected if not path.startswith("ctkDICOM")]
    refused = rejected + [(path, "it lies outside of the folder") for path in elsewhere]
    if as_json:
        print_json(report.as_dict() | {"refused": refused})
    else:
        click.echo(str(report))
        for path, why in refused:
            click.echo(f"  {cell(path)}: {cell(why)}", err=True)
    if refused:
        sys.exit(1)


VERBS: list[click.Command] = [ctk]
