"""Signs heads with Ed25519, so that an auditor can check them with a public key and needs no secret."""

import base64
from datetime import datetime

from bot.domain.history import Entry, Head, What
from bot.store.errors import StoreError
from bot.store.store import Store


def text_of(head: Head) -> str:
    """Return the text of a head that is signed, stamped and written into the folder."""
    return f"billing-bot head {head.sequence}:{head.hash}"


class Signer:
    """Signs with one private key.

    Args:
        key: The key as written by `openssl genpkey -algorithm ed25519 -outform DER | base64`.
    """

    def __init__(self, key: str) -> None:
        # 8 MB that only a bot with a key needs:
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey  # noqa: PLC0415
        from cryptography.hazmat.primitives.serialization import load_der_private_key  # noqa: PLC0415

        loaded = load_der_private_key(base64.b64decode(key), None)
        assert isinstance(loaded, Ed25519PrivateKey)  # noqa: S101 - the settings have seen that it is
        self._key = loaded
        self.public = loaded.public_key().public_bytes_raw().hex()

    def sign(self, text: str) -> str:
        """Return the signature of a text, hex."""
        return self._key.sign(text.encode()).hex()


def begin_signing(
    store: Store, signer: Signer | None, before: Signer | None, now: datetime
) -> None:
    """Sign heads with this key from now on; a row records a new key.

    The key before endorses the new public key, if it is given. Runs inside a transaction.

    Args:
        store: The store.
        signer: The signer for `AUDIT_SIGNING_KEY`; None: no key is set.
        before: The signer for `AUDIT_SIGNING_KEY_BEFORE`; None: no key is set.
        now: The moment.

    Raises:
        StoreError: Heads were signed until now, and there is no key.
    """
    latest = store.history.last_of(What.SIGNING_KEY)
    public = str(latest.entry.data["public"]) if latest else ""
    if signer is None:
        if latest is not None:
            msg = (
                f"Heads are signed from row {latest.sequence} of the history on, and AUDIT_SIGNING_KEY is "
                "not set. Set that key, or a new one."
            )
            raise StoreError(msg)
        return
    if signer.public == public:
        return
    endorses = before is not None and before.public == public
    endorsed = (
        before.sign(f"billing-bot signing key {signer.public}") if endorses and before else ""
    )
    data = {"public": signer.public, "before": public, "endorsed": endorsed}
    store.record(Entry(what=What.SIGNING_KEY, data=data), now)
