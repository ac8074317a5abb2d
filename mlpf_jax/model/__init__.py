"""The model: its configuration, what it makes of its inputs, backbones, heads."""
