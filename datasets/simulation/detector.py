"""The detector that the fast simulation stands for: geometry, field and resolutions."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType


@dataclass(frozen=True)
class CLICLike:
    """Twelve-sided barrels and two flat ends in the likeness of CLICdet. Lengths in mm, energies
    in GeV, times in ns.

    Geometry, field, layers and cell sizes: CLICdp, "CLICdet: The post-CDR CLIC detector model"
    (CLICdp-Note-2017-001), tables 1 to 5; the end caps of ECAL and HCAL reach as far in as the
    plug, and the ring around the ECAL end cap counts as the first layer of the HCAL.
    Track resolutions: the CLICdet Delphes card (arXiv:1909.12728, section 3). ECAL resolution and
    the 0.5 + 0.04 of the HCAL: the same and CLICdp-Note-2018-005. Hit thresholds, the time
    window, and the shower widths of `calorimeter.showers`: read off the full-simulation
    events of CLIC and CLD. The rates of noise are an assumption: full simulation has none.
    """

    field: float = 4.0  # tesla

    # Tracker: barrel layers (radius, half length) and disks (distance from the centre, radii).
    barrel_layers: tuple[tuple[float, float], ...] = (
        (31.0, 130.0), (33.0, 130.0), (44.0, 130.0), (46.0, 130.0), (58.0, 130.0), (60.0, 130.0),
        (127.0, 482.0), (340.0, 482.0), (554.0, 692.0),
        (819.0, 1264.0), (1153.0, 1264.0), (1486.0, 1264.0),
    )  # fmt: skip
    disks: tuple[tuple[float, float, float], ...] = (
        (160.0, 34.0, 102.0), (162.0, 34.0, 102.0), (207.0, 34.0, 102.0), (209.0, 34.0, 102.0),
        (255.0, 34.0, 102.0), (257.0, 34.0, 102.0),
        (524.0, 72.0, 405.0), (808.0, 99.0, 552.0), (1093.0, 131.0, 558.0), (1377.0, 164.0, 560.0),
        (1661.0, 197.0, 564.0), (1946.0, 231.0, 564.0), (2190.0, 259.0, 566.0),
        (1310.0, 618.0, 1430.0), (1617.0, 618.0, 1430.0), (1883.0, 618.0, 1430.0),
        (2190.0, 618.0, 1430.0),
    )  # fmt: skip
    beam_pipe: float = 29.4  # radius
    support_tube: float = 575.0  # radius; it carries the inner tracker
    vertex_radius: float = 105.0  # sensors within it are those of the vertex detector
    # Material seen at right angles, in radiation lengths: a tenth in all in the barrel.
    beam_pipe_material: float = 0.0017
    vertex_material: float = 0.002  # each layer
    tracker_material: float = 0.0135  # each layer, and the tube
    interaction_lengths: float = 0.32  # of tracker material, for each of its radiation lengths
    vertex_resolution: float = 0.003  # of a hit, in both directions
    tracker_resolution: tuple[float, float] = (0.007, 0.09)  # of a hit, around and along strips
    vertex_loss: float = 1.1e-5  # most probable loss of a minimum-ionising particle
    tracker_loss: float = 2.45e-5
    tracker_noise: float = 2.0  # hits of no particle in an event
    # Layers are flat ladders, in the tracker every second one a little farther out: numbers that
    # make the radii of hits vary as in CLD's full simulation.
    vertex_ladders: int = 14
    ladder: float = 30.0  # width of those of the tracker
    stagger: float = 2.5
    hit_efficiency: float = 0.99
    most_turns: int = 20  # that a particle leaves hits in
    fewest_track_hits: int = 3
    track_efficiency: float = 0.995

    # Calorimeters: faces, depths along the normal of the face, number of layers, cell sizes.
    barrel_face: float = 1500.0  # distance of the flat faces from the axis
    barrel_end: float = 2210.0  # |z|; nothing is between it and the face of the end cap
    endcap_face: float = 2307.0
    endcap_inner_radius: float = 260.0
    ecal_depth: float = 202.0
    ecal_layers: int = 40
    ecal_cell: float = 5.08
    hcal_gap: float = 35.0
    hcal_depth: float = 1590.0
    hcal_layers: int = 60
    hcal_cell: float = 30.0
    muon_gap: float = 850.0
    muon_spacing: float = 270.0
    muon_layers: int = 6
    muon_cell: float = 30.0

    ecal_radiation_length: float = 9.2  # mm of ECAL
    hcal_radiation_length: float = 24.5  # mm of HCAL
    ecal_interaction_length: float = 202.0
    hcal_interaction_length: float = 212.0

    ecal_threshold: float = 0.0019
    hcal_threshold: float = 0.0115
    latest_hit: float = 10.0  # ns after light from the centre
    ecal_noise: float = 20.0  # cells of an event that noise alone brings over threshold
    hcal_noise: float = 2.0
    ecal_mip: float = 0.0065  # calibrated energy of a minimum-ionising particle in one layer
    hcal_mip: float = 0.027
    muon_mip: float = 0.03

    # Relative energy resolutions: stochastic / sqrt(E) (+) constant.
    ecal_stochastic: float = 0.156
    ecal_constant: float = 0.01
    hadron_stochastic: float = 0.50
    hadron_constant: float = 0.04

    @property
    def stretch(self) -> float:
        """Length of a radiation length in the HCAL over that in the ECAL."""
        return self.hcal_radiation_length / self.ecal_radiation_length

    @property
    def ecal_end(self) -> float:
        """Distance from the axis at which the ECAL ends, in barrel and end caps."""
        return self.barrel_face + self.ecal_depth

    @property
    def chambers_end(self) -> float:
        """|z| at which the muon chambers of the barrel end and those of the end caps begin."""
        return self.endcap_face + self.hcal_end

    @property
    def hcal_start(self) -> float:
        return self.ecal_depth + self.hcal_gap

    @property
    def hcal_end(self) -> float:
        return self.hcal_start + self.hcal_depth

    @property
    def muon_start(self) -> float:
        return self.hcal_end + self.muon_gap


# CLD_o2_v05 for comparisons with its full simulation (N. Bacchetta et al., arXiv:1911.12230,
# tables 1 to 9; radii of the vertex layers from a full-simulation event). What is not named here
# is the same as in CLICdet, whose design CLD follows.
CLD_LIKE = CLICLike(
    field=2.0,
    barrel_layers=(
        (13.26, 110.0), (14.31, 110.0), (35.4, 110.0), (36.4, 110.0),
        (57.26, 110.0), (58.31, 110.0),
        (127.0, 482.0), (400.0, 482.0), (670.0, 692.0),
        (998.0, 1264.0), (1566.0, 1264.0), (2138.0, 1264.0),
    ),
    disks=(
        (159.0, 24.0, 102.0), (161.0, 24.0, 102.0), (229.0, 35.0, 102.0), (231.0, 35.0, 102.0),
        (299.0, 45.0, 102.0), (301.0, 45.0, 102.0),
        (524.0, 80.0, 457.0), (808.0, 124.0, 652.0), (1093.0, 166.0, 663.0),
        (1377.0, 208.0, 660.0), (1661.0, 250.0, 657.0), (1946.0, 294.0, 640.0),
        (2190.0, 337.0, 647.0),
        (1310.0, 718.0, 2080.0), (1617.0, 718.0, 2080.0), (1883.0, 718.0, 2080.0),
        (2190.0, 718.0, 2080.0),
    ),
    beam_pipe=10.0,
    support_tube=690.0,
    barrel_face=2150.0,
    endcap_inner_radius=340.0,
    hcal_gap=48.0,
    hcal_depth=1166.0,
    hcal_layers=44,
)  # fmt: skip

SIMULATED: Mapping[str, CLICLike] = MappingProxyType({"clic": CLICLike(), "cld": CLD_LIKE})
