"""Machine-learned particle flow: models, training and physics as pure functions over pytrees."""
