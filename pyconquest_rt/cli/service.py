"""Verbs about the service: serve, status, doctor, jobs, backup, restore, service install."""

import sys
from pathlib import Path
from typing import Any

import click

from pyconquest_rt.cli.terminal import (
    Progress,
    archive_options,
    cell,
    has_database,
    json_option,
    listener_options,
    open_archive,
    print_json,
    print_result,
    print_rows,
    read_archive,
    waiting,
    with_listener,
)
from pyconquest_rt.settings.sections import Settings


@click.command()
@listener_options
@archive_options
def serve(settings: Settings, **given: Any) -> None:
    """Run the archive: listener, workers, schedule and watch folder, until SIGTERM or Ctrl-C.

    Everything that it does is set in pyconquest.toml; `pyconquest-rt config init` writes one.
    """
    from pyconquest_rt.service.serve import serve as run

    run(with_listener(settings, **given), click.echo)


@click.command()
@json_option
@archive_options
def status(settings: Settings, as_json: bool) -> None:
    """Show what the archive holds and what its service is doing."""
    from pyconquest_rt.service.status import counted
    from pyconquest_rt.service.status import status as figures

    found = figures(settings.archive)
    if as_json:
        print_json(found)
        return
    click.echo("holds       " + ", ".join(counted(found[name], name) for name in _HELD))
    derivations = ", ".join(f"{count} {state}" for state, count in found["derivations"].items())
    click.echo(f"derived     {derivations or 'nothing'}")
    click.echo(f"database    {found['database_bytes'] / 1e6:.1f} MB")
    click.echo(f"disk        {found['disk']['free'] / 1e9:.1f} of {found['disk']['total'] / 1e9:.1f} GB free")
    for path in found["truncated"]:
        click.echo(f"cut off     {cell(path)}")
    for run in found["jobs"].values():
        took = "" if run["seconds"] is None else f", {run['seconds']:.1f} s"
        click.echo(f"last {run['name']:<10} {run['started']}, {run['state']}{took}")
    _show_service(found["service"])


_HELD = ("patients", "studies", "series", "images", "rejected")


def _show_service(service: dict[str, Any] | None) -> None:
    if service is None:
        click.echo("service     does not run")
    elif not service:
        click.echo("service     runs, and has said nothing yet")
    else:
        click.echo(
            f"service     {', '.join(service['addresses'])}, process {service['pid']}, since {service['started']}: "
            f"{service['associations']} associations, {service['stored']} objects stored, "
            f"{service['failed']} refused, {service['objects_per_s']} objects/s"
        )


@click.command()
@json_option
@archive_options
def doctor(settings: Settings, as_json: bool) -> None:
    """Check this machine and the settings; the status is 1 where something does not work."""
    from pyconquest_rt.service.doctor import examine

    findings = []
    for finding in examine(settings):
        findings.append(finding)
        if not as_json:
            click.echo(f"{finding.state:<8} {finding.check:<16} {finding.detail}")
            if finding.remedy:
                click.echo(f"{'':<8} {'':<16} → {finding.remedy}")
    if as_json:
        print_json([finding._asdict() for finding in findings])
    if any(finding.state == "error" for finding in findings):
        sys.exit(1)


@click.group("jobs")
def jobs_() -> None:
    """What the service does by the clock."""


@jobs_.command("list")
@json_option
@archive_options
def list_(settings: Settings, as_json: bool) -> None:
    """List the jobs: when each runs, and how its last run went."""
    from pyconquest_rt.service.jobs import JOBS, last_runs, times

    runs = last_runs(read_archive(settings).database) if has_database(settings) else {}
    when = times(settings)
    if minutes := settings.schedule.sweep_minutes:
        when["sweep"] = f"every {minutes:g} min"
    if minutes := settings.schedule.forward_minutes:
        when["forward"] = f"on arrival, every {minutes:g} min"
    print_rows(
        [
            {
                "name": job.name,
                "when": when.get(job.name, "never"),
                "last": runs[job.name].started if job.name in runs else None,
                "state": runs[job.name].state if job.name in runs else None,
                "does": job.summary,
            }
            for job in JOBS.values()
        ],
        as_json,
    )


@jobs_.command("run")
@click.argument("name")
@json_option
@archive_options
def run_(settings: Settings, name: str, as_json: bool) -> None:
    """Run a job now; the status is 1 where it fails."""
    from pyconquest_rt.service.jobs import run

    with waiting(f"job {name}"):
        done = run(settings, name)
    if as_json:
        print_json(done._asdict())
    else:
        click.echo(f"{done.name} {done.state}, {done.seconds or 0.0:.1f} s")
        print_result(done.result or {})
        if not any((done.result or {}).values()):
            click.echo("  nothing to report")
    if done.state != "done":
        sys.exit(1)


@click.command()
@click.option("--folder", metavar="DIR", help="Where to [the backup folder of the settings].")
@archive_options
def backup(settings: Settings, folder: str | None) -> None:
    """Copy the database, also while it is in use, and keep only the newest copies."""
    from pyconquest_rt.service.backup import backup as copy

    with waiting("copying the database"):
        made = copy(settings.archive.database, folder or settings.backup.folder, settings.backup.count)
    click.echo(str(made))


@click.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@archive_options
def restore(settings: Settings, file: Path) -> None:
    """Put a copy in the place of the database, bring it into line with the files, and verify it.

    The service must not run. What was there before is kept beside it.
    """
    from pyconquest_rt.archive import rebuild as indexer
    from pyconquest_rt.archive import verify
    from pyconquest_rt.service.backup import restore as put_back

    with waiting("copying the database"):
        former = put_back(settings.archive.database, file)
    click.echo(f"{settings.archive.database} restored from {file}")
    if former:
        click.echo(f"the former one is {former}")
    archive = open_archive(settings)
    progress = Progress("files")
    report = indexer.rebuild(archive, only="changed", progress=lambda done, _: progress(done))
    progress.close()
    click.echo(str(report))
    with waiting("comparing rows and files"):
        findings = [finding for finding in verify.verify(archive) if finding.problem not in verify.HARMLESS]
    for finding in findings:
        click.echo(f"  {finding.problem}: {cell(finding.subject)}")
    if findings:
        sys.exit(1)
    click.echo("index and files agree")


@click.group("service")
def service_() -> None:
    """The service as the system runs it."""


@service_.command()
@click.option("--user", metavar="NAME", help="Who runs it [you].")
@click.option("--print", "only_print", is_flag=True, help="Show the unit, write nothing.")
@archive_options
def install(settings: Settings, user: str | None, only_print: bool) -> None:
    """Write a systemd unit that runs `pyconquest-rt serve` in this folder."""
    from pyconquest_rt.service import unit

    text = unit.render(settings, Path(), user or unit.default_user())
    if only_print:
        click.echo(text, nl=False)
        return
    click.echo(
        f"{unit.install(text)} written; now: systemctl daemon-reload && systemctl enable --now {unit.NAME}"
    )


VERBS: list[click.Command] = [serve, status, doctor, jobs_, backup, restore, service_]
