"""`allive verify`: proves closed months, sharing no code with the code that closes them (docs/adr/0010)."""

from allive.payouts.closed_month.findings import (
    Check,
    CheckCount,
    Finding,
    MonthVerdict,
    Unchecked,
    Verdict,
    Verification,
)
from allive.payouts.verification.verifying import record_verification, verify

__all__ = [
    "Check",
    "CheckCount",
    "Finding",
    "MonthVerdict",
    "Unchecked",
    "Verdict",
    "Verification",
    "record_verification",
    "verify",
]
