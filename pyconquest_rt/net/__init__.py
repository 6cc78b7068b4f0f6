"""DICOM networking: the upper layer, DIMSE messages and the services above them."""
