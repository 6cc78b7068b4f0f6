"""The service: what runs for months on an archive, and who looks after it."""
