"""Particles on their way to the calorimeters: helices, layers, material, decays, hits."""
