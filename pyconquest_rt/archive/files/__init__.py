"""Where files of the archive lie: staging while they come in, their final place, storage devices."""
