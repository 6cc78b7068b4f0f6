"""``python -m pyconquest_rt.worker``: see :mod:`pyconquest_rt.service.worker`."""

from pyconquest_rt.service.worker import main

if __name__ == "__main__":
    main()
