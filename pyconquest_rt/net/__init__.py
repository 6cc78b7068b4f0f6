"""DICOM networking: the upper layer and DIMSE (protocol), the services above them (services)."""
