// The panel beside Slack: stories to watch, what Zuora did, trouble to order, the clock, the policy.

import { readPanel, readRecord, switchPanel } from "./api.js";
import { el, fill, keep } from "./dom.js";
import { fullDate, setAhead, today } from "./words.js";

const EVERY = 700;
const ISO = /^\d{4}-\d\d-\d\dT/;
const TABS = [["did", "What Zuora did"], ["trouble", "Trouble, clock, policy"]];

/**
 * Makes the panel.
 *
 * @param {{stories: HTMLElement, scene: HTMLElement, panel: HTMLElement}} nodes
 * @param {{follow: (scene: object) => void, moved: () => void}} page called with each new scene; when the panel opens or closes and when the clock is at another day
 */
export class Panel {
  constructor(nodes, page) {
    Object.assign(this, { nodes, page, state: null, tab: "did", record: null, followed: "", playing: false, again: false });
    nodes.panel.addEventListener("keydown", (event) => { if (event.key === "Escape" && !event.defaultPrevented) this.show(false); });
    setInterval(() => { if (!document.hidden) this.refresh(); }, EVERY);
    this.refresh();
  }

  get open() {
    return !this.nodes.panel.hidden;
  }

  show(open) {
    this.nodes.panel.hidden = !open;
    document.body.classList.toggle("with-panel", open);
    this.draw();
    this.page.moved();
    if (!open) document.getElementById("panel-button")?.focus();
  }

  /** Opens the panel at one record of Zuora. */
  async openRecord(number) {
    this.record = (await readRecord(number)) ?? { number, missing: true };
    this.tab = "did";
    this.show(true);
    this.nodes.panel.querySelector("[data-record]")?.scrollIntoView({ block: "start" });
    this.nodes.panel.querySelector("[data-record] button")?.focus({ preventScroll: true });
  }

  async refresh() {
    const state = await readPanel();
    if (!state) return;
    if (!this.state && state.scene?.over) this.ended = JSON.stringify(state.scene); // of a story that nobody watched here
    this.state = state;
    const day = today();
    setAhead(state.ahead);
    this.draw();
    if (today() !== day) this.page.moved();
    this.follow();
  }

  async ask(body) {
    await switchPanel(body);
    await this.refresh();
  }

  play(name) {
    this.followed = "";
    this.playing = true;
    const pause = new URLSearchParams(location.search).get("pause");
    this.ask({ do: "story", name, ...(pause === null ? {} : { pause: Number(pause) }) });
  }

  takeOver() {
    this.playing = false;
    this.ask({ do: "take_over" });
  }

  /** Takes the page where the story is, once for each scene; a person may look elsewhere in between. */
  follow() {
    const scene = this.state.scene;
    const key = JSON.stringify(scene);
    if (!scene || !this.playing || key === this.followed) return;
    this.followed = key;
    this.page.follow(scene);
    if (scene.over) this.playing = false;
  }

  draw() {
    if (!this.state) return;
    this.drawStories();
    this.drawScene();
    if (this.open) this.drawPanel();
  }

  drawStories() {
    const { stories, zuora, scene } = this.state;
    const running = scene && !scene.over ? scene.story : null;
    const counts = `${zuora.totals.mails} ${zuora.totals.mails === 1 ? "mail" : "mails"}`;
    const off = this.state.troubles.filter((t) => t.on).length;
    keep(this.nodes.stories, [
      { key: "words", signature: "", make: () => el("span", { class: "quiet" }, "Watch") },
      ...stories.map((story) => ({ key: story.name, signature: String(story.name === running), make: () => el("button", {
        type: "button", class: "small", title: story.shows, data: { story: story.name }, "aria-pressed": String(story.name === running),
        onclick: () => this.play(story.name) }, story.label) })),
      { key: "panel", signature: JSON.stringify([counts, zuora.totals.twice, off, this.open]), make: () => el("button", {
        type: "button", id: "panel-button", class: off ? "small warned" : "small", "aria-expanded": String(this.open), "aria-controls": "panel",
        onclick: () => this.show(!this.open) }, `What Zuora did: ${counts}`, off ? ` · ${off} trouble on` : "") },
    ]);
  }

