"""The paper's names: attributes, traits, and which source labels which attributes (Tables 2 to 5).

Every package takes them from here, so that a column of a label tensor means the same everywhere:
`labels[:, i]` is `ATTRIBUTES[i]`.
"""

MISSING = -1  # no label; 0 is negative, 1 is positive

# Table 5's columns in its order, under its four headings. `gender` is 1 for male.
GROUPS = {
    "gender": ("gender",),
    "pose": ("left_profile", "left", "frontal", "right", "right_profile"),
    "expression": (
        *("angry", "disgust", "fear", "happy", "sad", "surprise", "neutral"),
        *("smiling", "mouth_opened", "narrow_eyes"),
    ),
    "age": (
        *("young", "goatee", "no_beard", "sideburns", "five_oclock_shadow"),
        *("gray_hair", "bald", "mustache"),
    ),
}
ATTRIBUTES = tuple(name for group in GROUPS.values() for name in group)
POSES = GROUPS["pose"]
EXPRESSIONS = GROUPS["expression"][:7]  # the seven prototypical ones, in ExpW's order

# Table 4: the attributes that each source labels; the others are missing there.
LABELLED = {
    "aflw": ("gender", *POSES),
    "celeba": ("gender", *GROUPS["expression"][7:], *GROUPS["age"]),
    "expw": EXPRESSIONS,
    "sfew": EXPRESSIONS,
    "ckplus": EXPRESSIONS,
}
FACE_SOURCES = ("aflw", "celeba", "expw")  # the three that train the DCN
SOURCE_NAMES = {
    "aflw": "AFLW",
    "celeba": "CelebA",
    "expw": "ExpW",
    "sfew": "SFEW 2.0",
    "ckplus": "CK+",
    "relation": "Interpersonal Relation",
}
# Table 6's columns in its order, and CelebA's own names of the same attributes.
CELEBA_NAMES = {
    "smiling": "Smiling",
    "mouth_opened": "Mouth_Slightly_Open",
    "narrow_eyes": "Narrow_Eyes",
    "young": "Young",
    "goatee": "Goatee",
    "no_beard": "No_Beard",
    "sideburns": "Sideburns",
    "five_oclock_shadow": "5_o_Clock_Shadow",
    "gray_hair": "Gray_Hair",
    "bald": "Bald",
    "mustache": "Mustache",
    "gender": "Male",
}

# Table 2, shortened to its key phrases, in the table's order.
TRAITS = {
    "dominant": "one leads, directs, or controls the other",
    "competitive": "hard and unsmiling; contest for advancement",
    "trusting": "sincerely look at each other; no frowning or doubt",
    "warm": "speak gently; look relaxed; tender feelings",
    "friendly": "work or act together; sunny face; polite; helpful",
    "involved": "physical interaction; not alone or separated",
    "demonstrative": "talk freely; express thoughts; act emotionally",
    "assured": "bright and positive self-concept, not depressed",
}

# Mirroring a face swaps these columns.
MIRRORED = {
    "left_profile": "right_profile",
    "left": "right",
    "right": "left",
    "right_profile": "left_profile",
}


def column(attribute: str) -> int:
    """Column of an attribute in a label tensor; ValueError if there is no such attribute."""
    if attribute not in ATTRIBUTES:
        raise ValueError(f"unknown attribute {attribute!r}; use one of {', '.join(ATTRIBUTES)}")
    return ATTRIBUTES.index(attribute)


def columns(attributes: tuple[str, ...]) -> list[int]:
    """Columns of several attributes, in the order given."""
    return [column(name) for name in attributes]


def label_mask(source: str) -> list[bool]:
    """Which of the 24 columns a source labels (Table 4)."""
    return [name in LABELLED[source] for name in ATTRIBUTES]


def mirror_order() -> list[int]:
    """Permutation of the 24 columns under mirroring: `labels[:, mirror_order()]`."""
    return [column(MIRRORED.get(name, name)) for name in ATTRIBUTES]


def title(name: str) -> str:
    """An attribute, trait or source as the paper prints it; any other name without underscores."""
    if name in SOURCE_NAMES:
        return SOURCE_NAMES[name]
    return name.replace("five_oclock", "5 o'clock").replace("_", " ")


def positive(name: str) -> str:
    """What is said of a face whose label is 1: the attribute's title, but "male" for gender."""
    return "male" if name == "gender" else title(name)
