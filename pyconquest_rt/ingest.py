"""Alias of :mod:`pyconquest_rt.archive.ingest`."""

from pyconquest_rt.archive.ingest import *  # noqa: F403
