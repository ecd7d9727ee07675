"""Mutants of setup and of `allive dbt`."""

from typing import Final

from tests.mutants.mutant import Mutant

_BY_HAND: Final = "orchestration/commands/dbt.py"
_BY_HAND_TESTS: Final = "tests/integration/test_dbt_by_hand.py"
_CHANGES_NOTHING: Final = f"{_BY_HAND_TESTS}::test_what_dbt_does_by_hand_changes_neither_the_warehouse_nor_a_close"

MUTANTS: Final = (
    Mutant(
        name="dbt_by_hand_on_the_warehouse",
        rule="INTERFACES allive dbt works on a copy of the warehouse, which no payout reads",
        file=_BY_HAND,
        before='"ALLIVE_WAREHOUSE_PATH": str(place.copy),',
        after='"ALLIVE_WAREHOUSE_PATH": str(settings.warehouse_path),',
        killed_by=_CHANGES_NOTHING,
    ),
    Mutant(
        name="warehouse_open_to_dbt_by_hand",
        rule="§6 a month closes from a warehouse that this project built",
        file=_BY_HAND,
        before="        yield by_hand(settings)",
        after="        stack.close()\n        yield by_hand(settings)",
        killed_by=_CHANGES_NOTHING,
    ),
    Mutant(
        name="dbt_by_hand_without_the_lock",
        rule="INTERFACES commands and the service exclude each other by one lock",
        file=_BY_HAND,
        before="with hold_data_home(settings, command=command), ExitStack()",
        after="with ExitStack()",
        killed_by=f"{_BY_HAND_TESTS}::test_it_waits_for_no_other_holder_of_the_data_home",
    ),
    Mutant(
        name="dbt_by_hand_with_another_profile",
        rule="INTERFACES allive dbt works on a copy of the warehouse, which no payout reads",
        file=_BY_HAND,
        before='"--profiles-dir", "--profile", "--target"',
        after='"--profile", "--target"',
        killed_by=f"{_BY_HAND_TESTS}::test_options_that_lead_to_another_database_are_wrong_usage",
    ),
    Mutant(
        name="copy_of_an_older_warehouse",
        rule="INTERFACES allive dbt works on a copy of the warehouse",
        file=_BY_HAND,
        before="place.copy.exists() and read_json(place.note) == now",
        after="place.copy.exists()",
        killed_by=f"{_BY_HAND_TESTS}::test_the_copy_is_made_again_when_the_warehouse_changed_and_kept_while_it_did_not",
    ),
    Mutant(
        name="playwrights_library_not_installed",
        rule="README make test installs what it needs",
        file=".ci/browser-env",
        before='works "$driver" || "$bin/distribution-packages" browser libatomic1 || true',
        after="true",
        killed_by="tests/unit/test_setup.py::test_the_library_that_playwrights_driver_lacks_is_installed_once",
    ),
    Mutant(
        name="packages_that_ask",
        rule="README make test installs what it needs",
        file=".ci/distribution-packages",
        before="env DEBIAN_FRONTEND=noninteractive apt-get",
        after="env apt-get",
        killed_by="tests/unit/test_setup.py::test_packages_are_installed_without_a_question",
    ),
)