  drawScene() {
    const { scene } = this.state;
    const shown = scene && (!scene.over || this.ended !== JSON.stringify(scene)) ? scene : null;
    this.nodes.scene.hidden = !shown;
    keep(this.nodes.scene, shown ? [
      // By itself, so that a screen reader says it once and not again when the button beside it changes.
      { key: "caption", signature: shown.caption, make: () => el("p", {}, shown.caption) },
      { key: "button", signature: JSON.stringify(shown.over), make: () => (shown.over
        ? el("button", { type: "button", class: "small", data: { scene: "close", keep: "scene" }, onclick: () => this.closeScene() }, "Close")
        : el("button", { type: "button", class: "small", data: { scene: "take-over", keep: "scene" }, onclick: () => this.takeOver() }, "Take over")) }] : []);
  }

  closeScene() {
    this.ended = JSON.stringify(this.state.scene);
    this.draw();
    this.nodes.stories.querySelector(`[data-story="${CSS.escape(this.state.scene.story)}"]`)?.focus();
  }

  closeRecord() {
    const { number } = this.record;
    this.record = null;
    this.draw();
    (this.nodes.panel.querySelector(`[data-open="${CSS.escape(number)}"]`) ?? this.nodes.panel.querySelector(".panel-body")).focus();
  }

  drawPanel() {
    const box = this.nodes.panel;
    if (!box.firstChild) {
      fill(box, el("header", { class: "place-head" }, el("div", { class: "tabs", role: "group", "aria-label": "Parts of the panel" },
        TABS.map(([name, words]) => el("button", { type: "button", class: "small", data: { tab: name }, onclick: () => { this.tab = name; this.draw(); } }, words))),
      el("button", { type: "button", class: "plain dots", "aria-label": "Close the panel", onclick: () => this.show(false) }, "✕")),
      el("div", { class: "panel-body", tabindex: "0", "aria-label": "The panel's content" }));
    }
    for (const button of box.querySelectorAll("[data-tab]")) button.setAttribute("aria-pressed", String(button.dataset.tab === this.tab));
    keep(box.querySelector(".panel-body"), this.tab === "did" ? this.didItems() : this.troubleItems());
  }

  didItems() {
    const { zuora } = this.state;
    const { totals } = zuora;
    const part = (key, content, make) => ({ key, signature: JSON.stringify(content), make });
    return [
      this.record ? part("record", this.record, () => recordNode(this.record, () => this.closeRecord())) : null,
      part("mails", [zuora.mails, totals], () => section(`Mails to customers (${totals.mails})`,
        totals.twice ? el("p", { class: "loud", data: { twice: totals.twice } }, `${totals.twice} went to the same address more than once.`)
          : el("p", { class: "quiet", data: { twice: 0 } }, totals.mails ? "Nobody got the same document twice." : "None yet."),
        table(["Document", "To", "Times"], zuora.mails.map((m) => [this.number(m.document), el("span", {}, m.customer, el("br"), el("span", { class: "quiet" }, m.recipient)),
          el("span", { class: m.times > 1 ? "loud" : "" }, String(m.times))]), totals.mails))),
      part("runs", zuora.runs, () => section(`Bill runs (${totals.runs})`, table(["Run", "Name", "Status"], zuora.runs.map((r) => [this.number(r.number), r.name, r.status])))),
      part("calls", [zuora.calls, totals.calls], () => section(`Calls of the bot (${totals.calls})`, table(["Call", "Answer"], zuora.calls.map((c) => [
        el("span", { class: "call" }, `${c.method} ${c.path}`, c.key ? el("span", { class: "quiet" }, el("br"), `key ${c.key}`) : null),
        c.replayed ? `${c.status}, as before` : c.status ?? c.fault ?? "…"])))),
    ].filter(Boolean);
  }

