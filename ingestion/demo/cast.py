"""The fictional artists: who they are and where they live. Names are invented; data only."""

from dataclasses import dataclass
from typing import Literal

Category = Literal["emerging", "independent", "known"]

GENRES = (
    "chanson",
    "pop",
    "rock",
    "électro",
    "rap",
    "jazz",
    "folk",
    "soul",
    "musiques du monde",
    "classique",
    "metal",
)
"""Genres from the most to the least popular."""


@dataclass(frozen=True, slots=True)
class Act:
    """One artist of the cast: a stage name, its genre, its category at the opening, its town."""

    name: str
    genre: str
    category: Category
    town: str
    postcode: str


_KNOWN = (
    ("Bastien Vauquelin", "chanson", "Paris", "75011"),
    ("Orphée Delmas", "pop", "Paris", "75018"),
    ("Mirage Nord", "rock", "Lille", "59000"),
    ("Hélios & Fils", "électro", "Versailles", "78000"),
    ("Kassim Double", "rap", "Marseille", "13003"),
    ("Awa Lenoir-Sané", "musiques du monde", "Montreuil", "93100"),
)

_INDEPENDENT = (
    ("Noémie Kerguelen", "chanson", "Brest", "29200"),
    ("Fauve de Brume", "rock", "Rennes", "35000"),
    ("Béton Lumière", "rap", "Saint-Denis", "93200"),
    ("Zéphyrine", "pop", "Nantes", "44000"),
    ("DJ Pampre", "électro", "Bordeaux", "33000"),
    ("Les Éclusiers", "folk", "Toulouse", "31000"),
    ("Trio Malaquais", "jazz", "Paris", "75006"),
    ("Séléna Okoumé", "soul", "Lyon", "69007"),
    ("Tramontane Express", "musiques du monde", "Perpignan", "66000"),
    ("Le Bal des Cigognes", "chanson", "Strasbourg", "67000"),
    ("Quatuor Aubépine", "classique", "Dijon", "21000"),
    ("Grand Large Orchestra", "jazz", "La Rochelle", "17000"),
    ("Ravage Intérieur", "metal", "Metz", "57000"),
    ("Cendre & Sel", "folk", "Saint-Malo", "35400"),
)

_EMERGING = (
    ("Petite Houle", "pop", "Biarritz", "64200"),
    ("Anouk Vasseral", "chanson", "Grenoble", "38000"),
    ("Les Cousins Tardif", "rock", "Angers", "49000"),
    ("Ilyès Carmin", "rap", "Roubaix", "59100"),
    ("Kodama Lyon", "électro", "Villeurbanne", "69100"),
    ("Mina Sorel-Diop", "soul", "Bobigny", "93000"),
    ("Vent de Noroît", "folk", "Lorient", "56100"),
    ("Lucioles du Vercors", "pop", "Valence", "26000"),
    ("Clémence Aubrac", "chanson", "Clermont-Ferrand", "63000"),
    ("Garrigue Noire", "rock", "Montpellier", "34000"),
    ("Saphir 93", "rap", "Aubervilliers", "93300"),
    ("Nuit Blanche à Tulle", "électro", "Tulle", "19000"),
    ("Sextet Rouvière", "jazz", "Nîmes", "30000"),
    ("Yuna Morvan", "pop", "Quimper", "29000"),
    ("Polyphonies du Maquis", "musiques du monde", "Bastia", "20200"),
    ("Jeanne et les Loups", "rock", "Limoges", "87000"),
    ("Tidiane Belleroche", "rap", "Évry-Courcouronnes", "91000"),
    ("Théo Barbacane", "chanson", "Carcassonne", "11000"),
    ("Gaspard Lenfant", "folk", "Annecy", "74000"),
    ("Ondine Électrique", "électro", "Le Havre", "76600"),
    ("Velours Sauvage", "soul", "Tours", "37000"),
    ("Orage Mécanique", "metal", "Mulhouse", "68100"),
    ("La Fanfare d'en Bas", "jazz", "Saint-Étienne", "42000"),
    ("Maïwenn Tréguidel", "folk", "Vannes", "56000"),
    ("Lanmè Kreyòl", "musiques du monde", "Créteil", "94000"),
    ("Duo Sarabande", "classique", "Besançon", "25000"),
    ("Minuit Passé", "pop", "Reims", "51100"),
    ("Acier Trempé", "metal", "Thionville", "57100"),
    ("Ensemble Clair-Obscur", "classique", "Amiens", "80000"),
    ("Sous les Platanes", "chanson", "Aix-en-Provence", "13100"),
)

_BY_CATEGORY: tuple[tuple[Category, tuple[tuple[str, str, str, str], ...]], ...] = (
    ("known", _KNOWN),
    ("independent", _INDEPENDENT),
    ("emerging", _EMERGING),
)

CAST: tuple[Act, ...] = tuple(
    Act(name=name, genre=genre, category=category, town=town, postcode=postcode)
    for category, acts in _BY_CATEGORY
    for name, genre, town, postcode in acts
)
"""All acts; within each category, from the most to the least popular."""

STREETS = (
    "rue des Lilas",
    "avenue de la République",
    "rue du Moulin",
    "impasse des Tilleuls",
    "boulevard Voltaire",
    "place du Marché",
    "rue de l'Église",
    "quai des Tanneurs",
    "chemin des Vignes",
    "rue Jules-Ferry",
)
