"""Changes of encoded dose objects at random: bits, cuts, pieces taken out or repeated, lengths that lie."""

import random
import struct

_LIES = (0, 1, 0xFFFF, 0xFFFFFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFF0)


def _flip(data: bytearray, chance: random.Random) -> None:
    for _ in range(chance.randint(1, 20)):
        data[chance.randrange(len(data))] ^= 1 << chance.randrange(8)


def _cut(data: bytearray, chance: random.Random) -> None:
    del data[chance.randrange(len(data)) :]


def _take_out(data: bytearray, chance: random.Random) -> None:
    start = chance.randrange(len(data))
    del data[start : start + chance.randint(1, 64)]


def _repeat(data: bytearray, chance: random.Random) -> None:
    start = chance.randrange(len(data))
    piece = bytes(data[start : start + chance.randint(1, 2000)])
    data[start:start] = piece * chance.randint(1, 5)


def _lie(data: bytearray, chance: random.Random) -> None:
    """Overwrite the length of a sequence, of an item or of anything."""
    mark = chance.choice((b"SQ\0\0", b"\xfe\xff\x00\xe0", b"UI", b"DS", b"\x40\x00\x30\xa7"))
    at = data.find(mark, chance.randrange(len(data)))
    if at < 0 or at + len(mark) + 4 > len(data):
        return _flip(data, chance)
    lie = chance.choice((*_LIES, chance.randrange(1 << 32)))
    data[at + len(mark) : at + len(mark) + 4] = struct.pack("<I", lie)
    return None


_CHANGES = (_flip, _cut, _take_out, _repeat, _lie, _lie)


def changed(seed: bytes, chance: random.Random) -> bytes:
    data = bytearray(seed)
    for _ in range(chance.randint(1, 3)):
        if data:
            chance.choice(_CHANGES)(data, chance)
    return bytes(data)
