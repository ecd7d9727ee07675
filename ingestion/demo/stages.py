"""The venues, titles and songs of the lives. Venues are invented; data only."""

VENUES = (
    ("La Verrerie", "à la Verrerie", "Nantes"),
    ("Le Grand Lavoir", "au Grand Lavoir", "Paris"),
    ("Salle Armorique", "salle Armorique", "Rennes"),
    ("L'Entrepôt 12", "à l'Entrepôt 12", "Bordeaux"),
    ("Le Funambule", "au Funambule", "Lyon"),
    ("La Halle aux Cuirs", "à la Halle aux Cuirs", "Lille"),
    ("Théâtre des Embruns", "au théâtre des Embruns", "Saint-Malo"),
    ("Le Cabanon", "au Cabanon", "Marseille"),
    ("La Filature Basse", "à la Filature Basse", "Mulhouse"),
    ("L'Observatoire", "à l'Observatoire", "Toulouse"),
    ("Le Petit Zinc", "au Petit Zinc", "Paris"),
    ("Chapelle Sainte-Lucie", "à la chapelle Sainte-Lucie", "Dijon"),
    ("Le Hangar à Sel", "au Hangar à Sel", "La Rochelle"),
    ("La Citerne", "à la Citerne", "Montpellier"),
    ("L'Alambic", "à l'Alambic", "Clermont-Ferrand"),
    ("Le Télégraphe", "au Télégraphe", "Grenoble"),
    ("Cour des Orfèvres", "cour des Orfèvres", "Strasbourg"),
    ("Le Chat-Huant", "au Chat-Huant", "Limoges"),
    ("La Rotonde du Lac", "à la Rotonde du Lac", "Annecy"),
    ("Le Caveau des Brumes", "au Caveau des Brumes", "Metz"),
)
"""Each venue's name, the name with its French preposition for titles, and its city."""

FESTIVAL_NAME = "Festival Grand Estran"
FESTIVAL_TOWN = "Saint-Brieuc"
FESTIVAL_STAGES = ("Scène de la Digue", "Scène du Phare", "Chapiteau des Dunes")

LIVE_TITLES = (
    "Live {at_venue}",
    "Concert à {city}",
    "Une nuit {at_venue}",
    "Carte blanche à {city}",
    "Tournée d'hiver, {city}",
    "Dernière date à {city}",
    "En acoustique {at_venue}",
    "Sortie d'album {at_venue}",
    "Le grand retour à {city}",
    "Au plus près {at_venue}",
)

SONGS = (
    "Les heures claires",
    "Marée basse",
    "Tout brûle",
    "Dimanche encore",
    "À contre-jour",
    "La ville d'après",
    "Sans escale",
    "Fenêtre sur cour",
    "Rien qu'un été",
    "Le fil",
    "Vertige",
    "Sous la pluie de mai",
    "Nos absences",
    "Parking souterrain",
    "L'envers du décor",
)
