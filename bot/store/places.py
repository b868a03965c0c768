"""Places in SQL: which requests mean the same thing by a number."""

ENTITY_OF_PLACE = (
    "CASE WHEN place LIKE 'entity=%' "
    "THEN replace(lower(substr(place, 1, instr(place || ';', ';') - 1)), '-', '') ELSE '' END"
)
"""The part of the column `place` that `domain.place.entity_part` takes from a key, in the same form."""
