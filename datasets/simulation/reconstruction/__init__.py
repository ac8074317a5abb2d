"""From hits to tracks and clusters, and the rule-based baseline made of them."""
