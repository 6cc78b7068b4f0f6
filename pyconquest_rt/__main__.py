"""``python -m pyconquest_rt VERB`` is ``pyconquest-rt VERB``."""

from pyconquest_rt.cli.main import main

if __name__ == "__main__":
    main(prog_name="pyconquest-rt")
