// Messages: the list of a channel, and one thread beside it.

import { bodyNodes, fileNode } from "./blocks.js";
import { openMenu } from "./dialogs.js";
import { el, keep } from "./dom.js";
import { Values } from "./forms.js";
import { clockTime, dayName, emoji, fullDate, momentOf, today } from "./words.js";

/** The square with the first letters of a name. */
export function avatar(name, color, bot = false) {
  const letters = String(name || "?").split(/\s+/).map((word) => word[0]).slice(0, 2).join("").toUpperCase();
  const node = el("span", { class: bot ? "avatar bot" : "avatar", "aria-hidden": "true" }, letters);
  if (!bot && /^#?[0-9a-z]+$/i.test(color ?? "")) node.style.backgroundColor = /^[0-9a-f]{6}$/i.test(color) ? `#${color}` : color;
  return node;
}

/**
 * Shows messages in `list`, keeping what has not changed.
 *
 * @param {HTMLElement} list
 * @param {object[]} messages in order of time
 * @param {object} room { channel, names, valuesOf(ts, blocks), act, openThread, shortcuts, inThread, context }
 */
export function showMessages(list, messages, room) {
  const items = [];
  let day = null;
  for (const message of messages) {
    const name = dayName(momentOf(message.ts));
    if (name !== day && !room.inThread) {
      items.push({ key: `day ${name}`, signature: "", make: () => el("li", { class: "day" }, el("span", {}, name)) });
    }
    day = name;
    const { replies, ...own } = message;
    const lately = replies?.at(-1)?.ts ?? null;
    items.push({ key: `${room.channel} ${message.ts} ${message.ephemeral ? "private" : ""}`,
      signature: JSON.stringify([own, lately, room.context, today()]), make: () => messageNode(message, room) });
  }
  keep(list, items);
}

function messageNode(message, room) {
  const values = room.valuesOf(message);
  const surface = { names: room.names, values, act: (kind, blockId, actionId, value) => room.act({
    kind, channel: room.channel, ts: message.ts, thread_ts: message.thread_ts, block_id: blockId, action_id: actionId, value,
    values: values.asState() }) };
  const card = (message.blocks ?? []).some((block) => block.type === "actions");
  const kinds = ["message", card ? "card" : "", message.ephemeral ? "private" : "", message.deleted ? "gone" : ""];
  const body = message.deleted ? el("p", { class: "quiet" }, "This message was deleted.") : [
    bodyNodes(message, surface), filesOf(message), reactionsOf(message)];
  return el("li", { class: kinds.filter(Boolean).join(" "), data: { ts: message.ts } },
    avatar(message.username, room.names.person(message.user)?.avatar_color, message.is_bot),
    el("div", { class: "said" },
      message.ephemeral ? el("p", { class: "only-you" }, "Only visible to you") : null,
      byline(message),
      el("div", { class: "body" }, body, message.edited && !message.deleted ? el("span", { class: "edited" }, "(edited)") : null),
      room.inThread ? null : repliesLine(message, room)),
    message.ephemeral || message.deleted ? null : moreButton(message, room));
}

function byline(message) {
  const when = momentOf(message.ts);
  return el("p", { class: "byline" }, el("strong", {}, message.username ?? message.user),
    message.is_bot ? el("span", { class: "app" }, "APP") : null,
    el("time", { datetime: when.toISOString(), title: fullDate(when) }, clockTime(when)));
}

function filesOf(message) {
  const inBlocks = new Set((message.blocks ?? []).filter((b) => b.type === "file").map((b) => b.external_id));
  return (message.files ?? []).filter((f) => !inBlocks.has(f.id)).map(fileNode);
}

function reactionsOf(message) {
  if (!message.reactions?.length) return null;
  return el("p", { class: "reactions" }, message.reactions.map((r) => el("span", { title: r.name }, `${emoji(r.name)} ${r.users.length}`)));
}

function repliesLine(message, room) {
  if (!message.reply_count) return null;
  const last = message.replies?.at(-1);
  const count = message.reply_count === 1 ? "1 reply" : `${message.reply_count} replies`;
  return el("button", { type: "button", class: "replies", data: { thread: message.ts }, onclick: () => room.openThread(message.ts) },
    el("strong", {}, count), last ? el("span", {}, `last ${clockTime(momentOf(last.ts))}`) : null);
}

function moreButton(message, room) {
  const items = () => [
    ...(room.inThread ? [] : [{ words: "Reply in thread", data: { menu: "thread" }, choose: () => room.openThread(message.ts) }]),
    ...room.shortcuts.map((s) => ({ words: s.name, data: { callbackId: s.callback_id }, choose: () => room.act(
      { kind: "message_shortcut", callback_id: s.callback_id, channel: room.channel, ts: message.ts }) })),
  ];
  return el("button", { type: "button", class: "more", "aria-label": "Message menu", "aria-haspopup": "menu", title: "More",
    onclick: (event) => openMenu(event.currentTarget, items()) }, "⋯");
}

/** Values of the messages on screen, one set a message. */
export class MessageValues {
  constructor() {
    this.all = new Map();
  }

  of(channel, message) {
    const key = `${channel} ${message.ts}`;
    if (!this.all.has(key)) this.all.set(key, new Values());
    const values = this.all.get(key);
    values.adopt(message.blocks);
    return values;
  }
}
