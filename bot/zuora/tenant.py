"""Which tenant and entities a token is valid for."""

from collections.abc import Iterable
from dataclasses import dataclass

from bot.domain.place import Unit, plain_ids


@dataclass(frozen=True, slots=True)
class Tenant:
    """The tenant that a token is valid for, read from its scope.

    Attributes:
        id: Zuora's tenant number, for example `12270`; empty if the scope does not say.
        entities: Entity ids the token is valid for.
    """

    id: str
    entities: tuple[str, ...] = ()


def tenant_of(scope: str) -> Tenant:
    """Read a scope like `entity.11e6… platform.write tenant.12270 user.2c92…`."""
    words = scope.split()
    tenants = [word.removeprefix("tenant.") for word in words if word.startswith("tenant.")]
    entities = [word.removeprefix("entity.") for word in words if word.startswith("entity.")]
    return Tenant(tenants[0] if tenants else "", tuple(entities))


def not_the_tenant(tenant: Tenant, expected: str) -> str:
    """Return why a token may not be used: it is for another tenant, or does not say for which."""
    if not expected or tenant.id == expected:
        return ""
    found = f"speaks for tenant {tenant.id}" if tenant.id else "does not say for which tenant"
    return (
        f"The OAuth client {found}, and ZUORA_TENANT_ID is {expected}. Nothing is asked of Zuora "
        "until the two agree: check the client, the base URL and the setting."
    )


def entities_outside(tenant: Tenant, entities: Iterable[Unit]) -> tuple[str, ...]:
    """Return which of the configured entities a token does not name; nothing if it names no entity."""
    named = {plain_ids(entity) for entity in tenant.entities}
    return tuple(each.id for each in entities if named and plain_ids(each.id) not in named)


def not_the_entities(tenant: Tenant, entities: Iterable[Unit]) -> str:
    """Return why a token may not be used: it is not valid for an entity in the settings.

    Or it is valid for several, and the settings name none ("you must use this header to specify which
    entity").
    """
    entities = tuple(entities)
    if not entities and len(set(map(plain_ids, tenant.entities))) > 1:
        return (
            "The OAuth client's token speaks for several entities, so ZUORA_ENTITY_IDS has to list those that "
            f"the bot works in: {', '.join(tenant.entities)}."
        )
    outside = entities_outside(tenant, entities)
    if not outside:
        return ""
    return (
        f"ZUORA_ENTITY_IDS names {', '.join(outside)}, and the OAuth client's token does not "
        f"speak for that. It speaks for: {', '.join(tenant.entities)}."
    )
