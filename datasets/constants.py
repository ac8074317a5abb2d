"""Constants of nature, in the units of `schema`."""

LIGHT = 299.792458  # mm/ns, by the definition of the metre
GEV_PER_TESLA_MM = 2.99792458e-4
"""The speed of light once more: pt = GEV_PER_TESLA_MM |B / omega| (GeV) of a particle of unit
charge, B in tesla and omega in 1/mm (PDG Review, "Particle Detectors", magnetic spectrometers)."""
