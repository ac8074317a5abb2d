"""All readers by name."""

from tests.fuzz.reader import Reader
from tests.fuzz.readers import detector_files, models, programs, records, studies

ROOMS = (detector_files, records, studies, models, programs)


def all_readers() -> dict[str, Reader]:
    """In the order of their rooms."""
    return {reader.name: reader for room in ROOMS for reader in room.readers()}
