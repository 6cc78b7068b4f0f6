"""The door to the index from disk: rebuild, what a rebuild would read, verify, and add single files."""

from pyconquest_rt.archive.headers import read_one, reader_of, spans_of
from pyconquest_rt.archive.rebuild import CHUNK, Only, Progress, count_due, read_chunk, rebuild
from pyconquest_rt.archive.rebuild_report import Report
from pyconquest_rt.archive.store import Storer, reindex
from pyconquest_rt.archive.verify import fix, verify

__all__ = [
    "CHUNK",
    "Only",
    "Progress",
    "Report",
    "Storer",
    "count_due",
    "fix",
    "read_chunk",
    "read_one",
    "reader_of",
    "rebuild",
    "reindex",
    "spans_of",
    "verify",
]
