"""People's actions with the elements on their screen: click, choose, submit, close."""

from collections.abc import Mapping
from typing import Any

from bot.sandbox.slack.core import Core
from bot.sandbox.slack.delivery import Delivered, Delivery
from bot.sandbox.slack.errors import NotOnScreenError, SlackError
from bot.sandbox.slack.inputs import (
    KINDS,
    Element,
    action_of,
    client_problem,
    elements,
    find_input,
    state_value,
)
from bot.sandbox.slack.payloads import Payloads
from bot.sandbox.slack.people import Ack, People, Submission
from bot.sandbox.slack.web_api_views import checked_view, replace_view, show_view
from bot.sandbox.slack.workspace import View

TROUBLE = "We had some trouble connecting. Try again?"
Blocks = list[dict[str, Any]]


def find_element(
    blocks: Blocks, action_id: str, block_id: str | None = None, value: Any = None
) -> tuple[dict[str, Any], Element]:
    """Find an interactive element by its action_id and, where given, its block_id and value.

    Raises:
        NotOnScreenError: there is none.
    """
    for block in blocks:
        for element in elements(block):
            if element.get("action_id") != action_id:
                continue
            if block_id is not None and block["block_id"] != block_id:
                continue
            wanted = isinstance(value, str) and element["type"] == "button"
            if wanted and element.get("value") != value:
                continue
            return block, element
    known = ", ".join(e["action_id"] for block in blocks for e in elements(block))
    raise NotOnScreenError(f"nothing to click for {action_id!r} ({value!r}); there are: {known}")


