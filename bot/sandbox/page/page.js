// START HERE: reads the state of the person in the address, draws it, and draws it again at every change.

import { errorWords, listen, readState, send } from "./api.js";
import { blockNodes } from "./blocks.js";
import { composer } from "./composer.js";
import { openMenu } from "./dialogs.js";
import { el, fill, keep } from "./dom.js";
import { Values } from "./forms.js";
import { avatar, MessageValues, showMessages } from "./messages.js";
import { Modal } from "./modal.js";
import { spoken } from "./mrkdwn.js";
import { Panel } from "./panel.js";
import { today } from "./words.js";

const $ = (id) => document.getElementById(id);
const page = { state: null, where: null, stop: null, reading: false, again: false, seen: new Map(), heard: null, trouble: null, dismissed: null,
  messageValues: new MessageValues(), homeValues: new Values(), drawn: null };
const modal = new Modal($("modal"), (body) => act(body), $("scene"));

/** What the address says: who, which channel or the home tab, which thread. */
function readHash() {
  const held = new URLSearchParams(location.hash.slice(1));
  return { as: held.get("as") ?? "U0ALICE", place: held.get("in"), thread: held.get("thread") };
}

function hashOf(where) {
  const held = new URLSearchParams({ as: where.as });
  if (where.place) held.set("in", where.place);
  if (where.thread) held.set("thread", where.thread);
  return `#${held}`;
}

function go(change) {
  location.hash = hashOf({ ...page.where, ...change });
}

function namesOf(state) {
  return {
    me: state.me,
    person: (id) => state.people.find((p) => p.id === id) ?? (state.bot?.id === id ? { ...state.bot, real_name: state.bot.name } : null),
    people: () => state.people,
    channel: (id) => state.channels.find((c) => c.id === id) ?? null,
    channels: () => state.channels.filter((c) => !direct(c)),
    group: (id) => state.groups.find((g) => g.id === id) ?? null,
    groups: () => state.groups,
    place: (id) => hashOf({ as: page.where.as, place: id }),
  };
}

function direct(channel) {
  return channel.is_im ?? channel.id.startsWith("D");
}

async function act(body) {
  const as = page.where.as;
  page.dismissed = null;
  const answer = await send({ as, ...body });
  if (as !== page.where.as) return answer;
  await refresh();
  const told = answer.ok || Object.keys(answer.errors ?? {}).length > 0 || page.state?.notice;
  page.trouble = told || !answer.error ? null : errorWords(answer.error);
  drawNotice();
  return answer;
}

/** Reads the state; changes that come while reading are read once more, together. */
async function refresh() {
  page.again = true;
  if (!page.reading) page.reading = readWhileNeeded();
  await page.reading;
}

async function readWhileNeeded() {
  while (page.again) {
    page.again = false;
    const as = page.where.as;
    const state = await readState(as);
    if (as !== page.where.as) { page.again = true; continue; }
    if (!state) { setConnection(false); break; }
    page.state = state;
    draw();
  }
  page.reading = false;
}

function follow() {
  const where = readHash();
  const other = where.as !== page.where?.as;
  const opensHome = where.place === "home" && (other || page.where?.place !== "home");
  page.where = where;
  if (opensHome) act({ kind: "home" });
  if (!other) { if (page.state) draw(); return; }
  page.stop?.();
  Object.assign(page, { state: null, heard: null, trouble: null, dismissed: null, drawn: null, seen: new Map(), messageValues: new MessageValues(), homeValues: new Values() });
  page.stop = listen(where.as, { changed: refresh, lost: () => setConnection(false), found: () => { setConnection(true); refresh(); } });
  refresh();
}

function setConnection(alive) {
  document.body.classList.toggle("lost", !alive);
  if (alive && page.trouble === LOST) page.trouble = null;
  if (!alive) page.trouble = LOST;
  drawNotice();
}
const READ_ALOUD = 300;
const LOST = "The sandbox does not answer. Trying again…";

