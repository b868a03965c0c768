"""The report of the evidence, on a phone."""

import zipfile

from tests.audit.test_evidence import made
from tests.browser.conftest import PHONE, in_one_loop
from tests.stage import Stage

pytestmark = in_one_loop

LONG = "x" * 200
"""An auditor's seed without a place to break the line."""

MARKUP = "<script>console.log('run')</script> <img src=x onerror=console.log(1)>"


async def report_of(folder):
    """The report of a package in which people typed markup."""
    stage = Stage(folder, "run")
    await stage.open()
    try:
        stage.zuora.world.add_bill_run("BR-00000001", invoices=[("A00000001", "USD", "7.00")])
        await stage.start()
        await stage.ask(reason=MARKUP)
        await stage.quiet()
        _, out = await made(stage, folder, "--sample", "1", "--seed", LONG)
    finally:
        await stage.close()
    with zipfile.ZipFile(out) as archive:
        return archive.extract("00-report.html", folder)


async def test_the_report_fits_a_phone_and_runs_nothing_that_people_typed(browser, tmp_path):
    path = await report_of(tmp_path)
    phone = {"is_mobile": True, "has_touch": True}
    async with browser.window(f"file://{path}", PHONE, **phone) as page:
        assert await page.evaluate("document.documentElement.scrollWidth") <= PHONE[0]
        assert MARKUP in await page.inner_text("body")