  number(number) {
    return el("button", { type: "button", class: "plain link", data: { open: number }, onclick: () => this.openRecord(number) }, number);
  }

  troubleItems() {
    const { troubles, policies, now, ahead } = this.state;
    const side = (name) => troubles.filter((t) => t.side === name);
    const part = (key, content, make) => ({ key, signature: JSON.stringify(content), make });
    const moved = Math.round(ahead / 60);
    return [
      part("zuora", side("zuora"), () => section("Trouble with Zuora", side("zuora").map((t) => this.trouble(t)))),
      part("slack", side("slack"), () => section("Trouble with Slack", side("slack").map((t) => this.trouble(t)))),
      part("clock", [now.slice(0, 16), moved], () => section("The clock", el("p", {}, fullDate(new Date(now)),
        el("span", { class: "quiet" }, moved ? ` · moved ahead by ${span(moved)}` : " · as on this machine")),
      el("div", { class: "row" }, [["1 minute", 60], ["1 hour", 3600], ["1 day", 86400]].map(([words, seconds]) => el("button", {
        type: "button", class: "small", data: { move: seconds }, onclick: () => this.ask({ do: "move", seconds }) }, `+ ${words}`))))),
      part("policy", policies, () => section("The policy", el("p", { class: "quiet" }, "A change starts the bot again. Requests that wait keep their rule."),
        policies.map((p) => el("label", { class: "choice" }, el("input", { type: "radio", name: "policy", value: p.name, checked: p.on, data: { policy: p.name },
          onchange: () => this.ask({ do: "policy", name: p.name }) }), el("span", {}, p.label))))),
    ];
  }

  trouble(t) {
    return el("label", { class: "choice" }, el("input", { type: "checkbox", checked: t.on, data: { trouble: t.name },
      onchange: (event) => this.ask({ do: "trouble", name: t.name, on: event.currentTarget.checked }) }),
    el("span", {}, t.label, el("span", { class: "description" }, t.means)));
  }
}

/** Minutes as "1 day 2 hours 5 minutes", without what is none. */
function span(minutes) {
  const parts = [[Math.floor(minutes / 1440), "day"], [Math.floor(minutes / 60) % 24, "hour"], [minutes % 60, "minute"]];
  return parts.filter(([n]) => n).map(([n, unit]) => `${n} ${unit}${n === 1 ? "" : "s"}`).join(" ");
}

function section(title, ...content) {
  return el("section", { class: "part" }, el("h2", {}, title), content);
}

function table(headings, rows) {
  if (!rows.length) return null;
  return el("div", { class: "table" }, el("table", {}, el("thead", {}, el("tr", {}, headings.map((h) => el("th", { scope: "col" }, h)))),
    el("tbody", {}, rows.map((row) => el("tr", {}, row.map((cell) => el("td", {}, cell)))))));
}

function recordNode(record, close) {
  const facts = record.missing ? [["", "The local Zuora has no such record."]]
    : Object.entries(record).filter(([, value]) => typeof value === "string" && value);
  return el("section", { class: "part record", data: { record: record.number } },
    el("div", { class: "row" }, el("h2", {}, record.number), el("button", { type: "button", class: "small", onclick: close }, "Close")),
    el("dl", {}, facts.map(([name, value]) => [el("dt", {}, name), el("dd", {}, ISO.test(value) ? fullDate(new Date(value)) : value)])),
    record.documents ? table(["Document", "Customer", "Amount", "Mailed"], record.documents.map((d) => [d.number, d.customer, d.amount, d.mailed ? "yes" : "no"])) : null,
    record.mails ? table(["Mailed to", "At"], record.mails.map((m) => [m.recipient, fullDate(new Date(m.at))])) : null);
}