function draw() {
  const { state, where } = page;
  const names = namesOf(state);
  const first = state.channels.find((c) => c.member && !direct(c)) ?? state.channels[0];
  const place = where.place === "home" || names.channel(where.place) ? where.place : (first?.id ?? "home");
  drawPeople(state, where);
  announce(state, names, place);
  drawPlaces(state, place);
  if (place === "home") drawHome(state, names);
  else drawChannel(state, names, names.channel(place));
  drawThread(state, names, place);
  drawNotice();
  modal.show(state.views ?? [], names);
}

function drawPeople(state, where) {
  const items = state.people.map((p) => ({ key: p.id, signature: JSON.stringify([p, p.id === state.me, where.place]), make: () => el("a", {
    href: hashOf({ as: p.id, place: where.place }), class: "person", data: { person: p.id }, "aria-current": p.id === state.me ? "true" : null,
    title: `Act as ${p.real_name}` }, avatar(p.real_name, p.avatar_color),
  el("span", { class: "who" }, el("strong", {}, personName(p)), el("span", { class: "role" }, p.title)),
  p.id === state.me ? el("span", { class: "you" }, "you") : null) }));
  keep($("people"), items);
  const me = state.people.find((p) => p.id === state.me);
  document.title = `${me?.real_name ?? "Sandbox"} · Billing Bot sandbox`;
}

/** The family name goes away where four names do not fit. */
function personName(p) {
  const [given, ...family] = (p.real_name ?? p.name).split(" ");
  return [given, family.length ? el("span", { class: "family" }, ` ${family.join(" ")}`) : null];
}

function drawPlaces(state, place) {
  const row = (id, words, channel) => {
    const fresh = channel && id !== place ? unread(state, id) : 0;
    return { key: id, signature: JSON.stringify([words, place === id, fresh, channel?.member, page.where.as]), make: () => el("a", {
      href: hashOf({ as: page.where.as, place: id }), class: channel && !channel.member ? "away" : "", data: { place: id },
      "aria-current": place === id ? "page" : null },
    el("span", {}, words), fresh ? el("span", { class: "new" }, `${fresh} new`) : null) };
  };
  const title = (words) => ({ key: words, signature: "", make: () => el("h2", {}, words) });
  const rooms = state.channels.filter((c) => !direct(c));
  const talks = state.channels.filter(direct);
  keep($("places"), [title("Channels"), ...rooms.map((c) => row(c.id, `# ${c.name}`, c)), title("Apps"),
    ...talks.map((c) => row(c.id, c.name, c)), row("home", "App Home", null)]);
}

function flat(messages) {
  return (messages ?? []).flatMap((m) => [m, ...(m.replies ?? [])]);
}

function unread(state, channel) {
  const seen = page.seen.get(channel);
  return flat(state.messages[channel]).filter((m) => Number(m.ts) > (seen ?? Infinity) && m.user !== state.me).length;
}

/** Reads new messages aloud once, and counts as seen what stands in the open channel. */
function announce(state, names, place) {
  const all = Object.entries(state.messages ?? {}).flatMap(([channel, list]) => flat(list).map((m) => ({ channel, m })));
  if (page.heard) {
    const fresh = all.filter(({ channel, m }) => !page.heard.has(`${channel} ${m.ts}`) && m.user !== state.me);
    const words = fresh.map(({ channel, m }) => `${m.ephemeral ? "Only visible to you" : "New message"}, ${m.username} in ${names.channel(channel)?.name}: ${spoken(m.text, names, READ_ALOUD)}`);
    if (words.length) fill($("live"), words.map((w) => el("p", {}, w)));
  }
  page.heard = new Set(all.map(({ channel, m }) => `${channel} ${m.ts}`));
  for (const channel of Object.keys(state.messages ?? {})) {
    const latest = Math.max(0, ...flat(state.messages[channel]).map((m) => Number(m.ts)));
    if (channel === place || !page.seen.has(channel)) page.seen.set(channel, latest);
  }
}

function frame(key, build) {
  if (page.drawn === key) return;
  page.drawn = key;
  fill($("place"), build());
}

