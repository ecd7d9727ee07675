"""Payments in a made-up platform: its months, its operator, and a bank that answers late, twice and out of order."""
