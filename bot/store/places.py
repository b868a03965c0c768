"""Places in SQL: which requests speak of the same numbers."""

ENTITY_OF_PLACE = (
    "CASE WHEN place LIKE 'entity=%' "
    "THEN replace(lower(substr(place, 1, instr(place || ';', ';') - 1)), '-', '') ELSE '' END"
)
"""Of the column `place` what `domain.place.entity_part` takes of a key, in the same form."""
