"""What a model is and how it is trained: frozen dataclasses of plain values.

`ModelConfig` fixes shapes, so each one costs a compilation. Every number of `TrainConfig` is a
traced value of the training step: any number of them share one. Its optimiser's name is not.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, fields
from types import MappingProxyType
from typing import TypeVar

ELEMENTS = ("clusters", "hits", "tracks_hits")
BACKBONES = MappingProxyType(
    {
        "gnn_lsh": "mlpf_jax.model.backbones:GraphLayer",
        "attention": "mlpf_jax.model.backbones:AttentionLayer",
        "favor": "mlpf_jax.model.backbones:FavorLayer",
        "mlp": "mlpf_jax.model.backbones:ElementLayer",
    }
)
"""By name where the module of a layer stands; a configuration loads none of them."""
FORMS = ("improved", "published")
BINNINGS = ("learned", "face", "tiles", "none")
MOMENTA = ("residual", "free")
PRECISIONS = ("float32", "bfloat16")
SCHEDULES = ("constant", "cosine", "linear")
OPTIMISERS = ("adamw", "lamb", "lion", "muon", "schedule_free")


@dataclass(frozen=True)
class ModelConfig:
    """The architecture.

    The graph layers of `form` "published" are those of the GNN-LSH (jpata/particleflow;
    Communications Physics 7, 124, 2024) to the letter. In the "improved" form messages are
    normalised by degrees, there may be several kernels, and these may fall with the distance on
    the calorimeter face (`message_passing` has the formulas of both). What both lack otherwise is
    knowledge of where elements lie there: `neighbour_features`, and `binning` by face or tiles.
    """

    elements: str = "clusters"  # with tracks; or hits, or tracks_hits (datasets.schema.ELEMENTS)
    backbone: str = "gnn_lsh"
    form: str = "improved"  # of the graph layers
    width: int = 64  # of an element's representation
    layers_shared: int = 0  # stack that feeds the two others
    layers_id: int = 2  # stack that feeds class and charge
    layers_regression: int = 2  # stack that feeds momentum and energy
    binning: str = "face"  # who meets whom: same bucket in learned space, on the face, tiles, all
    bin_size: int = 64  # elements that see each other in one layer
    max_bins: int = 200  # largest event that is hashed = bin_size * max_bins elements
    heads: int = 1  # kernels, or attention heads, each with its share of the width
    head_dims: int = 0  # of an attention head, where it is not its share of the width
    messages: int = 2  # rounds of message passing in one graph layer
    distance_width: int = 16  # dimensions of the learned space in which elements are close or far
    distance_hidden: int = 16
    distance_layers: int = 1  # hidden layers of the network that places elements there
    random_features: int = 64  # of favor
    hidden: int = 128  # of the network that follows attention, and of mlp
    head_width: int = 64
    head_layers: int = 1
    dropout: float = 0.0
    neighbour_features: bool = True  # nearest tracks and clusters as input values
    shapes: bool = True  # depth and widths of clusters along their flight as input values
    face_kernel: bool = True  # distance on the calorimeter face dampens messages
    sharing: bool = True  # tracks account for the energy of clusters before the heads correct it
    pairs: int = 0  # hidden values of a track with a cluster that help to decide its share
    # What the heads correct: a track's momentum within its error, or anything by any factor.
    momenta: str = "residual"
    # Fitted to a trained model (`physics.calibration`): what is added to logits of clusters, and
    # by what the momenta of neutral particles are multiplied.
    hadron_bias: float = 0.0
    photon_bias: float = 0.0
    neutral_scale: float = 1.0
    spread: bool = False  # predict how uncertain log pt and log energy are, too
    # Of the layers; inputs, hashes, distances, sums and heads stay float32.
    precision: str = "float32"
    remat: bool = False  # recompute layers in the backward pass: less memory, a little more time

    def __post_init__(self):
        _require_choice("elements", self.elements, ELEMENTS)
        _require_choice("backbone", self.backbone, BACKBONES)
        _require_choice("form", self.form, FORMS)
        _require_choice("binning", self.binning, BINNINGS)
        _require_choice("momenta", self.momenta, MOMENTA)
        _require_choice("precision", self.precision, PRECISIONS)
        for name in (
            "width", "bin_size", "max_bins", "heads", "messages", "distance_width",
            "distance_hidden", "random_features", "hidden", "head_width",
        ):  # fmt: skip
            _require(getattr(self, name) >= 1, name, getattr(self, name), "at least 1")
        for name in (
            "layers_shared", "layers_id", "layers_regression", "distance_layers", "head_layers",
            "head_dims", "pairs",
        ):  # fmt: skip
            _require(getattr(self, name) >= 0, name, getattr(self, name), "at least 0")
        own = self.head_dims > 0 and self.backbone in ("attention", "favor")
        divides = own or self.width % self.heads == 0
        _require(divides, "heads", self.heads, f"a divisor of width = {self.width}")
        _require(0 <= self.dropout < 1, "dropout", self.dropout, "in [0, 1)")
        _require(self.neutral_scale > 0, "neutral_scale", self.neutral_scale, "above 0")
        if self.elements == "hits":
            _require(
                not self.sharing, "sharing", self.sharing, "False where elements are hits alone"
            )
        if self.form == "published":
            for name, value in (("backbone", "gnn_lsh"), ("heads", 1), ("face_kernel", False)):
                found = getattr(self, name)
                _require(found == value, name, found, f"{value!r} where form is 'published'")


@dataclass(frozen=True)
class TrainConfig:
    """The optimisation under a schedule, and the weights of the loss terms.

    All are traced values but the name of the optimiser, which costs a compilation.
    """

    learning_rate: float = 3e-3
    weight_decay: float = 1e-2
    warmup_steps: int = 50
    total_steps: int = 1000  # where the schedule reaches its end
    schedule: str = "cosine"
    clip: float = 1.0  # largest global norm of a gradient
    class_weight: float = 1.0
    charge_weight: float = 0.1
    momentum_weight: float = 1.0
    energy_weight: float = 1.0
    angle_weight: float = 1.0
    region_weight: float = 2.0  # of the energy around each element, as in a jet
    share_weight: float = 0.0  # of the true shares of tracks in clusters, where they are known
    missing_weight: float = 0.0  # of the vector sum of transverse momenta, by event
    focal_gamma: float = 1.0
    energy_power: float = 0.5  # a particle counts energy**energy_power in the regression
    ema: float = 0.0  # decay of the average of parameters that is evaluated and saved; 0: none
    optimiser: str = "adamw"

    def __post_init__(self):
        _require_choice("schedule", self.schedule, SCHEDULES)
        _require_choice("optimiser", self.optimiser, OPTIMISERS)
        _require(0 <= self.ema < 1, "ema", self.ema, "in [0, 1)")
        _require(self.total_steps >= 1, "total_steps", self.total_steps, "at least 1")
        _require(self.clip > 0, "clip", self.clip, "above 0")
        for f in fields(self):
            if f.name not in ("schedule", "optimiser", "total_steps", "clip"):
                _require(getattr(self, f.name) >= 0, f.name, getattr(self, f.name), "at least 0")


Config = TypeVar("Config", ModelConfig, TrainConfig)


def from_mapping(kind: type[Config], mapping: Mapping) -> Config:
    """A configuration from plain values (ml_collections, JSON, a trial), checked.

    Raises `ValueError` that names unknown keys and lists the known ones, or the value that has
    the wrong type or range.
    """
    types = {f.name: f.type for f in fields(kind)}
    if unknown := sorted(set(mapping) - set(types)):
        raise ValueError(
            f"unknown {kind.__name__} key(s) {', '.join(unknown)}; known: {', '.join(types)}"
        )
    return kind(**{name: _coerced(name, value, types[name]) for name, value in mapping.items()})


def _coerced(name: str, value, kind: type):
    """`value` as `kind`; numpy and integral float values pass where nothing is lost."""
    try:
        result = kind(value)
    except (TypeError, ValueError):
        result = None
    if result is None or result != value:
        raise ValueError(f"{name} = {value!r} is not of type {kind.__name__}")
    return result


def _require(condition: bool, name: str, value, what: str) -> None:
    if not condition:
        raise ValueError(f"{name} = {value!r} must be {what}")


def _require_choice(name: str, value: str, choices: Collection[str]) -> None:
    _require(value in choices, name, value, "one of " + ", ".join(choices))
