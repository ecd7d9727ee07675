"""Random histories of payments: nothing is paid twice, nothing is lost, the chain holds (RULES.md §10)."""

from pathlib import Path

import pytest

from tests.payment_world.world import make_world

STEPS = 120


@pytest.mark.parametrize("seed", range(10))
def test_whatever_happens_the_register_agrees_with_the_rules_and_the_bank(seed: int, tmp_path: Path) -> None:
    world = make_world(tmp_path, seed)
    for number in range(STEPS):
        world.step()
        if number % 20 == 19:
            world.assert_sound()
    world.assert_the_bank_agrees()
    world.assert_sound()
