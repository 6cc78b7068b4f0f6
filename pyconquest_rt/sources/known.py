"""The sources of an archive: added once they answer, listed, and removed with their rows."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qsl, urlencode

from pyconquest_rt.archive.archive import Archive
from pyconquest_rt.sources.registry import Address, kind_of, open_source
from pyconquest_rt.sources.source import SourceError
from pyconquest_rt.sources.tables import prepare


def add(
    archive: Archive,
    name: str,
    url: str,
    *,
    kind: str = "",
    auth: str = "",
    filter: Mapping[str, str] | None = None,  # noqa: A002
) -> None:
    """Add a source, after one cheap request that it has to answer; where that fails nothing is written.

    Raises:
        SourceError: the source does not answer, or there is one of this name.
    """
    if "@" in url and url.startswith("http"):
        raise SourceError("an address holds no user or password; name them with --auth")
    address = Address(name, kind or kind_of(url), url, auth, dict(filter or {}), own_aet(archive))
    prepare(archive.database)
    if archive.database.query("SELECT 1 FROM source WHERE name = ?", (name,)):
        raise SourceError(f"there is a source {name} already")
    source = open_source(address)
    try:
        source.check()
    finally:
        source.close()
    added = datetime.now(UTC).isoformat(timespec="seconds")
    row = (name, address.kind, url, auth, urlencode(address.filter), added)
    with archive.database.transaction():
        archive.database.put("source", ("name", "kind", "url", "auth", "filter", "added"), [row])


def sources(archive: Archive) -> list[dict[str, Any]]:
    """Return the sources with how many studies, series and objects each is known to have."""
    if not archive.database.has("source"):
        return []
    return archive.database.query(
        "SELECT name, kind, url, auth, filter, "
        "(SELECT count(*) FROM source_study t WHERE t.source = name AND t.state <> 'gone') AS studies, "
        "(SELECT count(*) FROM source_series t WHERE t.source = name AND t.state <> 'gone') AS series, "
        "(SELECT count(*) FROM source_object t WHERE t.source = name AND t.state <> 'gone') AS objects, "
        "synced, result FROM source ORDER BY name"
    )


def address_of(archive: Archive, name: str) -> Address:
    """Return how a source is reached. Raises SourceError if there is none of this name."""
    rows = sources(archive)
    for row in rows:
        if row["name"] == name:
            filter_ = dict(parse_qsl(row["filter"] or "", keep_blank_values=True))
            return Address(name, row["kind"], row["url"], row["auth"] or "", filter_, own_aet(archive))
    known = ", ".join(row["name"] for row in rows) or "none; add one with 'pyconquest-rt source add'"
    raise SourceError(f"there is no source {name}; there are: {known}")


def remove(archive: Archive, name: str) -> None:
    """Remove a source and the rows of what it has; what was fetched stays. Raises SourceError."""
    address_of(archive, name)
    with archive.database.transaction() as connection:
        for statement in _REMOVE:
            connection.execute(statement, (name,))


_REMOVE = (
    "DELETE FROM source_object WHERE source = ?",
    "DELETE FROM source_series WHERE source = ?",
    "DELETE FROM source_study WHERE source = ?",
    "DELETE FROM source_patient WHERE source = ?",
    "DELETE FROM source WHERE name = ?",
)


def own_aet(archive: Archive) -> str:
    """Return the AE title by which this archive calls its peers."""
    return archive.settings.listener.ae_title
