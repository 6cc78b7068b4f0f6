"""Alias of :mod:`pyconquest_rt.archive.archive`, whose class Archive was called Ingest."""

from pyconquest_rt.archive.archive import Archive as Ingest  # noqa: F401