function lightning() {
  return el("button", { type: "button", class: "plain", id: "lightning", "aria-haspopup": "menu", onclick: (event) => openMenu(event.currentTarget,
    page.state.shortcuts.filter((s) => s.type === "global").map((s) => ({ words: s.name, data: { callbackId: s.callback_id },
      choose: () => act({ kind: "shortcut", callback_id: s.callback_id }) }))) }, "⚡ Shortcuts");
}

function drawHome(state, names) {
  frame(`home ${state.me}`, () => [el("header", { class: "place-head" }, el("h1", {}, "App Home"), lightning()), el("div", { class: "home", id: "home" })]);
  const view = state.home;
  if (view) page.homeValues.adopt(view.blocks);
  const surface = { names, values: page.homeValues, errors: view?.errors, act: (kind, blockId, actionId, value) => act({
    kind, view_id: view.id, block_id: blockId, action_id: actionId, value, values: page.homeValues.asState() }) };
  keep($("home"), [{ key: "home", signature: JSON.stringify([view?.blocks ?? null, today()]), make: () => el("div", {},
    view ? blockNodes(view.blocks, surface) : el("p", { class: "quiet" }, "The app has not drawn its Home yet.")) }]);
}

function drawChannel(state, names, channel) {
  frame(`${state.me} ${channel.id} ${channel.member}`, () => [
    el("header", { class: "place-head" }, el("h1", {}, direct(channel) ? channel.name : `# ${channel.name}`), lightning()),
    el("div", { class: "scroll", id: "scroll" }, el("ol", { class: "messages", id: "messages", "aria-label": "Messages" })),
    channel.member ? writer(channel, null) : el("p", { class: "quiet outside" }, `You are not a member of #${channel.name}, so you cannot see or write messages here.`)]);
  const messages = byTime(state.messages[channel.id]);
  inPlace($("scroll"), `${state.me} ${channel.id}`, () => showMessages($("messages"), messages, roomOf(state, names, channel, false)));
  const empty = $("scroll").querySelector(".empty");
  if (channel.member && !messages.length && !empty) $("scroll").append(direct(channel) ? el("p", { class: "quiet empty" }, "Nothing here yet.") : firstWords());
  if (messages.length) empty?.remove();
}

/** What a newcomer reads: what this is, and what to press first. */
function firstWords() {
  return el("div", { class: "empty first" }, el("h2", {}, "Try Billing Bot here"),
    el("p", {}, "Everything on this page is pretend: a Slack with four people, a Zuora with forty customers, and the real bot between them."),
    el("p", {}, "Press ", el("button", { type: "button", class: "primary small", data: { first: "story" }, onclick: () => panel.play("mail_a_run") }, "Mail a run"),
      " to watch one request from start to end, or type ", el("code", {}, "/billemail BR-00000001"), " yourself."));
}

/** Redraws a list; it stays at its end when it stood there, and begins there. */
function inPlace(box, key, redraw) {
  const fresh = box.dataset.shows !== key;
  const atEnd = box.scrollHeight - box.scrollTop - box.clientHeight < 60;
  box.dataset.shows = key;
  redraw();
  if (fresh || atEnd) box.scrollTop = box.scrollHeight;
}

function byTime(messages) {
  return [...(messages ?? [])].sort((a, b) => Number(a.ts) - Number(b.ts));
}

function roomOf(state, names, channel, inThread) {
  return { channel: channel.id, names, inThread, act, context: [state.me, state.people.length, state.groups],
    valuesOf: (message) => page.messageValues.of(channel.id, message), openThread: (ts) => go({ place: channel.id, thread: ts }),
    shortcuts: state.shortcuts.filter((s) => s.type === "message") };
}

