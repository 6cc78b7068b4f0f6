"""Verbs about the settings: config init, check, show."""

import sys
from pathlib import Path

import click

from pyconquest_rt.cli.terminal import print_json, settings_here
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
@_file
def check(file: Path) -> None:
    """Name each error in a settings file by its line; the status is 1 if there is one."""
    problems = config.check(file)
    for line, text in problems:
        click.echo(f"{file}:{line}: {text}")
    if problems:
        sys.exit(1)
    click.echo(f"{file}: no errors")


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
