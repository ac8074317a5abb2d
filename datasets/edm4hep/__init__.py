"""EDM4HEP files of full simulation as `EventData`, and back.

    for events in edm4hep.read("reco.root"):
        samples = target.to_samples(events)
    edm4hep.write("sim.root", simulation.simulate("zh", 100, seed=1), "CLIC")

`layout` names the branches of podio's two layouts, the one of 2023 and the one of 2025; `file`
opens and checks, `metadata` finds the numbers of the collections, `convert` turns the columns of a
chunk of events into tables and links, `references` follows podio's references. `write` and
`columns` go the other way. Only `file`, `metadata` and `write` touch a disk.
"""

from datasets.edm4hep.errors import EDM4HEPError
from datasets.edm4hep.file import Source, check, count_events, inspect, read, read_all
from datasets.edm4hep.write import write

__all__ = [
    "EDM4HEPError",
    "Source",
    "check",
    "count_events",
    "inspect",
    "read",
    "read_all",
    "write",
]