class Screens:
    """Clicks in messages, homes and modals, and the submitting and closing of modals."""

    def __init__(self, core: Core, delivery: Delivery, people: People) -> None:
        self._core = core
        self._delivery = delivery
        self._people = people
        self._payloads = Payloads(core)

    def top(self, user: str) -> View | None:
        """Return the modal on top of a person's screen."""
        stack = self._core.workspace.views.get(user)
        return stack[-1] if stack else None

    def _need_top(self, user: str) -> View:
        view = self.top(user)
        if view is None:
            raise NotOnScreenError(f"{user} has no modal open")
        return view

    async def click(
        self,
        user: str,
        channel: str,
        ts: str,
        action_id: str,
        *,
        value: Any = None,
        block_id: str | None = None,
    ) -> Ack:
        """Use an element of a message as it stands now."""
        message = self._people.seen_message(user, channel, ts)
        block, element = find_element(message.blocks, action_id, block_id, value)
        action = action_of(block, element, value, self._core.timestamp())
        if element["type"] in KINDS:
            state = state_value(element, value)
            message.inputs.setdefault(block["block_id"], {})[action_id] = state
        payload = self._payloads.message_action(user, message, action)
        return await self._people.interact(user, payload)

    async def forge(self, user: str, channel: str, ts: str, action: Mapping[str, Any]) -> Ack:
        """Send a click that the message does not offer now: from an old screen, or forged."""
        place = self._core.workspace.channels[channel]
        known = [*place.messages, *self._core.workspace.ephemerals]
        message = next((m for m in known if m.ts == ts), None)
        if message is None:
            raise NotOnScreenError(f"there never was a message {ts} in {channel}")
        whole = {
            "type": "button",
            "block_id": "forged",
            "text": {"type": "plain_text", "text": "(forged)", "emoji": True},
            "action_ts": self._core.timestamp(),
            **action,
        }
        return await self._people.interact(
            user, self._payloads.message_action(user, message, whole)
        )

    async def choose(
        self, user: str, action_id: str, value: Any = None, block_id: str | None = None
    ) -> Ack:
        """Use an element of the open modal, or of the home when no modal is open."""
        view = self.top(user) or self._core.workspace.homes.get(user)
        if view is None:
            raise NotOnScreenError(f"{user} has neither a modal nor a home on the screen")
        block, element = find_element(view.blocks, action_id, block_id, value)
        action = action_of(block, element, value, self._core.timestamp())
        if element["type"] in KINDS:
            state = state_value(element, value)
            view.values.setdefault(block["block_id"], {})[action_id] = state
            self._core.changes.record([user])
        if block["type"] == "input" and not block.get("dispatch_action"):
            return Ack(ok=True, status=0)
        payload = self._payloads.view_action(user, view, action)
        return await self._people.interact(user, payload)

    def _fill(self, view: View, values: Mapping[str, Any]) -> None:
        for name, value in values.items():
            block = find_input(view.blocks, name)
            for element in elements(block):
                action_id = element["action_id"]
                own = value
                if isinstance(value, Mapping) and "type" not in value:
                    if action_id not in value:
                        continue
                    own = value[action_id]
                view.values[block["block_id"]][action_id] = state_value(element, own)

    async def submit(self, user: str, values: Mapping[str, Any]) -> Submission:
        """Fill in and submit the modal on top."""
        view = self._need_top(user)
        if not view.content.get("submit"):
            raise NotOnScreenError("the modal has no submit button")
        self._core.workspace.notices.pop(user, None)
        self._fill(view, values)
        problems = {b["block_id"]: client_problem(b, view.values) for b in view.blocks}
        view.errors = {block_id: text for block_id, text in problems.items() if text}
        self._core.changes.record([user])
        if view.errors:
            return Submission(ok=False, errors=view.errors, view=view.payload())
        payload = self._payloads.submission(user, view)
        return self._answered(user, view, await self._delivery.send("interactive", payload))

    def _answered(self, user: str, view: View, delivered: Delivered) -> Submission:
        if delivered.error is not None:
            return self._trouble(user, delivered.error)
        try:
            self._obey(user, view, delivered.body)
        except SlackError as refusal:
            return self._trouble(user, refusal.code)
        self._core.changes.record([user])
        top = self.top(user)
        shown = top.payload() if top is not None else None
        return Submission(ok=not view.errors, errors=dict(view.errors), view=shown)

    def _trouble(self, user: str, error: str) -> Submission:
        self._core.workspace.notices[user] = TROUBLE
        self._core.changes.record([user])
        top = self.top(user)
        return Submission(ok=False, view=top.payload() if top is not None else None, error=error)

    def _obey(self, user: str, view: View, body: Mapping[str, Any]) -> None:
        stack = self._core.workspace.views.get(user, [])
        match body.get("response_action"):
            case None:
                if body.get("text") or body.get("blocks"):
                    raise SlackError("invalid_response")
                if view in stack:
                    stack.remove(view)
            case "clear":
                stack.clear()
            case "errors":
                view.errors = _errors(view, body.get("errors"))
            case "update":
                content = checked_view(self._core, body.get("view"), "modal", view)
                replace_view(self._core, view, content)
            case "push":
                show_view(self._core, user, checked_view(self._core, body.get("view"), "modal"))
            case _:
                raise SlackError("invalid_response_action")

    async def close(self, user: str) -> Ack:
        """Press the modal's close button."""
        view = self._need_top(user)
        stack = self._core.workspace.views[user]
        cleared = bool(view.content.get("clear_on_close"))
        closing = list(reversed(stack)) if cleared else [view]
        for gone in closing:
            stack.remove(gone)
        self._core.changes.record([user])
        ack = Ack(ok=True, status=0)
        for gone in closing:
            if gone.content.get("notify_on_close"):
                payload = self._payloads.closed(user, gone, cleared=cleared)
                ack = await self._people.interact(user, payload)
        return ack


def _errors(view: View, errors: Any) -> dict[str, str]:
    inputs = {block["block_id"] for block in view.blocks if block["type"] == "input"}
    if not isinstance(errors, dict) or not errors or not set(errors) <= inputs:
        raise SlackError("invalid_error_keys")
    return {str(block_id): str(text) for block_id, text in errors.items()}
