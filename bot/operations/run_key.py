"""The field that names a bill run, which several forms have. No I/O."""

from bot.domain.key import number_key
from bot.operations.operation import Form

FIELD = "bill_run"


def read_run_key(form: Form, wrong: dict[str, str]) -> str:
    """A bill run's number or id; what is wrong is added to `wrong`, and then it is empty.

    Nothing with a digit is refused for its shape: whether it names a bill run, Zuora knows.
    """
    typed = str(form.get(FIELD) or "")
    key = number_key(typed)
    if not key:
        what = "This is not a bill run's" if typed.strip() else "Type the bill run's"
        wrong[FIELD] = f"{what} number, like BR-00000001, or its id of 32 digits."
    return key
