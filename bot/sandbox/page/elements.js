// Interactive Block Kit elements. Each maker takes (element, spot) and returns a node.
//
// spot: { blockId, names, values, act(kind, blockId, actionId, value), dispatch: bool, labelledBy, describedBy, inputId }

import { addFile } from "./api.js";
import { el, freshId, safeUrl } from "./dom.js";
import { confirmed, openMenu } from "./dialogs.js";
import { optionsOf } from "./forms.js";
import { plain, textOf } from "./mrkdwn.js";

const MAKERS = {
  button, overflow, static_select: select, users_select: select, channels_select: select, conversations_select: select,
  multi_static_select: manyOf, multi_users_select: manyOf, checkboxes: manyOf, radio_buttons: oneOf, datepicker: picker,
  timepicker: picker, plain_text_input: textInput, number_input: textInput, email_text_input: textInput,
  url_text_input: textInput, file_input: filePicker, image: picture,
};

/** Whether this page can show an element of that type. */
export function knowsElement(type) {
  return Object.hasOwn(MAKERS, type);
}

/** The node of an element, or words that say it is not supported here. */
export function elementNode(element, spot) {
  if (!knowsElement(element?.type)) return el("p", { class: "unsupported" }, `unsupported block: element ${element?.type}`);
  return MAKERS[element.type](element, spot);
}

/** Elements made of several inputs need a fieldset instead of one label. */
export function isGroup(element) {
  return ["radio_buttons", "checkboxes", "multi_static_select", "multi_users_select"].includes(element?.type);
}

function marks(element, spot) {
  return { actionId: element.action_id ?? "", blockId: spot.blockId };
}

function naming(element, spot) {
  return {
    id: spot.inputId,
    "aria-label": spot.inputId ? null : plain(element.placeholder) || element.action_id || element.type,
    "aria-describedby": spot.describedBy,
    "aria-invalid": spot.invalid ? "true" : null,
  };
}

function button(element, spot) {
  const style = { primary: "primary", danger: "danger" }[element.style] ?? "plain";
  const node = el("button", { type: "button", class: style, "aria-label": element.accessibility_label, data: marks(element, spot) },
    plain(element.text), element.url ? el("span", { "aria-hidden": "true" }, " ↗") : null);
  node.addEventListener("click", async () => {
    if (!(await confirmed(element.confirm, spot.names))) return;
    const url = safeUrl(element.url);
    if (url) window.open(url, "_blank", "noopener");
    node.disabled = true;
    node.setAttribute("aria-busy", "true");
    await spot.act("click", spot.blockId, element.action_id, element.value ?? null);
    node.disabled = false;
    node.removeAttribute("aria-busy");
  });
  return node;
}

function overflow(element, spot) {
  const node = el("button", { type: "button", class: "plain dots", "aria-label": "More", "aria-haspopup": "menu", data: marks(element, spot) }, "⋯");
  const choose = async (option) => {
    if (!(await confirmed(element.confirm, spot.names))) return;
    if (safeUrl(option.url)) window.open(safeUrl(option.url), "_blank", "noopener");
    await spot.act("click", spot.blockId, element.action_id, { type: "overflow", selected_option: option });
  };
  node.addEventListener("click", () => openMenu(node, optionsOf(element).map((option) => (
    { words: optionWords(option, spot), data: { value: option.value ?? "" }, choose: () => choose(option) }))));
  return node;
}

function optionWords(option, spot) {
  return [textOf(option.text, spot.names), option.description
    ? el("span", { class: "description" }, textOf(option.description, spot.names)) : null];
}

/** Keeps a new value and, where the element asks for it, sends it to the server; a refused confirm takes the value back. */
async function changed(element, spot, state, takeBack) {
  const before = spot.values.get(spot.blockId, element.action_id);
  if (spot.dispatch && element.confirm && !(await confirmed(element.confirm, spot.names))) {
    takeBack(before);
    return;
  }
  spot.values.set(spot.blockId, element.action_id, state);
  if (spot.dispatch) await spot.act("choose", spot.blockId, element.action_id, state);
}

// For each kind of select: the key of its value, what it offers, and how a chosen value is written.
function choices(element, names) {
  switch (element.type) {
    case "users_select": return ["selected_user", people(names)];
    case "multi_users_select": return ["selected_users", people(names)];
    case "channels_select": return ["selected_channel", channels(names)];
    case "conversations_select": return ["selected_conversation", channels(names)];
    case "multi_static_select":
    case "checkboxes": return ["selected_options", optionsOf(element)];
    default: return ["selected_option", optionsOf(element)];
  }
}

function people(names) {
  return names.people().map((p) => ({ text: { type: "plain_text", text: p.real_name ?? p.name }, value: p.id, bare: true }));
}

function channels(names) {
  return names.channels().map((c) => ({ text: { type: "plain_text", text: `#${c.name}` }, value: c.id, bare: true }));
}

function written(option) {
  return option && (option.bare ? option.value : option);
}

function valueIn(chosen) {
  return typeof chosen === "string" ? chosen : (chosen?.value ?? "");
}

function select(element, spot) {
  const [key, offered] = choices(element, spot.names);
  const chosen = () => valueIn(spot.values.get(spot.blockId, element.action_id)?.[key]);
  const choice = (option) => el("option", { value: option.value, selected: option.value === chosen() }, plain(option.text));
  const node = el("select", { ...naming(element, spot), data: marks(element, spot) },
    el("option", { value: "" }, plain(element.placeholder) || "Select an option"),
    element.option_groups
      ? element.option_groups.map((g) => el("optgroup", { label: plain(g.label) }, g.options.map(choice)))
      : offered.map(choice));
  node.addEventListener("change", () => {
    const state = { type: element.type, [key]: written(offered.find((o) => o.value === node.value)) ?? null };
    changed(element, spot, state, (before) => { node.value = valueIn(before?.[key]); });
  });
  return node;
}

