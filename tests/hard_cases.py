"""Cards that are hard to read at a glance: made as those of `tests.gallery`, looked at by the browser tests and by a story."""

from tests.gallery import CUSTOMERS, a_run, line
from tests.stage import ALICE, BOB, CHANNEL

LONG = "Österreichische Donaudampfschifffahrtselektrizitätenhauptbetriebswerkbau GmbH & Co. KG"
PILED = ("Z" + "\u0300" * 12) * 5
BACK, TURNED = 'שלום תעשיות בע"מ', "Evil \u202eltd moc"
CURRENCIES = [
    "AED",
    "ARS",
    "AUD",
    "BGN",
    "BHD",
    "BRL",
    "CAD",
    "CHF",
    "CLP",
    "CNY",
    "COP",
    "CZK",
    "DKK",
    "EGP",
    "EUR",
    "GBP",
    "HKD",
    "HUF",
    "IDR",
    "ILS",
    "INR",
    "ISK",
    "JOD",
    "JPY",
    "KRW",
    "KWD",
    "MAD",
    "MXN",
    "MYR",
    "NGN",
    "NOK",
    "NZD",
    "OMR",
    "PEN",
    "PHP",
    "PKR",
    "PLN",
    "QAR",
    "RON",
    "SAR",
    "SEK",
    "SGD",
    "THB",
    "TND",
    "TRY",
    "TWD",
    "UAH",
    "USD",
    "VND",
    "ZAR",
]
ADDRESSES = [f"long.name.of.person.no{n}@mail.contoso.example" for n in range(50)]
REASON = ("Month end, agreed with revenue on Friday; see the sheet of the meeting. " * 14)[:1000]


def mailed(stage, number, invoices, memos=()):
    """A run of a name as long as Zuora's, asked to be mailed."""
    stage.zuora.world.add_bill_run(
        number, name="N" * 200, status="Posted", invoices=invoices, credit_memos=list(memos)
    )
    return stage.ask(text=number, reason=REASON)


async def long_names(stage):
    """Customers whose names fill three rows each, one of them without an address."""
    world = stage.zuora.world
    for n in range(4):
        world.add_account(f"L{n}", name=f"{LONG} {n}")
    world.accounts["L3"].bill_to.work_email = None
    lines = [(f"L{n}", "EUR", "1204310.25") for n in range(4)]
    return await mailed(stage, "BR-00000801", lines)


async def long_name(stage):
    """One document of such a customer."""
    stage.zuora.world.add_account("L9", name=f"{LONG} {LONG}")
    stage.zuora.world.add_invoice("L9", "EUR", "1204310.25", number="INV00000801")
    return await stage.ask(text="INV00000801", reason=REASON)


async def fifty_currencies(stage):
    """Invoices and credit memos in fifty currencies."""
    return await mailed(
        stage,
        "BR-00000803",
        [("C000", each, "120431") for each in CURRENCIES],
        [("C001", each, "5") for each in CURRENCIES],
    )


async def right_to_left(stage):
    """Names that run from right to left, and one that would turn what stands behind it around."""
    for number, name in (
        ("H1", BACK),
        ("H2", "شركة النور للتجارة"),
        ("H3", TURNED),
        ("H5", TURNED),
    ):
        stage.zuora.world.add_account(number, name=name)
    stage.zuora.world.accounts["H5"].bill_to.work_email = None
    lines = [("H1", "ILS", "100"), ("H2", "SAR", "200"), ("H3", "USD", "300"), ("H5", "USD", "1")]
    return await mailed(stage, "BR-00000804", lines)


async def turned_around(stage):
    """A single document of that customer."""
    stage.zuora.world.add_account("H4", name=TURNED)
    stage.zuora.world.add_invoice("H4", "ILS", "55.00", number="INV00000802")
    return await stage.ask(text="INV00000802")


