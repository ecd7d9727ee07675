"""Simulates other policies: settles a month of the warehouse again in memory, without writing anything."""

from payouts.simulation.scenarios import Outcome, settle_under_each, simulate_each
from payouts.simulation.simulating import ArtistDifference, Simulation, simulate
from payouts.simulation.what_if import WhatIf

__all__ = [
    "ArtistDifference",
    "Outcome",
    "Simulation",
    "WhatIf",
    "settle_under_each",
    "simulate",
    "simulate_each",
]
