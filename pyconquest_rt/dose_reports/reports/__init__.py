"""Structured reports of dose: one module for each template."""
