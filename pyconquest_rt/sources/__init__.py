"""Where objects can be besides the local disk: DICOMweb servers and DIMSE peers; their rows, and fetching them."""
