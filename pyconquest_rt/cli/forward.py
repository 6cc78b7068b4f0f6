"""Verbs about the outgoing queue: ``forward add``, ``remove``, ``list``, ``status``, ``run``."""

import click

from pyconquest_rt.cli.terminal import (
    archive_options,
    json_option,
    open_archive,
    print_json,
    print_rows,
    read_archive,
)
from pyconquest_rt.settings.sections import Settings


@click.group()
def forward() -> None:
    """Send new objects on to other nodes, by rules."""


@forward.command()
@click.argument("name")
@click.option(
    "--to",
    "peer",
    required=True,
    metavar="AET@HOST:PORT",
    help="Where matching objects go; the title alone for a known peer.",
)
@click.option(
    "--where",
    "condition",
    metavar="SQL",
    help="Only objects for which this holds, such as \"modality='RTDOSE'\": an expression over the columns of "
    "DICOMImages i, DICOMSeries s, DICOMStudies t and DICOMPatients p.",
)
@click.option("--calling", "-aet", help="Our AE title [that of the listener].")
@archive_options
def add(settings: Settings, name: str, peer: str, condition: str | None, calling: str | None) -> None:
    """Make a rule for the objects that come from now on."""
    from pyconquest_rt.archive.outbox import Rule, add_rule, parse_peer
    from pyconquest_rt.net.services.peers import known_peers

    known = None if "@" in peer else known_peers(settings).find(peer)
    address = (known.aet, known.host, known.port) if known else parse_peer(peer)
    rule = Rule(name, *address, calling or settings.listener.ae_title, condition)
    add_rule(open_archive(settings, create=True).database, rule)


@forward.command()
@click.argument("name")
@archive_options
def remove(settings: Settings, name: str) -> None:
    """Remove a rule with its queue."""
    from pyconquest_rt.archive.outbox import remove_rule

    remove_rule(open_archive(settings).database, name)


@forward.command("list")
@json_option
@archive_options
def list_rules(settings: Settings, as_json: bool) -> None:
    """Show the rules."""
    from pyconquest_rt.archive.outbox import rules

    print_rows([rule._asdict() for rule in rules(read_archive(settings).database)], as_json)


@forward.command()
@json_option
@archive_options
def status(settings: Settings, as_json: bool) -> None:
    """Show how far each rule's queue is."""
    from pyconquest_rt.service.forwarder import status as run

    print_rows(run(read_archive(settings)), as_json)


@forward.command()
@click.option("--retry", is_flag=True, help="Try all at once: waiting peers, and objects that have failed.")
@json_option
@archive_options
def run(settings: Settings, retry: bool, as_json: bool) -> None:
    """Send what is due, once."""
    from pyconquest_rt.net.services.peers import known_peers
    from pyconquest_rt.service.forwarder import retry_failed, send_due

    archive = open_archive(settings)
    if retry:
        retry_failed(archive)
    done = send_due(archive, peers=known_peers(settings))
    if as_json:
        print_json({"sent": done.sent, "failed": done.failed, "dropped": done.dropped})
    else:
        click.echo(f"{done.sent} objects sent, {done.failed} not sent, {done.dropped} gone meanwhile")
    if done.failed:
        click.get_current_context().exit(1)


VERBS: list[click.Command] = [forward]
