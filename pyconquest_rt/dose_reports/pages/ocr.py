"""The words on a page of pixels, by Tesseract through pytesseract (both optional: ``pyconquest_rt[ocr]``).

Nothing is written but the temporary files of pytesseract. The size of the image and the time are bounded.
"""

import os
from io import BytesIO
from typing import TYPE_CHECKING, Any, NamedTuple

from pyconquest_rt.dicom.objects import content_errors
from pyconquest_rt.errors import SettingsError, UnreadableError

if TYPE_CHECKING:
    from PIL.Image import Image

MAX_PIXELS = 4 << 20  #: a larger page is not read
_SMALL = 1200  # a page with fewer rows is enlarged: Tesseract wants letters of 20 to 40 pixels
_ENLARGED = 3


class Word(NamedTuple):
    """One word and where it stands, in pixels of the page as it was read; ``confidence`` is 0 to 100."""

    text: str
    left: int
    right: int
    top: int
    bottom: int
    confidence: float


def read_words(origin: str | os.PathLike[str] | bytes, seconds: float) -> list[Word]:
    """Return the words on the page of a single-frame image, in no order.

    Raises:
        UnreadableError: the pixels cannot be decoded, are too many, or Tesseract failed or took too long.
        SettingsError: pytesseract or Tesseract is not installed.
    """
    try:
        import pytesseract
    except ImportError:
        raise SettingsError(
            "to read dose pages install pyconquest_rt[ocr], or set [dose] ocr = false"
        ) from None
    page = _page(origin)
    try:
        found = pytesseract.image_to_data(
            page, config="--psm 6", timeout=seconds, output_type=pytesseract.Output.DICT
        )
    except pytesseract.TesseractNotFoundError:
        raise SettingsError(
            "to read dose pages install Tesseract (Debian: tesseract-ocr), or set [dose] ocr = false"
        ) from None
    except RuntimeError as error:  # also what it calls a timeout
        raise UnreadableError(f"Tesseract: {error}") from error
    return _words(found)


def _words(found: dict[str, Any]) -> list[Word]:
    columns = (found[name] for name in ("text", "left", "top", "width", "height", "conf"))
    return [
        Word(text.strip(), left, left + width, top, top + height, float(confidence))
        for text, left, top, width, height, confidence in zip(*columns, strict=True)
        if text.strip()
    ]


def _page(origin: str | os.PathLike[str] | bytes) -> "Image":
    """The page in grey, dark on light, enlarged where it is small."""
    import numpy as np
    from PIL import Image
    from pydicom import dcmread

    with content_errors("its pixels cannot be decoded", UnreadableError):
        dataset = dcmread(BytesIO(origin) if isinstance(origin, bytes) else origin, force=True)
        size = (int(dataset.Rows), int(dataset.Columns), int(dataset.get("NumberOfFrames") or 1))
        if size[2] != 1 or not 0 < size[0] * size[1] <= MAX_PIXELS:
            raise UnreadableError(f"{size[0]} x {size[1]} pixels, frames: {size[2]}: not read as a page")
        pixels = np.asarray(dataset.pixel_array, dtype=np.float32)
    if pixels.ndim == 3:  # colours: the brightest component, so that text of any colour stands out
        pixels = pixels.max(axis=2)
    pixels -= pixels.min()
    pixels *= 255 / max(float(pixels.max()), 1.0)
    if np.median(pixels) < 128:
        pixels = 255 - pixels
    image = Image.fromarray(pixels.astype(np.uint8))
    if image.height >= _SMALL:
        return image
    return image.resize((image.width * _ENLARGED, image.height * _ENLARGED), Image.Resampling.LANCZOS)
