"""The command ``pyconquest-rt VERB``; each verb is a thin wrapper of one public function, in :mod:`.verbs`.

A verb ends with a status other than 0 when it failed. What it needs is imported when it runs, so that ``--help``
answers at once.
"""

import os
from typing import Any

import click

from pyconquest_rt.cli import (
    catalog,
    check,
    ctk,
    dose,
    export,
    forward,
    goals,
    index,
    network,
    objects,
    relations,
    roi,
    rt,
    service,
    settings,
    slice_view,
    source,
    volumes,
)
from pyconquest_rt.dicom.quiet import silence_pydicom
from pyconquest_rt.errors import PyconquestError
from pyconquest_rt.settings.file import FILE_VARIABLE
from pyconquest_rt.version import __version__

_INTERRUPTED = 130  # 128 and the number of SIGINT, as shells have it


class _Group(click.Group):
    """Turns the errors that are raised on purpose, the database's and the system's into one line and status 1."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:
            click.echo(
                "\ninterrupted; what was done until now is kept, and the same command goes on from there",
                err=True,
            )
            ctx.exit(_INTERRUPTED)
        except (PyconquestError, OSError) as error:
            if isinstance(error, BrokenPipeError):
                raise
            raise click.ClickException(str(error)) from error


@click.group(cls=_Group, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="pyconquest-rt")
@click.option(
    "--settings",
    metavar="FILE",
    help="Settings in place of the pyconquest.toml beside the database or here.",
)
def main(settings: str | None) -> None:
    """A Conquest-compatible local PACS indexer with DICOM networking and a radiotherapy extension.

    Every verb takes --data, --database and --sql, or finds them in pyconquest.toml in the
    working directory. The other settings are those of the pyconquest.toml beside the database, if there is one.
    """
    silence_pydicom()
    if settings:
        os.environ[FILE_VARIABLE] = settings  # where worker processes find it too


def _uniform(command: click.Command) -> click.Command:
    """Let a verb that needs no archive take the options that name one too, so that a script gives them to all."""
    for verb in command.commands.values() if isinstance(command, click.Group) else ():
        _uniform(verb)
    taken = {name for parameter in command.params for name in parameter.opts}
    if not isinstance(command, click.Group):
        missing = [name for name in ("--data", "--database", "--sql") if name not in taken]
        command.params += [click.Option([name], expose_value=False, hidden=True) for name in missing]
    return command


for module in (
    index,
    catalog,
    check,
    objects,
    export,
    ctk,
    network,
    forward,
    rt,
    roi,
    goals,
    dose,
    volumes,
    source,
    settings,
    service,
    relations,
    slice_view,
):
    for verb in module.VERBS:
        main.add_command(_uniform(verb))
