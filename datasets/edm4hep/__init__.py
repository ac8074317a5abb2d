"""EDM4HEP files of full simulation (podio's layout of 2025) as `EventData`.

    for events in edm4hep.read("reco.root"):
        samples = target.to_samples(events)

`file` opens and checks and is the only module that touches a disk; `layout` names what is read;
`convert` turns the columns of a chunk of events into tables and links.
"""

from datasets.edm4hep.errors import EDM4HEPError
from datasets.edm4hep.file import read

__all__ = ["EDM4HEPError", "read"]
