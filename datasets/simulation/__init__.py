"""Simulated collisions: Pythia 8, a fast simulation of a CLIC-like detector, and a baseline."""

from datasets.simulation.chain import simulate
from datasets.simulation.detector import CLICLike
from datasets.simulation.generate import PROCESSES

__all__ = ["PROCESSES", "CLICLike", "simulate"]
