"""The other side of the duel: FAVOR+ with the parameters and FLOPs of `clic_gnn_lsh_matched`.

All but the backbone, and so the cost, is that of `clic_gnn_lsh_matched`.

python -m launch.tune  --config=configs/clic_favor_matched.py --run=runs/favor_matched
python -m launch.train --config=configs/clic_favor_matched.py --run=runs/favor_matched
"""

from ml_collections import ConfigDict

from configs import clic_gnn_lsh_matched


def get_config() -> ConfigDict:
    config = clic_gnn_lsh_matched.get_config()
    config.model = ConfigDict()
    config.model.backbone = "favor"
    config.model.width = 128
    config.model.layers_id = 3
    config.model.layers_regression = 3
    config.model.heads = 8
    config.model.random_features = 32
    config.model.hidden = 192
    config.model.head_width = 128
    config.model.head_layers = 1
    config.model.neighbour_features = False
    config.model.shapes = False
    config.model.sharing = False
    config.model.momenta = "free"
    return config
