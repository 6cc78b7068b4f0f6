"""Bytes of DICOM files to values, bounded in memory and time; no database, no network."""
