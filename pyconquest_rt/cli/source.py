"""Verbs about sources beyond the local disk: ``source add``, ``list``, ``sync``, ``fetch``, ``remove``."""

import sys

import click

from pyconquest_rt.cli.terminal import (
    archive_options,
    cell,
    json_option,
    open_archive,
    print_json,
    print_rows,
    read_archive,
)
from pyconquest_rt.settings.sections import Settings


@click.group()
def source() -> None:
    """DICOMweb servers, AWS HealthImaging and DIMSE peers: objects listed here, and fetched when they are wanted."""


@source.command("add")
@click.argument("name")
@click.argument("url")
@click.option("--kind", default="", help="Of an address whose beginning does not say it, or one of your own.")
@click.option(
    "--auth",
    default="",
    metavar="HOW",
    help="basic:USER:VARIABLE, bearer:VARIABLE, sigv4[:PROFILE] or callable:module:function; holds no secret.",
)
@click.option(
    "--endpoint-url", default="", metavar="URL", help="Of HealthImaging, in the place of AWS's own address."
)
@click.option(
    "--where",
    "keys",
    multiple=True,
    metavar="KEYWORD=VALUE",
    help="Only studies that match; may be repeated.",
)
@archive_options
def add(
    settings: Settings, name: str, url: str, kind: str, auth: str, endpoint_url: str, keys: tuple[str, ...]
) -> None:
    """Add a source: an http(s) address of a DICOMweb server, dimse://AETITLE@host:port or ahi://REGION/DATASTORE.

    It has to answer one cheap request; otherwise nothing is written. No secret is kept.
    """
    from pyconquest_rt.sources.known import add as add_source

    wrong = [key for key in keys if "=" not in key]
    if wrong:
        raise click.BadParameter(f"expected KEYWORD=VALUE, found {wrong[0]}", param_hint="--where")
    url += f"?endpoint={endpoint_url}" if endpoint_url else ""
    pairs = dict(key.split("=", 1) for key in keys)
    add_source(open_archive(settings, create=True), name, url, kind=kind, auth=auth, filter=pairs)
    click.echo(f"{cell(name)} answers; next: pyconquest-rt source sync {cell(name)}")


@source.command("list")
@json_option
@archive_options
def list_sources(settings: Settings, as_json: bool) -> None:
    """List the sources, what they have, and what the last synchronisation came to."""
    from pyconquest_rt.sources.known import sources

    print_rows(sources(read_archive(settings)), as_json)


@source.command()
@click.argument("name")
@click.option("--study", metavar="UID", help="This study alone.")
@click.option("--full", is_flag=True, help="Read everything again, also what seems unchanged.")
@json_option
@archive_options
def sync(settings: Settings, name: str, study: str | None, full: bool, as_json: bool) -> None:
    """Bring the rows of a source into line with it; no pixels are fetched.

    The status is 0 if all could be read, 3 if a part could (the next run asks for the rest), 1 if nothing.
    """
    from dataclasses import asdict

    from pyconquest_rt.sources.sync import sync as synchronise

    done = synchronise(open_archive(settings), name, study=study, full=full)
    if as_json:
        print_json(asdict(done))
    else:
        click.echo(f"{cell(name)}: {done}")
    for problem in () if as_json else done.problems:
        click.echo(f"  {cell(problem)}", err=True)
    sys.exit(done.status)


@source.command()
@click.argument("name")
@click.argument("uid", metavar="STUDY|SERIES")
@json_option
@archive_options
def fetch(settings: Settings, name: str, uid: str, as_json: bool) -> None:
    """Fetch a study or a series of a source into the archive; the status is 1 if an object is missing."""
    from dataclasses import asdict

    from pyconquest_rt.sources.fetch import fetch as fetch_objects

    done = fetch_objects(open_archive(settings), name, uid, replacement=settings.receive.replacement)
    if as_json:
        print_json(asdict(done))
    else:
        click.echo(f"{done.stored} objects stored, {done.identical} were here already")
        for problem in done.problems:
            click.echo(f"  {cell(problem)}", err=True)
    sys.exit(1 if done.problems else 0)


@source.command()
@click.argument("name")
@archive_options
def remove(settings: Settings, name: str) -> None:
    """Remove a source and the rows of what it has; objects that were fetched stay."""
    from pyconquest_rt.sources.known import remove as remove_source

    remove_source(open_archive(settings), name)
    click.echo(f"{cell(name)} is removed")


VERBS = [source]
