"""Verbs about the network: listen, demo, and DCMTK-like echo, send, find, move, get."""

import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from pyconquest_rt.config import Settings
from pyconquest_rt.terminal import (
    Progress,
    archive_options,
    cell,
    json_option,
    listener_of,
    listener_options,
    open_ingest,
    print_json,
    print_rows,
)


def peer_options(verb: Any) -> Any:
    """Give a verb the arguments HOST PORT and the options that name both ends of an association."""
    for decorate in (
        click.argument("port", type=click.IntRange(1, 65535)),
        click.argument("host"),
        click.option("--called", "-aec", default="ANY-SCP", show_default=True, help="AE title of the peer."),
        click.option("--calling", "-aet", default="PYCONQUEST", show_default=True, help="Our AE title."),
    ):
        verb = decorate(verb)
    return verb


@click.command()
@listener_options
@click.option(
    "--file-names",
    metavar="SYNTAX",
    help="standard, Conquest's FileNameSyntax 0 to 12, or a template such as %id/%studydate/%sopuid.",
)
@click.option("--files-only", is_flag=True, help="Store files without indexing; a later rebuild finds them.")
@click.option("--workers", default=1, show_default=True, help="Processes that derive DVHs and dose tables.")
@archive_options
def listen(
    settings: Settings,
    port: int | None,
    aet: str | None,
    host: str | None,
    file_names: str | None,
    files_only: bool,
    workers: int,
) -> None:
    """Receive objects, index them and answer queries, until interrupted."""
    from pyconquest_rt.node import Node

    address = listener_of(settings, port, aet, host)
    if file_names:
        address = replace(address, file_names=file_names)
    with Node(settings.archive, address, write_to_database=not files_only, workers=workers) as node:
        click.echo(
            f"listening as {address.ae_title}@{address.host}:{node.port}, data in {settings.archive.data}"
        )
        _until_interrupted(node)


def _until_interrupted(node: Any) -> None:
    import signal

    def stop(*_: object) -> None:
        raise KeyboardInterrupt

    signal.signal(signal.SIGTERM, stop)
    try:
        node.wait()
    except KeyboardInterrupt:
        counters = node.counters
        click.echo(f"stopping: {counters.stored} objects stored in {counters.associations} associations")


@click.command()
@listener_options
@click.option("--patients", default=1, show_default=True, type=click.IntRange(1, 100))
@click.option("--once", is_flag=True, help="End when the demonstration is over.")
@archive_options
def demo(
    settings: Settings, port: int | None, aet: str | None, host: str | None, patients: int, once: bool
) -> None:
    """Start a listener, send it synthetic RT patients over the network, show what came of them, go on listening."""
    from pyconquest_rt.demonstration import demonstrate
    from pyconquest_rt.node import Node
    from pyconquest_rt.summary import as_table, series_summary

    address = listener_of(settings, port, aet, host)
    with Node(settings.archive, address) as node:
        click.echo(
            f"listening as {address.ae_title}@{address.host}:{node.port}, data in {settings.archive.data}"
        )
        shown = demonstrate(settings.archive, node.port, address.ae_title, patients)
        click.echo(f"{shown.sent} objects sent over the network, {shown.failed} failed")
        click.echo(as_table(series_summary(open_ingest(settings).database, "PatientID")))
        if shown.dvhs:
            click.echo(f"\nDVHs of {shown.dvhs[0]['PatientID']}:")
            print_rows([{k: v for k, v in row.items() if k != "PatientID"} for row in shown.dvhs], False)
        click.echo(f"\ntry: pyconquest-rt dvh {shown.patient} --plot dvh.png")
        if once:
            return
        click.echo("listening; stop with Ctrl-C")
        _until_interrupted(node)


@click.command()
@peer_options
@json_option
def echo(host: str, port: int, called: str, calling: str, as_json: bool) -> None:
    """Ask whether a peer answers (C-ECHO)."""
    from pyconquest_rt import scu

    result = scu.echo(host, port, called, calling)
    if as_json:
        print_json({"status": result.status, "seconds": result.seconds})
    else:
        click.echo(
            f"{called}@{host}:{port} answers 0x{result.status:04X} after {result.seconds * 1000:.0f} ms"
        )
    if not result.ok:
        sys.exit(1)