async def unseen(stage):
    """Customers whose names nobody can see, and one whose accents would cover the lines around it."""
    for n, name in enumerate(("   ", "\u200b\u200b", "\u3164", PILED)):
        stage.zuora.world.add_account(f"U{n}", name=name)
    return await mailed(
        stage,
        "BR-00000809",
        [(f"U{n}", c, "9") for n, c in enumerate(("EUR", "GBP", "USD", "SEK"))],
    )


async def zero(stage):
    """Documents that come to nothing."""
    return await mailed(stage, "BR-00000805", [("C000", "USD", "0"), ("C001", "USD", "0")])


async def all_credits(stage):
    """Credit memos alone."""
    memos = [("C000", "USD", "100"), ("C001", "EUR", "100")]
    return await mailed(stage, "BR-00000806", [], memos)


async def without_address(stage):
    """Two documents, of which one reaches nobody."""
    stage.zuora.world.add_account("Q1", name="Nowhere Ltd")
    stage.zuora.world.accounts["Q1"].bill_to.work_email = None
    stage.zuora.world.add_invoice("Q1", "USD", "55.00", number="INV00000803")
    stage.zuora.world.add_invoice("C001", "USD", "56.00", number="INV00000804")
    return await stage.ask(text="INV00000803 INV00000804")


async def one_customer(stage):
    """300 documents of one customer."""
    return await mailed(stage, "BR-00000807", [("C000", "USD", f"{n}") for n in range(1, 301)])


async def fifty_addresses(stage):
    """As many typed addresses as a form takes."""
    stage.zuora.world.add_invoice("C001", "USD", "480.00", number="INV00000881")
    before = len(stage.slack.channel_messages(CHANNEL))
    await stage.open_form(text="INV00000881")
    await stage.slack.choose(ALICE, "form:recipients", "addresses")
    await stage.slack.until(lambda: "email_addresses" in str(stage.slack.view(ALICE)))
    typed = {"email_addresses": ", ".join(ADDRESSES), "reason": REASON}
    assert (await stage.slack.submit(ALICE, typed)).ok
    await stage.slack.until(lambda: len(stage.slack.channel_messages(CHANNEL)) > before)
    return stage.slack.channel_messages(CHANNEL)[-1].ts


async def every_day(stage):
    """Bills, posts and mails until a day, over customers for whom others ask too."""
    await line(stage, "batch=Batch4 target=2026-11-30 autoPost=yes")
    return await line(
        stage,
        "batch=Batch4 repeat=Daily from=2026-12-01 to=2026-12-31 hour=4 autoPost=yes autoEmail=yes",
    )


async def estimated(stage):
    """A run whose estimate arrives after the card."""
    stage.zuora.world.add_account("C900", batch="Batch2")
    stage.zuora.world.add_subscription("C900", "100.00")
    ts = await line(stage, "batch=Batch2 target=2026-11-30")
    for _ in range(20):
        await stage.pass_time(seconds=30)
    return ts


async def finished(stage):
    """An accepted order with a long reason, whose documents somebody asks for again."""
    ts = await stage.ask(text=a_run(stage, "BR-00000808", size=6), reason=REASON)
    await stage.press(BOB, ts)
    await stage.until_card(ts, "Accepted by Zuora")
    await stage.pass_time(hours=2)
    await stage.ask(text="BR-00000808", resend=["yes"])
    return ts


HARD = {
    "estimate that arrives late": estimated,
    "long names": long_names,
    "long name of one": long_name,
    "fifty currencies": fifty_currencies,
    "right to left": right_to_left,
    "turned around": turned_around,
    "unseen names": unseen,
    "amount zero": zero,
    "all credits": all_credits,
    "without address": without_address,
    "300 documents of one customer": one_customer,
    "fifty addresses": fifty_addresses,
    "every day until a day": every_day,
    "finished": finished,
}


def world_of(stage):
    """The customers of the gallery."""
    for n, name in enumerate(CUSTOMERS):
        stage.zuora.world.add_account(f"C{n:03d}", name=name, batch="Batch4")
