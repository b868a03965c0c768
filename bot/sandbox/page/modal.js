// The modal on top of a person's stack of views.

import { blockNodes } from "./blocks.js";
import { el, fill, focusAgain, focusMark } from "./dom.js";
import { forgetOthers } from "./drafts.js";
import { problemsOf, Values } from "./forms.js";
import { plain } from "./mrkdwn.js";

/** Shows the top view in a dialog and keeps what was typed, per view, while views are updated and pushed. */
export class Modal {
  /**
   * @param {HTMLDialogElement} dialog
   * @param {(body: object) => Promise<{ok, error, errors}>} act
   * @param {HTMLElement} scene the story that plays: it goes into the dialog while one is open, for the page around cannot be pressed then
   */
  constructor(dialog, act, scene) {
    Object.assign(this, { dialog, act, scene, below: scene.nextElementSibling });
    this.values = new Map();
    this.shown = null;
    this.local = {};
    this.busy = false;
    dialog.addEventListener("cancel", (event) => { event.preventDefault(); this.close(); });
    dialog.addEventListener("keydown", (event) => this.key(event));
  }

  /** Takes a new stack of views; the last is on top. */
  show(views, names) {
    const view = views.at(-1) ?? null;
    for (const id of this.values.keys()) if (!views.some((v) => v.id === id)) this.values.delete(id);
    const mine = `view ${names.me} `;
    forgetOthers(mine, views.map((v) => `${mine}${v.id}`));
    const signature = JSON.stringify([view?.id, view?.hash, view?.title, view?.blocks, view?.submit, view?.close, view?.errors, views.length]);
    if (signature === this.shown) return;
    const other = view?.id !== this.view?.id;
    Object.assign(this, { view, names, depth: views.length, shown: signature, local: {} });
    if (!view) {
      this.below.before(this.scene);
      this.dialog.close();
      const back = document.activeElement; // Chromium gives the focus back without a caret: nothing could be typed
      back?.blur();
      back?.focus();
      return;
    }
    if (!this.values.has(view.id)) this.values.set(view.id, new Values(`${mine}${view.id}`));
    this.values.get(view.id).adopt(view.blocks);
    this.draw(other);
  }

  draw(first) {
    const { view, dialog } = this;
    const mark = first || !document.activeElement?.dataset.actionId ? null : focusMark(dialog);
    const scroll = first ? 0 : (dialog.querySelector(".modal-body")?.scrollTop ?? 0);
    const errors = { ...(view.errors ?? {}), ...this.local };
    const surface = { names: this.names, values: this.values.get(view.id), errors, act: (kind, blockId, actionId, value) => this.act({
      kind, view_id: view.id, block_id: blockId, action_id: actionId, value, values: this.values.get(view.id).asState() }) };
    const form = el("form", { novalidate: true, data: { view: view.id, callbackId: view.callback_id },
      onsubmit: (event) => { event.preventDefault(); this.submit(); } },
    el("header", { class: "modal-head" }, el("h2", { id: "modal-title" }, plain(view.title)),
      el("button", { type: "button", class: "plain dots", "aria-label": this.depth > 1 ? "Back" : "Close", data: { modal: "x" },
        onclick: () => this.close() }, this.depth > 1 ? "←" : "✕")),
    el("div", { class: "modal-body" }, blockNodes(view.blocks, surface)),
    el("footer", { class: "ends" },
      el("button", { type: "button", class: "plain", data: { modal: "close" }, onclick: () => this.close() }, view.close ? plain(view.close) : "Cancel"),
      view.submit ? el("button", { type: "submit", class: "primary", data: { modal: "submit" } }, plain(view.submit)) : null));
    fill(dialog, this.scene, form);
    if (!dialog.open) dialog.showModal();
    dialog.querySelector(".modal-body").scrollTop = scroll;
    this.focus(mark, errors);
  }

  focus(mark, errors) {
    const wrong = Object.keys(errors).length ? this.dialog.querySelector(".wrong :is(input, select, textarea)") : null;
    if (wrong) {
      wrong.focus({ preventScroll: true });
      wrong.closest(".block").scrollIntoView({ block: "nearest" });
      return;
    }
    if (mark && focusAgain(this.dialog, mark)) return;
    (this.dialog.querySelector("[data-focus-on-load]") ?? this.dialog.querySelector(".modal-body :is(input, select, textarea)")
      ?? this.dialog.querySelector("[data-modal=submit], [data-modal=close]"))?.focus();
  }

  key(event) {
    if (event.key !== "Enter" || !(event.metaKey || event.ctrlKey) || event.target.tagName !== "TEXTAREA") return;
    event.preventDefault();
    this.submit();
  }

  async submit() {
    if (this.busy || !this.view?.submit) return;
    const values = this.values.get(this.view.id);
    const before = this.view.id;
    this.local = problemsOf(this.view.blocks, values);
    if (Object.keys(this.local).length) { this.draw(false); return; }
    this.setBusy(true);
    const answer = await this.act({ kind: "submit", view_id: this.view.id, callback_id: this.view.callback_id, values: values.asState() });
    this.setBusy(false);
    if (this.view?.id === before && Object.keys(answer.errors ?? {}).length) {
      this.local = answer.errors;
      this.draw(false);
    }
  }

  setBusy(busy) {
    this.busy = busy;
    const button = this.dialog.querySelector("[data-modal=submit]");
    if (!button || !this.view?.submit) return; // closed while its answer was awaited
    button.disabled = busy;
    button.textContent = busy ? "Sending…" : plain(this.view.submit);
  }

  close() {
    if (this.view && !this.busy) this.act({ kind: "close", view_id: this.view.id, callback_id: this.view.callback_id });
  }
}
