// Confirm dialogs and small menus.

import { el, freshId } from "./dom.js";
import { textOf } from "./mrkdwn.js";

/** Asks as a Slack `confirm` object says; resolves to true or false. Without one it resolves to true at once. */
export function confirmed(confirm, names) {
  if (!confirm) return Promise.resolve(true);
  return new Promise((resolve) => {
    const title = freshId("confirm");
    const text = freshId("confirm");
    const yes = el("button", { type: "button", class: confirm.style === "danger" ? "danger" : "primary", data: { confirm: "yes" },
      onclick: () => dialog.close("yes") }, textOf(confirm.confirm ?? { type: "plain_text", text: "Yes" }, names));
    const no = el("button", { type: "button", class: "plain", data: { confirm: "no" },
      onclick: () => dialog.close("no") }, textOf(confirm.deny ?? { type: "plain_text", text: "Cancel" }, names));
    const dialog = el("dialog", { class: "confirm", role: "alertdialog", "aria-labelledby": title, "aria-describedby": text },
      el("h2", { id: title }, textOf(confirm.title ?? { type: "plain_text", text: "Are you sure?" }, names)),
      el("div", { id: text, class: "confirm-text" }, textOf(confirm.text, names)),
      el("div", { class: "ends" }, no, yes));
    // A key held down since the first button must not answer the question too.
    dialog.addEventListener("keydown", (event) => { if (event.key === "Enter" && event.repeat) event.preventDefault(); });
    const before = document.activeElement;
    dialog.addEventListener("close", () => {
      dialog.remove();
      if (before?.isConnected) before.focus();
      resolve(dialog.returnValue === "yes");
    });
    document.body.append(dialog);
    dialog.showModal();
    yes.focus();
  });
}

/**
 * Opens a menu at a button.
 *
 * @param {HTMLElement} anchor the button
 * @param {{words: any, data?: object, danger?: boolean, choose: () => void}[]} items
 */
export function openMenu(anchor, items) {
  const menu = el("div", { class: "menu", role: "menu", popover: "auto" });
  const buttons = items.map((item) => el("button", { type: "button", role: "menuitem", tabindex: "-1", data: item.data ?? {},
    onclick: () => { menu.hidePopover(); item.choose(); } }, item.words));
  menu.append(...(buttons.length ? buttons : [el("p", { class: "quiet" }, "Nothing here.")]));
  menu.addEventListener("keydown", (event) => moveInMenu(event, buttons));
  menu.addEventListener("toggle", (event) => {
    anchor.setAttribute("aria-expanded", String(event.newState === "open"));
    if (event.newState !== "closed") return;
    if (menu.contains(document.activeElement)) anchor.focus();
    menu.remove();
  });
  // Inside an open modal everything outside of it is inert, so the menu must live in it.
  (anchor.closest("dialog") ?? document.body).append(menu);
  menu.showPopover();
  place(menu, anchor.getBoundingClientRect());
  buttons[0]?.focus();
}

function place(menu, at) {
  const { width, height } = menu.getBoundingClientRect();
  const below = at.bottom + 4 + height <= window.innerHeight;
  menu.style.left = `${Math.max(8, Math.min(at.right - width, window.innerWidth - width - 8))}px`;
  menu.style.top = `${below ? at.bottom + 4 : Math.max(8, at.top - height - 4)}px`;
}

function moveInMenu(event, buttons) {
  const here = buttons.indexOf(document.activeElement);
  const to = { ArrowDown: here + 1, ArrowUp: here - 1, Home: 0, End: buttons.length - 1 }[event.key];
  if (event.key === "Tab") event.currentTarget.hidePopover();
  if (to === undefined) return;
  event.preventDefault();
  buttons[(to + buttons.length) % buttons.length]?.focus();
}
