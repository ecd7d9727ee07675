"""Simulates other policies: settles a month of the warehouse again in memory, without writing anything."""

from allive.payouts.simulation.scenario import Scenario
from allive.payouts.simulation.simulating import ArtistDifference, Simulation, simulate
from allive.payouts.simulation.simulating_each import Outcome, settle_under_each, simulate_each

__all__ = [
    "ArtistDifference",
    "Outcome",
    "Scenario",
    "Simulation",
    "settle_under_each",
    "simulate",
    "simulate_each",
]
