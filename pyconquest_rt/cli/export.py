"""The verb export."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from pyconquest_rt.cli.terminal import Progress, archive_options, cell, json_option, open_archive, print_json
from pyconquest_rt.exports.deidentify.options import KEEP
from pyconquest_rt.settings.sections import Settings

if TYPE_CHECKING:
    from pyconquest_rt.exports.objects import Exported


@click.command()
@click.argument("destination", type=click.Path(file_okay=False, path_type=Path))
@click.argument("patients", nargs=-1, metavar="[PATIENT]...")
@click.option("--study", "studies", multiple=True, metavar="UID", help="A study; may be repeated.")
@click.option("--series", multiple=True, metavar="UID", help="A series; may be repeated.")
@click.option("--where", default="", metavar="SQL", help="Series by a condition: \"Modality = 'RTDOSE'\".")
@click.option(
    "--pseudonymise", is_flag=True, help="Take out who the patients are (DICOM PS3.15, basic profile)."
)
@click.option(
    "--dates",
    type=click.Choice(["shift", "remove"]),
    default="shift",
    show_default=True,
    help="Move all dates of a patient by the same number of weeks, or take them out.",
)
@click.option(
    "--keep",
    multiple=True,
    type=click.Choice(list(KEEP)),
    help="What the profile would take out; may be repeated.",
)
@click.option("--burned-in", is_flag=True, help="Also what may show the patient: screen captures, documents.")
@click.option(
    "--key",
    "key_file",
    type=click.Path(dir_okay=False, path_type=Path),
    help="A file with the key [the archive's].",
)
@click.option(
    "--map",
    "map_file",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write the map to this CSV file too.",
)
@json_option
@archive_options
def export(
    settings: Settings,
    destination: Path,
    patients: tuple[str, ...],
    studies: tuple[str, ...],
    series: tuple[str, ...],
    where: str,
    pseudonymise: bool,
    dates: str,
    keep: tuple[str, ...],
    burned_in: bool,
    key_file: Path | None,
    map_file: Path | None,
    as_json: bool,
) -> None:
    """Write objects into a folder, as they are or under pseudonyms.

    The objects are those of the patients, studies and series that are named; nothing is taken away from the archive.
    Pseudonyms are the same in every export with the same key, so that references stay whole. The key and the map
    from originals to pseudonyms stay in the archive's database. The status is 1 where something was not exported.
    """
    from pyconquest_rt.exports import objects

    options = objects.Pseudonymisation(dates, keep, burned_in, key_file, map_file) if pseudonymise else None
    if options is None and (keep or burned_in or key_file or map_file):
        raise click.UsageError("--keep, --burned-in, --key and --map go with --pseudonymise")
    archive = open_archive(settings)
    images = objects.select(archive, patients=patients, studies=studies, series=series, where=where)
    if not images:
        raise click.ClickException("no object was found; name a PATIENT, --study, --series or --where")
    progress = Progress("objects")
    exported = objects.export(archive, images, destination, pseudonymise=options, progress=progress)
    progress.close()
    print_json(vars(exported)) if as_json else _print_exported(exported, destination)
    if exported.refused:
        sys.exit(1)


def _print_exported(exported: "Exported", destination: Path) -> None:
    click.echo(f"{exported} (to {destination})")
    for sop, reason in exported.refused:
        click.echo(f"  {cell(sop)}: {cell(reason)}", err=True)


VERBS: list[click.Command] = [export]
