"""Bytes of DICOM files to values, bounded in memory and time; no archive, no network."""
