"""The command ``pyconquest-rt VERB``; each verb is a thin wrapper of one public function, in a module of this room.

A verb ends with a status other than 0 when it failed. Its module is imported when it is asked for, and what it needs
when it runs, so that every command starts at once.
"""

import os
from importlib import import_module
from typing import Any, Final

import click

from pyconquest_rt.dicom.quiet import silence_pydicom
from pyconquest_rt.errors import PyconquestError
from pyconquest_rt.version import __version__

MODULES: Final = {
    "catalog": "patients studies series objects show chain",
    "check": "check",
    "ctk": "ctk",
    "dose": "dose",
    "export": "export",
    "forward": "forward",
    "goals": "goals",
    "index": "rebuild verify query dump summary adopt",
    "network": "listen demo echo send find move get",
    "objects": "store copy delete tags merge-patient correct",
    "relations": "relate similar achievable",
    "roi": "roi",
    "rt": "derive dvh site",
    "service": "serve status doctor jobs backup restore service",
    "settings": "config",
    "slice_view": "slice",
    "source": "source",
    "volumes": "volume",
}
"""Modules of this room, and the verbs that each lists in its VERBS."""
_HOME: Final = {verb: module for module, verbs in MODULES.items() for verb in verbs.split()}
_INTERRUPTED = 130  # 128 and the number of SIGINT, as shells have it


class _Verbs(click.Group):
    """The verbs. Errors raised on purpose, the database's and the system's become one line and status 1."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted(_HOME)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in _HOME:
            return None
        module = import_module(f"pyconquest_rt.cli.{_HOME[cmd_name]}")
        return _uniform(next(verb for verb in module.VERBS if verb.name == cmd_name))

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


@click.group(cls=_Verbs, context_settings={"help_option_names": ["-h", "--help"]})
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
        from pyconquest_rt.settings.file import FILE_VARIABLE

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
