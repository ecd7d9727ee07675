"""The setting of withholdings: parts of payments that the law has the payer keep back for others (RULES.md §10).

Only the records and their errors are here. The amounts are computed in `allive.payouts.withholdings`.
"""

from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import date
from itertools import product
from typing import Annotated, Final, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

WHOLE_BP: Final = 10_000
_ARTIST_OF_NO_LIST: Final = ""
_COUNTRY_OF_NO_LIST: Final = "another country"

# One line of a statement has the name and the creditor: letters, digits, blanks and signs, no line breaks.
_Text = Annotated[str, Field(min_length=1, max_length=60, pattern=r"^[^\x00-\x1f\x7f-\x9f]*\S[^\x00-\x1f\x7f-\x9f]*$")]
_Country = Annotated[str, Field(pattern=r"^[A-Z]{2}$")]
_Listed = Annotated[tuple[_Country, ...], Field(min_length=1)]


class Withholding(BaseModel):
    """A withholding, and whom it concerns: everybody, unless countries or artists are listed.

    Attributes:
        name: As printed on statements, and as the accounts call it.
        owed_to: Its creditor.
        rate_bp: Of what is paid, in basis points: 1,720 are 17.2 %.
        since: The first payment date on which it is in force.
        until: The last one; None if it has no end.
        tax_countries: Only artists with one of these countries of tax residence.
        not_tax_countries: Only artists with another one. An artist whose country is unknown is in neither list.
        artist_ids: Only these artists.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: _Text
    owed_to: _Text
    rate_bp: Annotated[int, Field(strict=True, gt=0, le=WHOLE_BP)]
    since: date
    until: date | None = None
    tax_countries: _Listed | None = None
    not_tax_countries: _Listed | None = None
    artist_ids: Annotated[tuple[str, ...], Field(min_length=1)] | None = None

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.until is not None and self.until < self.since:
            raise ValueError(
                f"found until {self.until} before since {self.since}; expected the same day or a later one"
            )
        if self.tax_countries is not None and self.not_tax_countries is not None:
            raise ValueError("found tax_countries and not_tax_countries; expected one of them, or neither")
        return self

    def is_in_force(self, on: date) -> bool:
        """Whether it is in force on a payment date."""
        return self.since <= on and (self.until is None or on <= self.until)

    def depends_on_country(self, artist_id: str) -> bool:
        """Whether it depends on the artist's country of tax residence."""
        is_listed = self.artist_ids is None or artist_id in self.artist_ids
        return is_listed and (self.tax_countries is not None or self.not_tax_countries is not None)

    def concerns(self, artist_id: str, tax_country: str | None) -> bool:
        """Whether it concerns an artist. An unknown country is neither one of a list nor another one."""
        if self.artist_ids is not None and artist_id not in self.artist_ids:
            return False
        if self.tax_countries is not None:
            return tax_country in self.tax_countries
        if self.not_tax_countries is not None:
            return tax_country is not None and tax_country not in self.not_tax_countries
        return True


def contradictions(withholdings: Iterable[Withholding]) -> Iterator[str]:
    """Yield why withholdings cannot be in force together: more than all is kept back, or one name applies twice.

    An artist of no list and a country of no list stand for everybody whom no record names.
    """
    every = tuple(withholdings)
    artists = {_ARTIST_OF_NO_LIST, *(artist for one in every for artist in one.artist_ids or ())}
    countries = {
        _COUNTRY_OF_NO_LIST,
        *(country for one in every for country in (one.tax_countries or ()) + (one.not_tax_countries or ())),
    }
    # Whatever is in force together is so on the first day of one of them.
    for day in sorted({one.since for one in every}):
        in_force = [one for one in every if one.is_in_force(day)]
        for artist, country in sorted(product(artists, countries)):
            concerned = [one for one in in_force if one.concerns(artist, country)]
            whom = f"{f'artist {artist}' if artist else 'an artist'} of {country} on {day}"
            if (rate := sum(one.rate_bp for one in concerned)) > WHOLE_BP:
                names = ", ".join(one.name for one in concerned)
                yield f"{names}: found {rate} bp together for {whom}; expected at most {WHOLE_BP}"
                return
            for name, times in Counter(one.name for one in concerned).items():
                if times > 1:
                    yield f"{name} applies {times} times to {whom}; expected once: give one of them an end"
                    return
