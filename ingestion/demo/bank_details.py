"""IBANs with correct check digits, of banks that do not exist. None of them is a real account."""

_MODULUS = 97


def iban_of(country: str, bban: str) -> str:
    """Put the ISO 7064 mod-97 check digits between a country and its national account number.

    >>> iban_of("BE", "539007547034")
    'BE68539007547034'
    """
    digits = "".join(str(int(character, 36)) for character in f"{bban}{country}00")
    return f"{country}{_MODULUS + 1 - int(digits) % _MODULUS:02d}{bban}"


def french_iban(bank: int, branch: int, account: int) -> str:
    """Build a French IBAN, its national key (clé RIB) included.

    >>> french_iban(30001, 794, 12345678901)
    'FR7630001007941234567890185'
    """
    key = _MODULUS - (89 * bank + 15 * branch + 3 * account) % _MODULUS
    return iban_of("FR", f"{bank:05d}{branch:05d}{account:011d}{key:02d}")


def belgian_iban(bank: int, account: int) -> str:
    """Build a Belgian IBAN, its national check digits included.

    >>> belgian_iban(539, 75470)
    'BE68539007547034'
    """
    number = f"{bank:03d}{account:07d}"
    key = int(number) % _MODULUS or _MODULUS
    return iban_of("BE", f"{number}{key:02d}")


def german_iban(bank: int, account: int) -> str:
    """Build a German IBAN.

    >>> german_iban(37040044, 532013000)
    'DE89370400440532013000'
    """
    return iban_of("DE", f"{bank:08d}{account:010d}")


def with_wrong_check_digits(iban: str) -> str:
    """Shift the check digits by one, as in a mistyped IBAN.

    >>> with_wrong_check_digits("BE68539007547034")
    'BE69539007547034'
    """
    return f"{iban[:2]}{(int(iban[2:4]) + 1) % 100:02d}{iban[4:]}"
