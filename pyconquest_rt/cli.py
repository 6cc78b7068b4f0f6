"""The command ``pyconquest-rt VERB``; each verb is a thin wrapper of one public function, in :mod:`.verbs`.

A verb ends with a status other than 0 when it failed. What it needs is imported when it runs, so that ``--help``
answers at once.
"""

from typing import Any

import click

from pyconquest_rt.errors import PyconquestError
from pyconquest_rt.verbs import dose, export, forward, index, network, objects, rt, service, settings
from pyconquest_rt.version import __version__


class _Group(click.Group):
    """Turns the errors that are raised on purpose into one line and status 1."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except PyconquestError as error:
            raise click.ClickException(str(error)) from error


@click.group(cls=_Group, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="pyconquest-rt")
def main() -> None:
    """A Conquest-compatible local PACS indexer with DICOM networking and a radiotherapy extension.

    Every verb takes --data, --database and --sql, or finds them in pyconquest.toml in the working directory.
    """


for module in (index, objects, export, network, forward, rt, dose, settings, service):
    for verb in module.VERBS:
        main.add_command(verb)