function manyOf(element, spot) {
  const [key, offered] = choices(element, spot.names);
  const chosen = new Set((spot.values.get(spot.blockId, element.action_id)?.[key] ?? []).map(valueIn));
  const boxes = offered.map((option) => el("input", { type: "checkbox", value: option.value, checked: chosen.has(option.value),
    "aria-describedby": spot.describedBy, data: marks(element, spot), onchange: () => gather() }));
  const gather = () => {
    const picked = offered.filter((_, i) => boxes[i].checked);
    const full = element.max_selected_items && picked.length >= element.max_selected_items;
    for (const box of boxes) box.disabled = Boolean(full && !box.checked);
    return changed(element, spot, { type: element.type, [key]: picked.map(written) }, (before) => {
      const was = new Set((before?.[key] ?? []).map(valueIn));
      for (const box of boxes) box.checked = was.has(box.value);
    });
  };
  const long = element.type !== "checkboxes";
  return el("div", { class: long ? "choices long" : "choices", role: "group", "aria-label": spot.labelledBy ? null : naming(element, spot)["aria-label"],
    "aria-labelledby": spot.labelledBy }, offered.map((option, i) => choiceLine(boxes[i], option, spot)));
}

function oneOf(element, spot) {
  const chosen = spot.values.get(spot.blockId, element.action_id)?.selected_option?.value;
  const group = freshId("radio");
  const offered = optionsOf(element);
  const dots = offered.map((option) => el("input", { type: "radio", name: group, value: option.value, checked: option.value === chosen,
    "aria-describedby": spot.describedBy, data: marks(element, spot),
    onchange: () => changed(element, spot, { type: element.type, selected_option: option }, (before) => {
      for (const dot of dots) dot.checked = dot.value === before?.selected_option?.value;
    }) }));
  return el("div", { class: "choices", role: "radiogroup", "aria-label": spot.labelledBy ? null : naming(element, spot)["aria-label"],
    "aria-labelledby": spot.labelledBy }, offered.map((option, i) => choiceLine(dots[i], option, spot)));
}

function choiceLine(input, option, spot) {
  return el("label", { class: "choice" }, input, el("span", {}, optionWords(option, spot)));
}

function picker(element, spot) {
  const [key, type] = element.type === "datepicker" ? ["selected_date", "date"] : ["selected_time", "time"];
  const node = el("input", { type, ...naming(element, spot), value: spot.values.get(spot.blockId, element.action_id)?.[key] ?? "",
    data: marks(element, spot) });
  node.addEventListener("change", () => changed(element, spot, { type: element.type, [key]: node.value || null },
    (before) => { node.value = before?.[key] ?? ""; }));
  return node;
}

/** A file goes to the server at once, as in Slack; the form keeps what the server knows of it. */
function filePicker(element, spot) {
  const held = () => (spot.values.get(spot.blockId, element.action_id)?.files ?? []).map((file) => file.name).join(", ");
  const name = el("span", { class: "description" }, held());
  const node = el("input", { type: "file", ...naming(element, spot), data: marks(element, spot),
    accept: (element.filetypes ?? []).map((type) => `.${type}`).join(",") });
  node.addEventListener("change", async () => {
    const added = node.files[0] ? await addFile(spot.names.me, node.files[0]) : null;
    spot.values.set(spot.blockId, element.action_id, { type: element.type, files: added ? [added] : [] });
    name.textContent = held();
  });
  return el("div", {}, node, name);
}

const INPUT_MODES = { number_input: "decimal", email_text_input: "email", url_text_input: "url" };

function textInput(element, spot) {
  const long = element.type === "plain_text_input" && element.multiline;
  const node = el(long ? "textarea" : "input", { ...naming(element, spot), type: long ? null : "text", rows: long ? 4 : null,
    inputmode: INPUT_MODES[element.type], maxlength: element.max_length, placeholder: plain(element.placeholder) || null,
    autocomplete: "off", value: spot.values.get(spot.blockId, element.action_id)?.value ?? "", data: marks(element, spot) });
  if (element.focus_on_load) node.dataset.focusOnLoad = "";
  const state = () => ({ type: element.type, value: node.value === "" ? null : node.value });
  const triggers = element.dispatch_action_config?.trigger_actions_on ?? ["on_enter_pressed"];
  const tell = () => spot.act("choose", spot.blockId, element.action_id, state());
  node.addEventListener("input", () => {
    spot.values.set(spot.blockId, element.action_id, state());
    if (spot.dispatch && triggers.includes("on_character_entered")) tell();
  });
  node.addEventListener("keydown", (event) => {
    if (!spot.dispatch || event.key !== "Enter" || long || !triggers.includes("on_enter_pressed")) return;
    event.preventDefault();
    tell();
  });
  return node;
}

function picture(element) {
  return imageNode(element, "thumb");
}

/** An image with its words; an address that is not http(s) shows only the words. */
export function imageNode(element, style) {
  const src = safeUrl(element.image_url ?? element.slack_file?.url);
  const alt = element.alt_text ?? "";
  return src ? el("img", { class: style, src, alt, title: alt, loading: "lazy" }) : el("span", { class: "quiet" }, `image: ${alt}`);
}