@click.command()
@peer_options
@click.argument("paths", nargs=-1, required=True, type=click.Path(exists=True, path_type=Path))
@click.option(
    "--parallel", default=1, show_default=True, type=click.IntRange(1, 32), help="Associations at once."
)
@json_option
def send(
    host: str, port: int, called: str, calling: str, paths: tuple[Path, ...], parallel: int, as_json: bool
) -> None:
    """Send files and folders to a peer (C-STORE)."""
    from pyconquest_rt import scu

    files = [file for path in paths for file in _files_below(path)]
    progress = Progress("files")
    done = 0

    def show(path: object, reason: str | None) -> None:
        nonlocal done
        done += 1
        progress(done, len(files))

    result = scu.send_files(files, host, port, called, calling, parallel=parallel, progress=show)
    progress.close()
    failures = [{"path": str(path), "error": reason} for path, reason in result.failed]
    if as_json:
        print_json({"sent": result.sent, "failed": failures})
    else:
        click.echo(f"{result.sent} objects sent to {called}@{host}:{port}, {len(failures)} failed")
        for failure in failures:
            click.echo(f"  {cell(failure['path'])}: {cell(failure['error'])}", err=True)
    if failures or not files:
        sys.exit(1)


def _files_below(path: Path) -> list[Path]:
    if not path.is_dir():
        return [path]
    return sorted(
        file for file in path.rglob("*") if file.is_file() and not any(p.startswith(".") for p in file.parts)
    )


def _keys(keys: tuple[str, ...]) -> dict[str, str]:
    """Keys as KEYWORD or KEYWORD=VALUE."""
    return {name: value for name, _, value in (key.partition("=") for key in keys)}


level_option = click.option(
    "--level",
    default="STUDY",
    show_default=True,
    type=click.Choice(["PATIENT", "STUDY", "SERIES", "IMAGE"], case_sensitive=False),
)
root_option = click.option(
    "--root",
    default="STUDY",
    show_default=True,
    type=click.Choice(["PATIENT", "STUDY"], case_sensitive=False),
    help="Information model.",
)
_KEY = "KEYWORD[=VALUE]..."


@click.command()
@peer_options
@click.argument("keys", nargs=-1, metavar=_KEY)
@level_option
@root_option
@click.option("--limit", type=click.IntRange(1))
@json_option
def find(
    host: str,
    port: int,
    called: str,
    calling: str,
    keys: tuple[str, ...],
    level: str,
    root: Any,
    limit: int | None,
    as_json: bool,
) -> None:
    """Query a peer (C-FIND)."""
    from pyconquest_rt import scu

    root = "PATIENT" if level.upper() == "PATIENT" else root.upper()
    result = scu.find(
        host, port, called, calling, level=level.upper(), keys=_keys(keys), root=root, limit=limit
    )
    rows = [{element.keyword: str(element.value) for element in match} for match in result.matches]
    print_rows(rows, as_json)
    if not result.ok:
        raise click.ClickException(f"the peer answers 0x{result.status:04X} {result.comment}")


@click.command()
@peer_options
@click.argument("destination")
@click.argument("keys", nargs=-1, required=True, metavar=_KEY)
@level_option
@root_option
@json_option
def move(
    host: str,
    port: int,
    called: str,
    calling: str,
    destination: str,
    keys: tuple[str, ...],
    level: str,
    root: Any,
    as_json: bool,
) -> None:
    """Have a peer send to the AE title DESTINATION (C-MOVE)."""
    from pyconquest_rt import scu

    result = scu.move(
        host,
        port,
        called,
        calling,
        destination=destination,
        level=level.upper(),
        keys=_keys(keys),
        root=root.upper(),
    )
    _report_transfer(result, as_json)


@click.command()
@peer_options
@click.argument("keys", nargs=-1, required=True, metavar=_KEY)
@level_option
@root_option
@click.option(
    "--output", metavar="DIR", type=click.Path(path_type=Path), help="Into this folder, not the archive."
)
@json_option
@archive_options
def get(
    settings: Settings,
    host: str,
    port: int,
    called: str,
    calling: str,
    keys: tuple[str, ...],
    level: str,
    root: Any,
    output: Path | None,
    as_json: bool,
) -> None:
    """Fetch from a peer into the archive, or into a folder (C-GET)."""
    from pyconquest_rt import scu
    from pyconquest_rt.net.folder import FolderSink
    from pyconquest_rt.reception import Reception

    reception = None if output else Reception(settings.archive)
    try:
        result = scu.get(
            host,
            port,
            called,
            calling,
            sink=reception or FolderSink(output or "."),
            level=level.upper(),
            keys=_keys(keys),
            root=root.upper(),
        )
    finally:
        if reception:
            reception.close()
    _report_transfer(result, as_json)


def _report_transfer(result: Any, as_json: bool) -> None:
    if as_json:
        print_json({name: getattr(result, name) for name in ("status", "completed", "failed", "warning")})
    else:
        click.echo(
            f"0x{result.status:04X}: {result.completed} transferred, {result.failed} failed {result.comment}"
        )
    if not result.ok:
        sys.exit(1)


VERBS: list[click.Command] = [listen, demo, echo, send, find, move, get]
