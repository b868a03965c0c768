// The line in which a person types a message or a command.

import { el, fill, freshId } from "./dom.js";
import { recalled, remember } from "./drafts.js";
import { escape } from "./words.js";

/**
 * Makes a composer.
 *
 * @param {object} how { label, hint, draft: string, commands(): object[], names(): object, inThread, send(kind, text): Promise<{ok}> }
 */
export function composer(how) {
  const listId = freshId("commands");
  const list = el("div", { class: "commands", id: listId, role: "listbox", "aria-label": "Commands", hidden: true });
  const input = el("textarea", { rows: 1, placeholder: how.hint, "aria-label": how.label, role: "combobox", "aria-autocomplete": "list",
    "aria-controls": listId, "aria-expanded": "false", autocomplete: "off", data: { composer: how.inThread ? "thread" : "channel" } });
  const button = el("button", { type: "submit", class: "primary" }, "Send");
  input.value = String(recalled(how.draft) ?? "");
  const form = el("form", { class: "composer" }, list, el("div", { class: "line" }, input, button));
  let chosen = 0;
  let closed = false;

  const suggested = () => {
    const word = input.value.split(/\s/)[0];
    if (closed || !word.startsWith("/") || how.inThread) return [];
    const exact = input.value.length > word.length;
    return how.commands().filter((c) => (exact ? c.command === word : c.command.startsWith(word)));
  };
  const draw = () => {
    remember(how.draft, input.value);
    const found = suggested();
    chosen = Math.min(chosen, Math.max(0, found.length - 1));
    list.hidden = !found.length;
    fill(list, found.map((c, i) => el("div", { role: "option", id: `${listId}-${i}`, "aria-selected": String(i === chosen), data: { command: c.command },
      onmousedown: (event) => { event.preventDefault(); take(c); } },
    el("span", { class: "command" }, el("strong", {}, c.command), " ", el("span", { class: "hint" }, c.usage_hint ?? "")),
    el("span", { class: "description" }, c.description ?? ""))));
    input.setAttribute("aria-expanded", String(found.length > 0));
    if (found.length) input.setAttribute("aria-activedescendant", `${listId}-${chosen}`);
    else input.removeAttribute("aria-activedescendant");
    input.style.height = "auto";
    input.style.height = `${Math.min(input.scrollHeight + 2, 180)}px`;
  };
  const take = (command) => {
    input.value = `${command.command} `;
    chosen = 0;
    input.focus();
    draw();
  };
  const submit = async () => {
    const text = input.value.trim();
    if (!text) return;
    input.value = "";
    closed = false;
    draw();
    const slash = text.startsWith("/");
    const answer = await how.send(slash ? "slash" : "message", slash ? text : written(text, how.names()));
    if (!answer.ok && !input.value) { input.value = text; closed = true; draw(); }
  };
  input.addEventListener("input", () => { closed = false; draw(); });
  input.addEventListener("blur", () => { closed = true; draw(); });
  input.addEventListener("focus", () => { closed = false; draw(); });
  form.addEventListener("submit", (event) => { event.preventDefault(); submit(); });
  input.addEventListener("keydown", (event) => {
    const found = suggested();
    const whole = found.some((c) => c.command === input.value.trim().split(/\s/)[0]);
    if (event.key === "Escape" && found.length) { closed = true; draw(); event.stopPropagation(); }
    else if (found.length > 1 && (event.key === "ArrowDown" || event.key === "ArrowUp")) {
      event.preventDefault();
      chosen = (chosen + (event.key === "ArrowDown" ? 1 : -1) + found.length) % found.length;
      draw();
    } else if (event.key === "Tab" && !event.shiftKey && found.length && !/\s/.test(input.value)) {
      event.preventDefault();
      take(found[chosen]);
    } else if (event.key === "Enter" && !event.shiftKey && !event.isComposing) {
      event.preventDefault();
      if (found.length && !whole) take(found[chosen]);
      else submit();
    }
  });
  return form;
}

// As Slack's own composer does: entities escaped, names of people and groups as references.
function written(text, names) {
  return escape(text).replace(/@([\w.-]*\w)/g, (whole, name) => {
    if (["here", "channel", "everyone"].includes(name)) return `<!${name}>`;
    const someone = names.people().find((p) => p.name === name);
    const some = names.groups().find((g) => g.handle.replace(/^@/, "") === name);
    return someone ? `<@${someone.id}>` : some ? `<!subteam^${some.id}>` : whole;
  });
}
