"""`billing-bot policy`: which rule applies to what, who may approve it, and who is notified."""

import asyncio
import re
import sys
from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path

import click

from bot.cli.clock import SystemClock
from bot.cli.exits import MEND_FIRST
from bot.cli.help import Group, example
from bot.domain.money import Money, in_words
from bot.domain.place import Place, Unit
from bot.domain.policy import Asked, Policy, Rule, is_group
from bot.domain.words import listed
from bot.operations.email_documents.operation import OF_KIND, EmailMixedList
from bot.policy.file import OPERATION_NAMES, TENANTS, PolicyError, read_policy
from bot.settings import PolicySettings, SettingsError, read_policy_settings
from bot.slack.errors import NO_ANSWER
from bot.slack.people import People
from bot.slack.web import ProxyError, SlackWeb


@click.group(cls=Group, epilog=example("billing-bot policy explain post_bill_run"))
def policy() -> None:
    """Check the policy file and explain what it means."""


AMOUNT = re.compile(r"([A-Za-z]{3})=(-?\d{1,18}(?:\.\d{1,6})?)")
PERSON = re.compile(r"[UW][A-Z0-9]+")


def _amounts(_: click.Context, __: click.Parameter, texts: tuple[str, ...]) -> list[Money]:
    """Return the totals, one for each currency."""
    found: dict[str, Money] = {}
    for text in texts:
        read = AMOUNT.fullmatch(text.strip())
        if read is None:
            raise click.BadParameter(f"{text!r} is not an amount; write it as USD=120000")
        currency = read[1].upper()
        if currency in found:
            raise click.BadParameter(f"{currency} is given twice; give one total for each currency")
        found[currency] = Money(currency, Decimal(read[2]))
    return list(found.values())


def _person(_: click.Context, __: click.Parameter, text: str | None) -> str | None:
    if text is not None and not PERSON.fullmatch(text):
        raise click.BadParameter(f"{text!r} is not a Slack user id; write it like U0ALICE")
    return text


@policy.command(
    epilog=f"OPERATION is {listed(OPERATION_NAMES, 'or')}.\n\n"
    + example("billing-bot policy explain email_bill_run --amount USD=120000 --as U0ALICE")
)
@click.argument(
    "operations",
    type=click.Choice(OPERATION_NAMES),
    nargs=-1,
    required=True,
    metavar="OPERATION [OPERATION]...",
)
@click.option("--amount", "amounts", multiple=True, callback=_amounts, type=click.UNPROCESSED,
              help="A total, as USD=120000; one for each currency.")  # fmt: skip
@click.option("--documents", type=click.IntRange(min=0), help="How many documents it touches.")
@click.option("--tenant", type=click.Choice(TENANTS), default="production", show_default=True,
              help="What is behind ZUORA_BASE_URL.")  # fmt: skip
@click.option("--no-mail", is_flag=True, help="No customer can get mail from it.")
@click.option("--again", is_flag=True, help="It mails again what was mailed before.")
@click.option("--entity", default="", help="The entity that was chosen, where there are several.")
@click.option("--organization", default="", help="The organization, likewise.")
@click.option(
    "--as", "requester", metavar="U…", callback=_person, help="Who asks: never among the approvers."
)
@click.option(
    "--file", "path", type=click.Path(path_type=Path), show_default="POLICY_FILE",
    help="Another policy, such as one that is to be tried.",
)  # fmt: skip
def explain(  # noqa: PLR0913 - one parameter for each option
    operations: tuple[str, ...],
    amounts: list[Money],
    documents: int | None,
    tenant: str,
    requester: str | None,
    path: Path | None,
    *,
    entity: str,
    organization: str,
    no_mail: bool,
    again: bool,
) -> None:
    """Say which rule applies to OPERATION, who may approve, and how many people will be notified.

    Several operations that email documents mean a list of several kinds: the strictest of their
    rules applies, and the amounts count for each. email_mixed_list alone means every kind.

    It reads POLICY_FILE, and asks Slack with SLACK_BOT_TOKEN who is in the groups; both settings
    come from the environment or from .env, as for every command. Nothing is changed or sent.
    """
    try:
        settings = read_policy_settings()
        read = read_policy(path or Path(settings.policy_file))
    except (PolicyError, SettingsError) as error:
        click.echo(str(error), err=True)
        sys.exit(MEND_FIRST)
    parts = _parts(operations)
    asked = [
        Asked(
            operation=part,
            tenant=tenant,
            sends=not no_mail,
            mails_again=again,
            amounts=tuple(amounts) or None,
            documents=documents,
            place=Place(
                Unit(entity, entity) if entity else None,
                Unit(organization, organization) if organization else None,
            ),
            part_of=EmailMixedList.name if len(parts) > 1 else "",
        )
        for part in parts
    ]
    rule = read.strictest(asked)
    members = asyncio.run(_members(rule, settings))
    for line in explanation(read, asked, rule, requester, members):
        click.echo(line)


