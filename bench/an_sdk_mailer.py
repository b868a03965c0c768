"""Mails a number of invoices with Zuora's own SDK and 40 threads; runs in its own environment."""

import gc
import json
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import zuora_sdk
from zuora_sdk.zuora_client import ZuoraClient

THREADS = 40
MADE_UP = "00000000-0000-4000-8000-000000000000"  # the SDK takes nothing shorter


def main(url: str, number: int) -> None:
    """Mail, and report what it took."""
    configuration = zuora_sdk.Configuration(host=url)
    configuration.connection_pool_maxsize = THREADS
    client = ZuoraClient(MADE_UP, MADE_UP, None, configuration)
    client.initialize()
    invoices = zuora_sdk.InvoicesApi(client.api_client)

    def mail(at: int) -> None:
        body = zuora_sdk.EmailBillingDocumentRequest(use_email_template_setting=True)
        invoices.email_invoice(
            f"INV{at:08}", body, idempotency_key=f"bench:{at}", zuora_track_id=f"bench.{at}"
        )

    gc.collect()
    gc.freeze()  # as the bot does once it is ready, and this too
    gc.set_threshold(10_000)
    with ThreadPoolExecutor(THREADS) as pool:
        started, used = time.perf_counter(), time.process_time()
        list(pool.map(mail, range(number)))
        seconds, processor = time.perf_counter() - started, time.process_time() - used
    sys.stdout.write(json.dumps({"seconds": seconds, "processor": processor, "calls": number}))
    sys.stdout.flush()


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
