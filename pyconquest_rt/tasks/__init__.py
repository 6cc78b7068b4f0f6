"""What keepers do with an archive: one module for one task."""
