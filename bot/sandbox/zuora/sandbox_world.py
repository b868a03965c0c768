"""The tenant that a newcomer finds: forty customers and five bill runs in different states."""

from datetime import date, datetime, timedelta
from decimal import Decimal

from bot.sandbox.zuora.occurrences import month_day
from bot.sandbox.zuora.world import Line, World

NAMES = (
    "Aldergate Logistics", "Brightwater Foods", "Cobalt Robotics", "Dunmore & Sons",
    "Elmfield Clinics", "Fjordline Shipping", "Granite Peak Outdoor", "Harbour Street Media",
    "Ironwood Manufacturing", "Juniper Analytics", "Kestrel Aviation", "Lantern Hotels",
    "Marlow Insurance", "Northbank Energy", "Orchard Learning", "Pinecrest Dental",
    "Quayside Apparel", "Redstone Mining", "Silverbirch Software", "Tidewater Utilities",
    "Umbra Security", "Valehurst Farms", "Westgate Legal", "Xenon Lighting",
    "Yarrow Pharmacy", "Zephyr Cycles", "Ashcombe Publishing", "Bellweather Studios",
    "Cedar & Stone", "Deepwell Water", "Eastmoor Rail", "Foxglove Gardens",
    "The `Backtick` Company", "<!channel> Holdings", "=cmd Calculations", "*Bold* _Ventures_",
    "Müller & Söhne GmbH", "Société Lumière", "Łódź Textiles", "Grey Gull Ferries",
)  # fmt: skip
_WITHOUT_MAIL = {17, 29}


def _fill_accounts(world: World) -> None:
    first = world.started.date().replace(day=1)
    for index, name in enumerate(NAMES, start=1):
        european = index % 3 == 0 or index in {37, 38, 39}
        account = world.add_account(
            f"A{index:08d}",
            name=name,
            currency="EUR" if european else "USD",
            email=None if index in _WITHOUT_MAIL else "",
            batch=f"Batch{1 + index % 4}",
            bill_cycle_day=15 if index % 10 == 0 else 1,
            additional_emails="finance@example.com,cfo@example.com" if index % 7 == 0 else None,
        )
        world.add_subscription(
            account.number, str(_amount(index)), billed_to=first, auto_renew=index % 5 != 0
        )


def _amount(index: int) -> Decimal:
    cents = 25_00 + (index * index * 97_31) % 1_900_000
    return Decimal(cents) / 100


def _lines(world: World, count: int, factor: int = 1) -> list[Line]:
    accounts = list(world.accounts.values())
    return [
        (account.number, account.currency, str(_amount(index + 1) * factor))
        for index in range(count)
        for account in (accounts[index % len(accounts)],)
    ]


def _month_name(day: date) -> str:
    return f"{day:%B} {day.year}"


def sandbox_world(now: datetime) -> World:
    """Return a believable tenant as of `now`; the same moment always gives the same one.

    BR-00000001 is posted and waits to be mailed, 2 completed with drafts, 3 posted and mailed,
    4 failed, 5 posted with 300 invoices. Three debit memos are posted, one is a draft.
    """
    world = World(now)
    _fill_accounts(world)
    today = now.date()
    month_end = month_day(today, 0, 31)
    last_month = month_day(today, -1, 31)
    this_name, last_name = _month_name(today), _month_name(last_month)
    lines = _lines(world, 22)
    world.add_bill_run(
        name=this_name,
        invoices=[*lines, ("A00000033", "EUR", "640.00"), ("A00000034", "USD", "0.00")],
        credit_memos=[("A00000004", "USD", "350.00"), ("A00000037", "EUR", "120.50")],
        target_date=month_end,
        invoice_date=today,
        created_at=now - timedelta(hours=3),
    )
    world.add_bill_run(
        name=f"{this_name}, second half",
        status="Completed",
        invoices=_lines(world, 12, 2),
        credit_memos=[("A00000002", "USD", "75.00")],
        target_date=month_end,
        invoice_date=today,
        created_at=now - timedelta(hours=1),
    )
    world.add_bill_run(
        name=last_name,
        invoices=_lines(world, 18),
        target_date=last_month,
        invoice_date=last_month,
        created_at=now - timedelta(days=30),
        mailed_at=now - timedelta(days=29),
    )
    world.add_bill_run(
        name=f"{this_name}, usage",
        status="Error",
        target_date=month_end,
        invoice_date=today,
        created_at=now - timedelta(hours=5),
        error_message="The bill run failed: a tax engine did not answer.",
    )
    world.add_bill_run(
        name=f"{this_name}, all batches",
        invoices=_lines(world, 300),
        target_date=month_end,
        invoice_date=today,
        created_at=now - timedelta(hours=8),
    )
    for account, amount in (("A00000001", "45.00"), ("A00000006", "1299.99"), ("A00000036", "8.5")):
        world.add_debit_memo(account, world.accounts[account].currency, amount)
    world.add_debit_memo("A00000002", "USD", "60.00", status="Draft")
    return world
