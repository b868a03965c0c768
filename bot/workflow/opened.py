"""A stored request with its operation, body and facts as values."""

from typing import Any

from bot.domain.digest import digest
from bot.domain.request import Request
from bot.operations.catalog import operation_named
from bot.operations.operation import Body, Facts, Operation, Progress
from bot.workflow.parts import Parts

Opened = tuple[Operation[Any, Any], Body, Facts]


def opened(request: Request) -> Opened:
    """The request's operation with its body and the facts that were approved."""
    operation = operation_named(request.operation)
    body = operation.body_type.model_validate_json(request.body)
    return operation, body, operation.facts_type.model_validate_json(request.facts)


def progress_of(request: Request) -> Progress:
    """How far that got which an accepted call began."""
    return Progress.model_validate_json(request.progress) if request.progress else Progress()


def digest_of(parts: Parts, operation: Operation[Any, Any], body: Body, facts: Facts) -> str:
    """The digest over everything that takes effect, for this tenant."""
    return digest(
        operation=operation.name,
        tenant=parts.tenant_id,
        body=body.model_dump(),
        facts=operation.material(body, facts),
    )