def _parts(operations: tuple[str, ...]) -> tuple[str, ...]:
    """Return the operations whose rules apply; for a list of several kinds, those that mail one of them."""
    of_kinds = tuple(each.name for each in OF_KIND.values())
    if operations == (EmailMixedList.name,):
        return of_kinds
    if len(operations) > 1 and not {*operations} <= {*of_kinds}:
        msg = f"Name one operation, or several of: {', '.join(of_kinds)}."
        raise click.UsageError(msg)
    return tuple(dict.fromkeys(operations))


def explanation(
    policy: Policy,
    asked: Sequence[Asked],
    rule: Rule,
    requester: str | None,
    members: frozenset[str] | None,
) -> list[str]:
    """Return the rule in words.

    Args:
        policy: The policy.
        asked: The parts of the request.
        rule: The rule that applies to it.
        requester: Slack user id of the requester.
        members: The people behind the approvers; None if Slack was not asked.
    """
    one, names = asked[0], listed([each.operation for each in asked])
    amounts = "an amount that is not known" if one.amounts is None else in_words(one.amounts)
    applies = "applies" if len(policy.rules(asked)) == 1 else "apply"
    sentences = [
        f"{names} over {amounts} in a {one.tenant} tenant: {rule.name} {applies}.",
        f"Needs {rule.approvals} of: {', '.join(rule.approvers)}; never the person who asked.",
        f"Expires after {_span(rule.expires_after.total_seconds())}.",
    ]
    if any(tier.above for tier in policy.tiers):
        sentences.append(
            "Amounts above and below zero are added up separately, and the larger sum counts; an "
            "unknown amount counts as above every limit."
        )
    if rule.remind_after:
        spans = ", ".join(_span(span.total_seconds()) for span in rule.remind_after)
        sentences.append(f"Those who have not decided are reminded after {spans}.")
    if rule.type_the_number:
        sentences.append("Highest tier: the approver types the number to confirm.")
    sentences.append(_pings(rule, requester, members))
    if (
        requester
        and requester not in policy.requesters
        and not any(is_group(name) for name in policy.requesters)
    ):
        sentences.append(f"{requester} may not ask: requesters are {', '.join(policy.requesters)}.")
    return sentences


def _pings(rule: Rule, requester: str | None, members: frozenset[str] | None) -> str:
    if members is None:
        return (
            "How many people will be notified is not known: SLACK_BOT_TOKEN is not set, or Slack "
            "did not say who is in the groups."
        )
    others = sorted(members - {requester or ""})
    will = "person" if len(others) == 1 else "people"
    words = f"{len(others)} {will} will be notified: {', '.join(others) or 'nobody'}."
    if len(others) < rule.approvals:
        words += " Too few: such a request would be refused."
    return words


async def _members(rule: Rule, settings: PolicySettings) -> frozenset[str] | None:
    token = settings.slack_bot_token.get_secret_value()
    if not any(is_group(name) for name in rule.approvers):
        return frozenset(rule.approvers)
    if not token:
        return None
    url = settings.slack_api_url
    try:
        client = SlackWeb(
            SystemClock(), token=token, base_url=url if url.endswith("/") else f"{url}/"
        )
        return await People(client, SystemClock(), team_id="").members(rule.approvers)
    except (*NO_ANSWER, ProxyError):
        return None


def _span(seconds: float) -> str:
    minutes = int(seconds) // 60
    return f"{minutes // 60} h" if minutes % 60 == 0 else f"{minutes} min"
