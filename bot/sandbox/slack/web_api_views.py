"""The methods named views.*, and the stack of modals on a person's screen."""

import json
from collections.abc import Mapping
from typing import Any

from bot.sandbox.slack.arguments import Args
from bot.sandbox.slack.block_kit import check_view, with_block_ids
from bot.sandbox.slack.core import Core
from bot.sandbox.slack.errors import SlackError, with_messages
from bot.sandbox.slack.inputs import initial_values
from bot.sandbox.slack.limits import VIEW_CHARACTERS, VIEW_STACK
from bot.sandbox.slack.workspace import View


def checked_view(core: Core, data: Any, kind: str, replaces: View | None = None) -> dict[str, Any]:
    """Return a view's content, each block with a block_id.

    Raises:
        SlackError: ``invalid_arguments`` with the reasons, ``view_too_large`` or
            ``duplicate_external_id``.
    """
    if len(json.dumps(data, ensure_ascii=False)) > VIEW_CHARACTERS:
        raise SlackError("view_too_large")
    problems = check_view(data, kind)
    if problems:
        raise with_messages("invalid_arguments", problems)
    external_id = data.get("external_id")
    other = core.find_view(external_id=external_id) if external_id else None
    if other is not None and other is not replaces:
        raise SlackError("duplicate_external_id")
    core.on_shown("", data["blocks"])
    return {**data, "blocks": with_block_ids(data["blocks"])}


def show_view(core: Core, user: str, content: dict[str, Any]) -> View:
    """Put a modal on top of what ``user`` has open.

    Raises:
        SlackError: ``push_limit_reached`` above three.
    """
    stack = core.workspace.views.setdefault(user, [])
    if len(stack) >= VIEW_STACK:
        raise SlackError("push_limit_reached")
    view = View(core.new_id("V"), user, content, core.new_hash())
    view.values = initial_values(view.blocks, {})
    view.root_view_id = stack[0].id if stack else view.id
    view.previous_view_id = stack[-1].id if stack else None
    stack.append(view)
    core.changes.record([user])
    return view


def replace_view(core: Core, view: View, content: dict[str, Any]) -> View:
    """Put new content into an open view; what was typed stays where the ids stay."""
    view.content = content
    view.hash = core.new_hash()
    view.errors = {}
    view.values = initial_values(view.blocks, view.values)
    core.changes.record([view.user])
    return view


def _check_hash(view: View, args: Args) -> None:
    given = args.text("hash")
    if given and given != view.hash:
        raise SlackError("hash_conflict")


def _view_arg(args: Args) -> Mapping[str, Any]:
    data = args.data("view", "invalid_arguments")
    if not isinstance(data, dict):
        problem = "[ERROR] missing required field: view [json-pointer:/view]"
        raise with_messages("invalid_arguments", [problem])
    return data


def open_view(core: Core, args: Args) -> dict[str, Any]:
    """Answer views.open: a new modal takes the place of what was open."""
    data = _view_arg(args)
    trigger_id = args.text("trigger_id") or args.need("interactivity_pointer")
    content = checked_view(core, data, "modal")
    trigger = core.triggers.spend(trigger_id)
    core.workspace.views[trigger.user] = []
    return {"view": show_view(core, trigger.user, content).payload()}


def push_view(core: Core, args: Args) -> dict[str, Any]:
    """Answer views.push: one more modal above the one the trigger came from."""
    data = _view_arg(args)
    trigger_id = args.text("trigger_id") or args.need("interactivity_pointer")
    content = checked_view(core, data, "modal")
    trigger = core.triggers.spend(trigger_id)
    if not trigger.in_modal or not core.workspace.views.get(trigger.user):
        raise SlackError("not_found")
    return {"view": show_view(core, trigger.user, content).payload()}


def update_view(core: Core, args: Args) -> dict[str, Any]:
    """Answer views.update."""
    data = _view_arg(args)
    view_id, external_id = args.text("view_id"), args.text("external_id")
    if not view_id and not external_id:
        args.need("view_id")
    view = core.find_view(view_id, external_id)
    if view is None:
        raise SlackError("not_found")
    _check_hash(view, args)
    content = checked_view(core, data, str(view.content["type"]), view)
    return {"view": replace_view(core, view, content).payload()}


def publish_view(core: Core, args: Args) -> dict[str, Any]:
    """Answer views.publish."""
    user = args.need("user_id")
    if user not in core.workspace.users:
        raise SlackError("user_not_found")
    app_home = core.manifest.get("features", {}).get("app_home") or {}
    if not app_home.get("home_tab_enabled"):
        raise SlackError("not_enabled")
    home = core.workspace.homes.get(user)
    if home is not None:
        _check_hash(home, args)
    content = checked_view(core, _view_arg(args), "home", home)
    if home is None:
        home = View(core.new_id("V"), user, content, core.new_hash())
        core.workspace.homes[user] = home
    return {"view": replace_view(core, home, content).payload()}
