"""The verbs of the command line, a module for each kind; every module lists its own in VERBS."""
