from tests.stories.test_create_bill_run import ask as ask_create, world, follow, approve  # noqa
from tests.stage import BOB, CHANNEL
async def dump(stage, ts, tag):
    await stage.quiet()
    m = next(m for m in stage.slack.channel_messages(CHANNEL) if m.ts == ts)
    print("=====", tag); print(m.text)
    for b in m.blocks:
        for e in b.get("elements", []):
            if e.get("type") == "button" and e.get("confirm"):
                print("  [", e["text"]["text"], "]", (e.get("confirm") or {}).get("text", {}).get("text"), "|", (e.get("confirm") or {}).get("confirm", {}).get("text"))
    for t in stage.thread(ts): print("   >", t[:400])
async def test_cards(stage, world):
    w = stage.zuora.world
    w.add_bill_run("BR-00000002", name="December", status="Completed", invoices=[("A1","USD","100.00"),("A2","EUR","0.00")], credit_memos=[("A1","USD","5.00")])
    w.add_invoice("A1","USD","12.00",number="INV00000077")
    w.add_invoice("A2","EUR","13.00",number="INV00000078")
    w.add_debit_memo("A1","USD","9.00",number="DM00000003")
    for tag, make in [("cancel", lambda: stage.ask_step("cancel_bill_run","BR-00000002")),
        ("email inv", lambda: stage.ask(text="INV00000077 INV00000078")), ("email dm", lambda: stage.ask(text="DM00000003")),
        ("create", lambda: ask_create(stage)), ("create post", lambda: ask_create(stage, 'account=A1 target=2026-11-30 autoPost=yes autoEmail=yes')),
        ("create sched", lambda: ask_create(stage, 'batch=all repeat=Monthly from=2026-11-30 hour=4 targetMonths=-1 targetDay=31'))]:
        ts = await make()
        await dump(stage, ts, tag)
        if tag in ("email dm","create", "email inv"):
            if tag == "email inv": stage.zuora.faults.add("/v1/invoices/INV00000078/emails", kind="drop")
            await stage.press(BOB, ts); await stage.quiet()
            if tag=="create":
                for _ in range(6): await stage.pass_time(minutes=2)
            await dump(stage, ts, tag+" after")
