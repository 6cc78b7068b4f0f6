"""How much memory is free, asked before an array is made."""

from pyconquest_rt.volumes.codes import VolumeError

MEMORY_SHARE = 0.9  #: of the memory that is free an array may take


def check_memory(needed: float) -> None:
    """Refuse what does not fit into the memory that is free. Raises VolumeError `too_large`."""
    free = free_memory()
    if needed > MEMORY_SHARE * free:
        raise VolumeError("too_large", f"{needed / 1e6:.0f} MB are needed, {free / 1e6:.0f} MB are free")


def free_memory() -> float:
    """Bytes of memory that are free; infinite where the system does not say."""
    try:
        with open("/proc/meminfo", encoding="ascii") as file:
            lines = dict(line.split(":", 1) for line in file)
        return int(lines["MemAvailable"].split()[0]) * 1024.0
    except (OSError, KeyError, ValueError):
        return float("inf")
