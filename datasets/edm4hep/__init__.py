"""EDM4HEP files of full simulation as `EventData`, and back.

    for events in edm4hep.read("reco.root"):
        samples = target.to_samples(events)
    edm4hep.write("sim.root", simulation.simulate("zh", 100, seed=1), "CLIC")

What stands where in a file is data: `layout` says what a layout is, `podio` has the two there are,
and a `chunk` is the columns of some events. In `reading`, `source` opens and checks a file,
`metadata` finds what it says of its collections, `versions` what it calls them, `survey` what it
has and lacks; `tables` turns the columns of a chunk into tables and links, `references` follows
podio's references, `subsets` the collections that are nothing else, `faults` empties the events
that contradict themselves, and `file` does it chunk by chunk. In `writing`
go the other way `hit_collections`, `columns`, `addresses` and `file`. Only `reading.source`,
`reading.metadata` and the two called `file` touch a disk.
"""

from datasets.edm4hep.errors import EDM4HEPError
from datasets.edm4hep.layout import PARTS
from datasets.edm4hep.reading.file import check, count_events, read, read_all
from datasets.edm4hep.reading.source import Source, described, inspect, survey
from datasets.edm4hep.reading.survey import Survey, has
from datasets.edm4hep.writing.file import write
from datasets.edm4hep.writing.particles import Found, write_particles

__all__ = [
    "PARTS",
    "EDM4HEPError",
    "Found",
    "Source",
    "Survey",
    "check",
    "count_events",
    "described",
    "has",
    "inspect",
    "read",
    "read_all",
    "survey",
    "write",
    "write_particles",
]
