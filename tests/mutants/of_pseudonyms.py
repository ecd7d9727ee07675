"""Mutants of pseudonyms, of their key, and of how booked periods are recognised (docs/adr/0034)."""

from typing import Final

from tests.mutants.mutant import Mutant

_PSEUDONYMS: Final = "payouts/pseudonyms.py"
_BOOKED: Final = "payouts/booked_periods.py"
_KEY: Final = "payouts/verification/pseudonym_key.py"
_OF_KEYS: Final = "tests/unit/payouts/test_pseudonyms.py"
_OF_BOOKED: Final = "tests/unit/payouts/test_booked_periods.py"
_OF_FORMATS: Final = "tests/unit/payouts/test_verification_of_formats.py"

MUTANTS: Final = (
    Mutant(
        name="periods_named_as_subscribers",
        rule="§11 a period's pseudonym is nobody else's",
        file=_PSEUDONYMS,
        before='_OF_PERIODS: Final = b"\\xffperiod\\0"',
        after='_OF_PERIODS: Final = b""',
        killed_by=f"{_OF_KEYS}::test_a_period_has_its_own",
    ),
    Mutant(
        name="lost_key_made_again",
        rule="§6 a period is settled in one month only: the key that recognises it is not replaced",
        file=_PSEUDONYMS,
        before="            if closed := ledger.closed_months(settings):\n",
        after="            if (closed := ledger.closed_months(settings)) and not settings:\n",
        killed_by=f"{_OF_KEYS}::test_a_lost_key_is_not_replaced_once_a_month_is_closed",
    ),
    Mutant(
        name="empty_key_taken",
        rule="§11 pseudonyms are keyed",
        file=_PSEUDONYMS,
        before="    if not key:\n",
        after="    if key is None:\n",
        killed_by=f"{_OF_KEYS}::test_an_empty_key_is_none",
    ),
    Mutant(
        name="another_key_taken",
        rule="§6 a period is settled in one month only: another key would not recognise it",
        file=_PSEUDONYMS,
        before="        if found != expected:\n",
        after="        if found != expected and not found:\n",
        killed_by=f"{_OF_KEYS}::test_only_the_key_of_every_month_is_taken",
    ),
    Mutant(
        name="month_without_key_check_taken",
        rule="§6 a period is settled in one month only: a month of format 2 says which key recognises it",
        file=_PSEUDONYMS,
        before="        if expected is None:\n",
        after="        if expected is None and (expected := found) is None:\n",
        killed_by=f"{_OF_KEYS}::test_a_month_of_format_2_without_a_check_value_takes_no_key",
    ),
    Mutant(
        name="unknown_bookings_taken",
        rule="§6 a period is settled in one month only: every booked one is recognised",
        file=_BOOKED,
        before="        _require_all(con)\n",
        after="",
        killed_by=f"{_OF_BOOKED}::test_a_period_that_nobody_recognises_stops_the_build",
    ),
    Mutant(
        name="booked_under_the_key_alone",
        rule="§6 a period is settled in one month only: no build begins under another key",
        file=_BOOKED,
        before="    pseudonyms.require_key_of_months(settings)\n",
        after="",
        killed_by=f"{_OF_BOOKED}::test_no_period_is_looked_for_under_another_key",
    ),
    Mutant(
        name="bookings_of_gone_months_kept",
        rule="§6 the bookings of closed months are those of the months that are there",
        file=_BOOKED,
        before='            con.execute("delete from build.booked_periods")\n',
        after="",
        killed_by=f"{_OF_BOOKED}::test_they_follow_the_months_one_by_one",
    ),
    Mutant(
        name="keys_of_months_not_compared",
        rule="§6 a period is settled in one month only: months of one chain have one key",
        file=_KEY,
        before="    if books.key_check is not None:\n",
        after="    if books.key_check is not None and key is not None:\n",
        killed_by=f"{_OF_FORMATS}::test_a_month_that_was_closed_with_another_key_is_found_whatever_key_is_here",
    ),
    Mutant(
        name="key_that_is_here_not_compared",
        rule="INTERFACES: verify says that the key is another one",
        file=_KEY,
        before="found=key.check_value, expected=found)",
        after="found=found, expected=found)",
        killed_by=f"{_OF_FORMATS}::test_another_key_is_wrong_and_proves_nothing",
    ),
    Mutant(
        name="formats_not_compared",
        rule="§6 a period is settled in one month only, whatever the formats",
        file="payouts/verification/verifying.py",
        before="periods_in_two_months(files, pseudonyms=pseudonyms)",
        after="periods_in_two_months(files)",
        killed_by=f"{_OF_FORMATS}::test_a_period_is_settled_in_one_month_only_whatever_the_formats",
    ),
    Mutant(
        name="unchecked_across_formats_passes",
        rule="INTERFACES: verify names what it could not check",
        file="payouts/verification/verifying.py",
        before="and len(by_pseudonym) < len(files) and pseudonyms is None:",
        after="and len(by_pseudonym) < len(files) and not files:",
        killed_by=f"{_OF_FORMATS}::test_without_the_key_months_of_format_2_are_not_compared_with_those_before",
    ),
    Mutant(
        name="ids_shown_in_full",
        rule="§11 explain --full shows periods under pseudonyms",
        file="payouts/explanation/explaining.py",
        before="if names_by_pseudonym(path) else names_of_periods(settings)",
        after="",
        killed_by="tests/unit/payouts/test_explanation.py::"
        "test_in_full_every_slice_is_shown_under_pseudonyms_whatever_the_format",
    ),
)
