"""Artists' statements (relevés): made from a closed month's folder alone, typeset by typst, read back from the PDF.

Amounts are decided elsewhere (`allive.payouts.run`); statements only show them.
"""

from allive.payouts.statements.month import StatementDataError
from allive.payouts.statements.names import STATEMENTS_FOLDER, statement_file_name, statement_number
from allive.payouts.statements.totals import StatementTotals, UnreadableStatementError, read_statement_total
from allive.payouts.statements.writing import write_statements
from allive.payouts.statements.yearly import PaymentsOfYear, write_yearly_statements

__all__ = [
    "STATEMENTS_FOLDER",
    "PaymentsOfYear",
    "StatementDataError",
    "StatementTotals",
    "UnreadableStatementError",
    "read_statement_total",
    "statement_file_name",
    "statement_number",
    "write_statements",
    "write_yearly_statements",
]
