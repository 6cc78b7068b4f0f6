"""The package's own adaptors."""

from pyconquest_rt.volumes.images import Images
from pyconquest_rt.volumes.plans import Plans
from pyconquest_rt.volumes.segments import Segmentations
from pyconquest_rt.volumes.sequences import Sequences
from pyconquest_rt.volumes.structures import Structures

OWN = (Images(), Segmentations(), Structures(), Plans(), Sequences())
