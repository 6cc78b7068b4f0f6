"""The verb check: what is missing, doubled or contradictory in a folder before it is imported, or in the archive."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from pyconquest_rt.cli.terminal import (
    Progress,
    archive_options,
    cell,
    json_option,
    print_json,
    print_rows,
    read_archive,
)
from pyconquest_rt.settings.sections import Settings

if TYPE_CHECKING:
    from pyconquest_rt.service.check import Checked

_STATUS = {"error": 1, "warning": 3}


@click.command()
@click.argument(
    "path", required=False, type=click.Path(exists=True, file_okay=False, path_type=Path), metavar="[PATH]"
)
@click.option(
    "--archive", "of_archive", is_flag=True, help="Look at what is in the archive, as far as it is derived."
)
@click.option("--html", metavar="FILE", help="Write one HTML file that needs no other.")
@json_option
@archive_options
def check(settings: Settings, path: Path | None, of_archive: bool, html: str | None, as_json: bool) -> None:
    """Look at a folder before it is imported, or at the archive: what is missing, doubled, contradictory, not derived.

    Nothing is stored or changed. The status is 1 where there is an error, 3 where there are warnings, else 0.
    """
    from pyconquest_rt.service.check import check_archive, check_folder

    if (path is None) == (not of_archive):
        raise click.UsageError("give a folder, or --archive")
    if path is None:
        checked = check_archive(read_archive(settings))
    else:
        progress = Progress("objects")
        checked = check_folder(path, settings, progress)
        progress.close()
    if html:
        _write_page(checked, html)
        click.echo(f"{html}: written", err=as_json)
    if as_json:
        print_json(checked.as_dict())
    else:
        _print(checked)
    sys.exit(_STATUS.get(checked.worst or "", 0))


def _print(checked: "Checked") -> None:
    for patient in checked.patients:
        counts = f"{patient['studies']} studies, {patient['series']} series, {patient['objects']} objects"
        click.echo(cell(f"{patient['patient_id']}: {counts} ({patient['modalities']})"))
    if checked.findings:
        click.echo()
        print_rows([finding._asdict() for finding in checked.findings], False)
    else:
        click.echo("nothing to be said: all is there and belongs together")


def _write_page(checked: "Checked", path: str) -> None:
    from pyconquest_rt.exports.chain import Node, drawn
    from pyconquest_rt.exports.check_page import page

    trees = {
        patient["patient_id"]: [line for tree in patient["chains"] for line in drawn([Node.of_dict(tree)])]
        for patient in checked.patients
    }
    Path(path).write_text(page(checked.as_dict(), trees), "utf-8")


VERBS: list[click.Command] = [check]
