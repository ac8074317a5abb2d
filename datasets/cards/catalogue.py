"""The published datasets of machine-learned particle flow, and what of them is read here.

Numbers, contents and versions are those of their records and of jpata/particleflow; what stands
empty is not said there, or was not found.
"""

from typing import NamedTuple


class Published(NamedTuple):
    """A record of Zenodo."""

    record: int
    title: str
    holds: tuple[str, ...]  # names of its datasets
    content: str
    reads: str  # what this project reads of it
    licence: str = ""
    size: str = ""
    steps: tuple[str, ...] = ()  # commands, once it is fetched and unpacked below data/

    @property
    def doi(self) -> str:
        """Its permanent name."""
        return f"10.5281/zenodo.{self.record}"

    @property
    def page(self) -> str:
        """Where its files are listed, with their sizes, licence and checksums."""
        return f"https://zenodo.org/records/{self.record}"


_INSPECT = "mlpf inspect_dataset --dataset={} --output=page.html"

PUBLISHED = (
    Published(
        8260741,
        "CLIC, full simulation, EDM4HEP",
        (),
        "CLIC_o3_v14, Geant4, Marlin and Pandora; e+e- at 380 GeV: ttbar, qq, ttbar_pu10, "
        "ww_fullhad, zh_tautau. Its *_10files.tar are small",
        "tracks, clusters, hits, truth and Pandora's particles (podio's layout of 2023)",
        steps=(
            "mlpf doctor data/reco_p8_ee_tt_ecm380_1.root",
            "mlpf build_dataset --input='data/*.root' --detector=clic --dataset=mine",
        ),
    ),
    Published(
        8409592,
        "CLIC, tracks and clusters, 1.5.0",
        ("ttbar_pf", "qq_pf", "ttbar_pu10_pf", "ww_fullhad_pf", "zh_tautau_pf"),
        "TFDS (array_record), 80% to train on; about 451,000 events a process",
        "all; jets and missing pt, which it has not, are made of its particles",
        steps=(_INSPECT.format("data/clic_edm_ttbar_pf"),),
    ),
    Published(
        8414225,
        "CLIC, tracks and calorimeter hits, 1.5.0",
        ("*_hits_pf", "*_hits_pf10k"),
        "TFDS (array_record)",
        "all",
        steps=(_INSPECT.format("data/clic_edm_ttbar_hits_pf"),),
    ),
    Published(
        15062717,
        "CLIC, tracks and clusters, 2.5.0",
        ("ttbar_pf", "qq_pf", "ww_fullhad_pf"),
        "TFDS (array_record) in 10 configurations, 90% to train on",
        "all; more shapes of clusters than the 17 features are left aside",
        licence="CC-BY-4.0",
        size="about 4.7 GB a configuration of qq",
        steps=(_INSPECT.format("data/clic_edm_qq_pf"),),
    ),
    Published(
        4559324,
        "Delphes, the first paper of MLPF",
        (),
        "pp at 14 TeV with 200 collisions at once: 50,000 ttbar, and QCD; pickles of arrays",
        "all: converted without executing a pickle",
        steps=("mlpf build_delphes --input='data/raw/*.pkl.bz2' --process=ttbar",),
    ),
)
"""In the order in which a reader meets them: full events, then what is made of them."""


def lines(published: Published) -> list[str]:
    """What a person is shown of a record."""
    unsaid = "see the record"
    return [
        f"{published.title}",
        f"  doi      {published.doi}",
        f"  content  {published.content}",
        *([f"  names    clic_edm_{{{', '.join(published.holds)}}}"] if published.holds else []),
        f"  size     {published.size or unsaid}",
        f"  licence  {published.licence or unsaid}",
        f"  read     {published.reads}",
        f"  fetch    {published.page}, unpacked below data/; then",
        *(f"           {step}" for step in published.steps),
    ]
