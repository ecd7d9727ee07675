"""Work on payments that the crash tests kill: ordering again, and importing the bank's answer."""

import shutil
from pathlib import Path
from random import Random

from allive.ingestion.settings import Settings
from allive.payouts.payments import actions, orders
from allive.payouts.payments.catching_up import catch_up
from tests.payment_world.bank import Bank
from tests.payment_world.world import SAYS, TODAY, World, settings_of

MONTH = "2021-01"
ANSWER = "answer.xml"


def a_cancelled_month(home: Path) -> World:
    """A month that pays everybody in two orders, all of which the bank refused."""
    rng = Random(1)
    world = World(home, rng, Bank(rng), most_per_order=2)
    world.close(earned=1_500)
    actions.cancel(world.settings, MONTH, artists=(), **SAYS)
    return world


def an_answered_month(home: Path) -> World:
    """A month that pays everybody, and the bank's answer to all of it in one file."""
    rng = Random(2)
    world = World(home, rng, Bank(rng), most_per_order=None)
    world.close(earned=1_500)
    world.send()
    (message_id,) = {one.message_id for one in world.bank.transfers.values()}
    world.bank.execute_order(message_id)
    (home / ANSWER).write_bytes(world.bank.messages[-1])
    return world


def copy_of(home: Path, folder: Path) -> Settings:
    """A copy of a home, with the settings that it was made with."""
    return settings_of(Path(shutil.copytree(home, folder / "home")), most_per_order=2)


def reissue(home: Path) -> None:
    """`allive payments reissue`, after what a kill interrupted was completed."""
    settings = settings_of(home, most_per_order=2)
    catch_up(settings)
    orders.reissue(settings, MONTH, artists=(), is_withdrawn=False, today=TODAY, **SAYS)


def import_answer(home: Path) -> None:
    """`allive payments import`."""
    settings = settings_of(home, most_per_order=2)
    catch_up(settings)
    actions.import_answer(settings, home / ANSWER, **SAYS)
