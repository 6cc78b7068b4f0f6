"""Objects without their patient: pseudonyms from a key, and the confidentiality profile of DICOM PS3.15 Annex E."""
