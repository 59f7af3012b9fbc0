"""How the page addresses what can be explained: `belongs`, `adds`, `shows`, and `name:0` for the first name."""

from rpbert.analysis import Analysis, Entity
from rpbert.explain.targets import ADDS, BELONGS, SHOWS, Target, contrast_target, name_target, relation_targets
from rpbert.model.configuration import ENTITY_TYPES
from rpbert.ui.words import NOT_A_NAME

RELATIONS: dict[str, Target] = {"belongs": BELONGS, "adds": ADDS, "shows": SHOWS}
AS_FOUND, RUNNER_UP, NONE = "found", "runner-up", "none"
_NAME = "name:"


def name_key(number: int) -> str:
    """The key of the name `number`, from 0."""
    return f"{_NAME}{number}"


def name_number(key: str) -> int | None:
    """The number of the name that a key addresses, from 0; None for a relation or anything else."""
    number = key.removeprefix(_NAME)
    return int(number) if key.startswith(_NAME) and number.isascii() and number.isdigit() else None


def entity_of(analysis: Analysis, key: str) -> Entity | None:
    """The name that a key addresses; None for a relation, and for a name that this analysis does not have."""
    number = name_number(key)
    return analysis.entities[number] if number is not None and number < len(analysis.entities) else None


def known_key(analysis: Analysis, key: str) -> str:
    """The key, if this analysis has it; else the one that it opens on."""
    return key if key in keys_of(analysis) else first_key(analysis)


def first_key(analysis: Analysis) -> str:
    """What an analysis opens on: the name that the picture moves most; without names, that the picture adds."""
    moved = [abs(entity.confidence - entity.confidence_without_picture) for entity in analysis.entities]
    return name_key(moved.index(max(moved))) if moved else "adds"


def keys_of(analysis: Analysis) -> list[str]:
    """All that can be explained of an analysis."""
    relations = relation_targets(analysis)
    return [
        *(key for key, target in RELATIONS.items() if target in relations),
        *(name_key(number) for number in range(len(analysis.entities))),
    ]


def target_of(analysis: Analysis, key: str, reading: str = AS_FOUND) -> Target:
    """The target of a key, and of one of `readings_of`."""
    entity = entity_of(analysis, key)
    if entity is None:
        return RELATIONS[key]
    if reading == RUNNER_UP:
        return contrast_target(entity)
    if reading == NONE:
        return Target(span=name_target(entity).span, type=None)
    return name_target(entity, None if reading == AS_FOUND else reading)


def readings_of(analysis: Analysis, key: str) -> list[tuple[str, str]]:
    """Which reading of the chosen name can be explained, as (words, key of the reading)."""
    entity = entity_of(analysis, key)
    if entity is None:
        return [("the relation has no other readings", AS_FOUND)]
    others = [(f"why not {kind}?", kind) for kind in ENTITY_TYPES if kind != entity.type]
    rather = f"why {entity.type} rather than {entity.runner_up.type or NOT_A_NAME}?"
    return [(f"as found: {entity.type}", AS_FOUND), (rather, RUNNER_UP), *others, ("why a name at all?", NONE)]