function writer(channel, thread) {
  const label = thread ? "Reply in thread" : `Message ${direct(channel) ? channel.name : `#${channel.name}`}, or type /`;
  return composer({ label, hint: thread ? "Reply" : "Message or /command", draft: `line ${page.where.as} ${channel.id} ${thread ?? ""}`, inThread: Boolean(thread), commands: () => page.state.commands, names: () => namesOf(page.state),
    send: (kind, text) => {
      if (thread && kind === "slash") {
        page.trouble = "Slash commands do not work in threads. Type it in the channel.";
        drawNotice();
        return Promise.resolve({ ok: false });
      }
      return act({ kind, channel: channel.id, thread_ts: thread, text });
    } });
}

function drawThread(state, names, place) {
  const panel = $("thread");
  const parent = page.where.thread ? (state.messages[place] ?? []).find((m) => m.ts === page.where.thread) : null;
  panel.hidden = !parent;
  document.body.classList.toggle("with-thread", Boolean(parent));
  if (!parent) { panel.dataset.shows = ""; fill(panel); return; }
  const channel = names.channel(place);
  const key = `${state.me} ${place} ${parent.ts}`;
  if (panel.dataset.shows !== key) {
    panel.dataset.shows = key;
    fill(panel, el("header", { class: "place-head" }, el("h2", {}, "Thread", el("span", { class: "quiet" }, ` # ${channel.name}`)),
      el("button", { type: "button", class: "plain dots", "aria-label": "Close thread", onclick: closeThread }, "✕")),
    el("div", { class: "scroll" }, el("ol", { class: "messages", "aria-label": "Thread messages" })), writer(channel, parent.ts));
  }
  const box = panel.querySelector(".scroll");
  inPlace(box, key, () => showMessages(panel.querySelector(".messages"), [parent, ...byTime(parent.replies)], roomOf(state, names, channel, true)));
}

function closeThread() {
  go({ thread: null });
  $("place").focus({ preventScroll: true });
}

function drawNotice() {
  const words = page.trouble ?? page.state?.notice ?? null;
  const shown = words && words !== page.dismissed ? words : null;
  $("notice").hidden = !shown;
  if ($("notice").dataset.words === (shown ?? "")) return;
  $("notice").dataset.words = shown ?? "";
  fill($("notice"), shown ? [el("p", {}, shown), el("button", { type: "button", class: "plain small", onclick: () => {
    page.dismissed = words;
    page.trouble = null;
    drawNotice();
  } }, "Dismiss")] : null);
}

/** Links to Slack's messages and Zuora's records lead to where they are on this page. */
function inside(event) {
  const anchor = event.target.closest?.("a[href]");
  if (!anchor || event.ctrlKey || event.metaKey) return;
  const message = /\/archives\/(\w+)\/p(\d{10})(\d{6})/.exec(anchor.href);
  const thread = /[?&]thread_ts=([\d.]+)/.exec(anchor.href);
  const record = /#zuora=([^&]+)/.exec(anchor.href) ?? /\/apps\/[^?#]*?([\w-]*\d[\w-]*)$/.exec(anchor.href);
  if (message) {
    event.preventDefault();
    const ts = `${message[2]}.${message[3]}`;
    go({ place: message[1], thread: thread?.[1] ?? null });
    showMessage(ts);
  } else if (record) {
    event.preventDefault();
    panel.openRecord(decodeURIComponent(record[1]));
  }
}

function showMessage(ts) {
  requestAnimationFrame(() => {
    const shown = [...document.querySelectorAll("[data-ts]")].find((node) => node.dataset.ts === ts);
    shown?.scrollIntoView({ block: "center" });
    shown?.classList.add("sought");
    setTimeout(() => shown?.classList.remove("sought"), 2000);
  });
}

const panel = new Panel({ stories: $("stories"), scene: $("scene"), panel: $("panel") }, {
  follow: (scene) => go({ as: scene.actor, place: "C0BILLING", thread: scene.thread }),
  moved: () => { if (page.state) draw(); },
});
document.addEventListener("click", inside);
window.addEventListener("hashchange", follow);
document.addEventListener("keydown", (event) => {
  const free = !document.querySelector("dialog[open], [popover]:popover-open");
  if (event.key === "Escape" && free && !event.defaultPrevented && page.where?.thread && $("thread").contains(document.activeElement)) closeThread();
});
follow();
