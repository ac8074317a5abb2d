"""Searches that stand in scikit-learn's places: `SwiftSearchCV` and `AdaptiveSearchCV`."""
