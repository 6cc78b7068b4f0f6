"""Forwarding rules and the outgoing queue, which is filled in the index's own transaction.

A row of the queue remembers size and modification time of the object's file, so an object that is only indexed
anew is not sent again, and one with new content is. What matches a rule when it is made is put on record as
``earlier`` and never sent, so that a rebuild from nothing does not send the whole archive.
"""

from collections.abc import Sequence
from typing import NamedTuple

from pyconquest_rt.database.connection import Database
from pyconquest_rt.errors import DatabaseError, SettingsError
from pyconquest_rt.settings.options import ae_title

_KEYS = 500
_MAX_AET = 16
_MAX_PORT = 0xFFFF

_MATCHING = """
SELECT ?, o.SOPInstanc, f.size, f.mtime_ns, ? FROM DICOMImages o
JOIN DICOMSeries os ON os.SeriesInst = o.SeriesInst
JOIN DICOMStudies ot ON ot.StudyInsta = os.StudyInsta
LEFT JOIN files f ON f.path = o.ObjectFile
WHERE (SELECT (SELECT (SELECT (SELECT ({condition}
) FROM DICOMImages i WHERE i.SOPInstanc = o.SOPInstanc
) FROM DICOMSeries s WHERE s.SeriesInst = o.SeriesInst
) FROM DICOMStudies t WHERE t.StudyInsta = os.StudyInsta
) FROM DICOMPatients p WHERE p.PatientID = ot.PatientID)
"""  # nested, so that a column that several levels have is that of the lowest: SQL looks from the inside out
_INSERT = "INTO forward_queue(rule, sop, size, mtime_ns, state)"
_AGAIN = """
ON CONFLICT(rule, sop) DO UPDATE SET
    size = excluded.size, mtime_ns = excluded.mtime_ns, state = excluded.state,
    attempts = 0, next_try = 0, error = NULL
WHERE state = 'dropped' OR size IS NOT excluded.size OR mtime_ns IS NOT excluded.mtime_ns
"""


class Rule(NamedTuple):
    """New objects for which ``condition`` holds (None: all) go to a peer."""

    name: str
    aet: str
    host: str
    port: int
    calling_aet: str
    condition: str | None = None


def parse_peer(text: str) -> tuple[str, str, int]:
    """Return AE title, host and port of ``AET@host:port``.

    Raises:
        SettingsError: it is not of this form.
    """
    aet, _, address = text.partition("@")
    host, _, port = address.rpartition(":")
    host = host.strip("[]")
    if not aet or len(aet) > _MAX_AET or not host or not port.isdecimal() or not 0 < int(port) <= _MAX_PORT:
        raise SettingsError(
            f"{text!r} is not a peer; expected AET@host:port, such as PACS@10.0.0.5:104, or the title of a known one"
        )
    return aet, host, int(port)


def add_rule(database: Database, rule: Rule) -> None:
    """Add a rule for future objects; its condition is tried at once.

    Args:
        rule: its condition is an SQL expression over the columns of DICOMImages ``i``, DICOMSeries ``s``,
            DICOMStudies ``t`` and DICOMPatients ``p``; of a name that several have the first counts.

    Raises:
        SettingsError: there is a rule of this name, or none is given, an AE title is none, or the condition cannot
            be evaluated.
    """
    if not rule.name.strip():
        raise SettingsError("a rule needs a name")
    if reason := ae_title(rule.aet) or ae_title(rule.calling_aet):
        raise SettingsError(reason)
    with database.transaction() as connection:
        if connection.execute("SELECT 1 FROM forward_rules WHERE name = ?", (rule.name,)).fetchone():
            raise SettingsError(f"there is a forward rule {rule.name!r} already; remove it first")
        connection.execute(
            "INSERT INTO forward_rules(name, aet, host, port, calling_aet, condition) VALUES (?, ?, ?, ?, ?, ?)",
            rule,
        )
        try:
            connection.execute(f"INSERT {_INSERT} {_matching(rule)}", (rule.name, "earlier"))
        except DatabaseError as error:
            raise SettingsError(f"the condition {rule.condition!r} cannot be used: {error}") from error


def remove_rule(database: Database, name: str) -> None:
    """Remove a rule with its queue. Raises DatabaseError if there is none of this name."""
    with database.transaction() as connection:
        if not connection.execute("DELETE FROM forward_rules WHERE name = ?", (name,)).rowcount:
            raise DatabaseError(f"there is no forward rule {name!r}")
        connection.execute("DELETE FROM forward_queue WHERE rule = ?", (name,))


def rules(database: Database) -> list[Rule]:
    """Return the rules by their names."""
    return [
        Rule(*row)
        for row in database.connection.execute(
            "SELECT name, aet, host, port, calling_aet, condition FROM forward_rules ORDER BY name"
        )
    ]


def queue_objects(database: Database, rules: Sequence[Rule], sops: Sequence[str]) -> None:
    """Queue those of some new or changed objects that rules match; part of the transaction that indexes them.

    A condition that has become impossible (a column is gone) is noted at its rule and costs nothing else.
    """
    for rule in rules:
        for start in range(0, len(sops), _KEYS):
            keys = sops[start : start + _KEYS]
            chosen = f"o.SOPInstanc IN ({', '.join('?' * len(keys))})"
            try:
                database.connection.execute(
                    f"INSERT {_INSERT} {_matching(rule)} AND {chosen} {_AGAIN}", (rule.name, "queued", *keys)
                )
            except DatabaseError as error:
                if not error.is_statement:
                    raise  # not the condition's fault: the disk, memory, another writer
                database.connection.execute(
                    "UPDATE forward_rules SET error = ? WHERE name = ?", (str(error), rule.name)
                )


def _matching(rule: Rule) -> str:
    return _MATCHING.format(condition=rule.condition or "1")
