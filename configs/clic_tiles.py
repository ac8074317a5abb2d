"""This project's own backbone at the size of the duel: several kernels inside tiles of the face.

Graph layers whose elements meet where they hit the calorimeter (tiles that move from layer to
layer, `mlpf_jax.layers.tiles`), each with four kernels that fall with the distance there, and
with what lies around an element among the inputs. Parameters and FLOPs as
`clic_gnn_lsh_matched`, whose data, losses and schedule it has.

Cost as there; the neighbours of all elements, quadratic in their number, are 4% of the FLOPs in an
event of 512 elements.

python -m launch.tune  --config=configs/clic_tiles.py --run=runs/tiles
python -m launch.train --config=configs/clic_tiles.py --run=runs/tiles
"""

from ml_collections import ConfigDict

from configs import clic_gnn_lsh_matched


def get_config() -> ConfigDict:
    config = clic_gnn_lsh_matched.get_config()
    config.model.binning = "tiles"
    config.model.heads = 4
    config.model.distance_width = 8
    config.model.neighbour_features = True
    config.model.face_kernel = True
    return config
