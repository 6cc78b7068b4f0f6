"""Alias of :mod:`pyconquest_rt.derive.extractor`, the contract of extractors of other packages."""

from pyconquest_rt.derive.extractor import *  # noqa: F403
