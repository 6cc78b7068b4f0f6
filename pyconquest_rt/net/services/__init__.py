"""DIMSE services on an archive: store, find, retrieve, commit (DICOM PS3.4)."""
