"""Verbs about the settings: config init, check, show."""

import os
import sys
from pathlib import Path

import click

from pyconquest_rt.cli.terminal import print_json, settings_here
from pyconquest_rt.errors import SettingsError
from pyconquest_rt.settings import file as config

_file = click.argument("file", default=config.FILE_NAME, type=click.Path(path_type=Path))


@click.group("config")
def config_() -> None:
    """The settings file pyconquest.toml."""


@config_.command()
@_file
@click.option("--force", is_flag=True, help="Write over a file that is there.")
def init(file: Path, force: bool) -> None:
    """Write a settings file in which every key is explained and none is set."""
    try:
        with file.open("w" if force else "x", encoding="utf-8") as opened:
            opened.write(config.commented())
    except FileExistsError as error:
        raise click.ClickException(f"{file} is there already; --force writes over it") from error
    except OSError as error:
        raise click.ClickException(f"{file} cannot be written: {error.strerror}") from error
    click.echo(f"{file} written")


@config_.command()
@click.argument("file", required=False, type=click.Path(path_type=Path))
def check(file: Path | None) -> None:
    """Name each error in the settings by its line, also in the environment and in what they name.

    FILE is that of --settings or PYCONQUEST_RT_SETTINGS, else pyconquest.toml here. The status is 1 if something is
    wrong: whatever serve would refuse.
    """
    file = file or Path(os.environ.get(config.FILE_VARIABLE) or config.FILE_NAME)
    said = [f"{file}:{line}: {text}" for line, text in config.check(file)]
    said += [f"environment: {text}" for text in config.unknown_variables(os.environ)]
    said = said or _refused(file)
    for text in said:
        click.echo(text)
    if said:
        sys.exit(1)
    click.echo(f"{file}: no errors")


def _refused(file: Path) -> list[str]:
    """What serve would refuse of settings that can be read: values of the environment, times, files that they name."""
    from pyconquest_rt.service.doctor import of_settings

    try:
        return [f"{one.check}: {one.detail}" for one in of_settings(config.load(file))]
    except SettingsError as error:
        return [f"environment: {error}"]


@config_.command()
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def show(as_json: bool) -> None:
    """Print the settings that hold here: defaults, the file and the environment together."""
    from dataclasses import asdict

    settings = settings_here()
    if as_json:
        print_json(asdict(settings))
    else:
        click.echo(config.render(settings), nl=False)


VERBS: list[click.Command] = [config_]
