"""Associations and DIMSE messages over TCP and TLS (DICOM PS3.7, PS3.8)."""
