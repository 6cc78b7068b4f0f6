"""Kept for tools that look for it; the metadata stand in pyproject.toml."""

from setuptools import setup

setup()
