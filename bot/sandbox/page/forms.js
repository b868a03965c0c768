// What a person has typed or chosen, in Slack's form, kept apart from the nodes that show it.

import { recalled, remember } from "./drafts.js";

/** Options of an element, option groups flattened. */
export function optionsOf(element) {
  return element.options ?? (element.option_groups ?? []).flatMap((group) => group.options ?? []);
}

/** The value an element begins with. */
export function initialValue(element) {
  const type = element.type;
  switch (type) {
    case "plain_text_input":
    case "number_input":
    case "email_text_input":
    case "url_text_input": return { type, value: element.initial_value ?? null };
    case "datepicker": return { type, selected_date: element.initial_date ?? null };
    case "timepicker": return { type, selected_time: element.initial_time ?? null };
    case "static_select":
    case "radio_buttons": return { type, selected_option: element.initial_option ?? null };
    case "multi_static_select":
    case "checkboxes": return { type, selected_options: element.initial_options ?? [] };
    case "users_select": return { type, selected_user: element.initial_user ?? null };
    case "multi_users_select": return { type, selected_users: element.initial_users ?? [] };
    case "channels_select": return { type, selected_channel: element.initial_channel ?? null };
    case "conversations_select": return { type, selected_conversation: element.initial_conversation ?? null };
    case "file_input": return { type, files: [] };
    default: return null;
  }
}

/** Whether a value is what an optional input may be left at. */
export function isEmpty(state) {
  if (!state) return true;
  const { type, ...held } = state;
  return Object.values(held).every((v) => v === null || v === "" || (Array.isArray(v) && v.length === 0));
}

/** The elements of a surface that hold a value, each with its block. */
export function holders(blocks) {
  const found = [];
  for (const [i, block] of (blocks ?? []).entries()) {
    const elements = { input: [block.element], section: [block.accessory], actions: block.elements ?? [] }[block.type] ?? [];
    for (const element of elements) {
      if (element && initialValue(element)) found.push({ block, blockId: blockIdOf(block, i), element });
    }
  }
  return found;
}

/** A block's id; the server gives every block one, the place in the list is only a last resort. */
export function blockIdOf(block, index) {
  return block.block_id ?? `block-${index}`;
}

/** The values of one surface (a message, a modal, the home tab). */
export class Values {
  /** @param {string} [draft] under which name they are kept through a reload; none: they are not */
  constructor(draft) {
    this.draft = draft;
    const kept = draft ? recalled(draft) : null;
    this.held = new Map(Array.isArray(kept) ? kept : []);
  }

  /** Takes over new blocks: a known block_id and action_id keep their value, others begin anew, gone ones are dropped. */
  adopt(blocks) {
    const next = new Map();
    for (const { blockId, element } of holders(blocks)) {
      const key = keyOf(blockId, element.action_id);
      const before = this.held.get(key);
      const stays = before?.type === element.type && stillOffered(before, element);
      next.set(key, stays ? before : initialValue(element));
    }
    this.held = next;
  }

  get(blockId, actionId) {
    return this.held.get(keyOf(blockId, actionId)) ?? null;
  }

  set(blockId, actionId, state) {
    this.held.set(keyOf(blockId, actionId), state);
    if (this.draft) remember(this.draft, [...this.held]);
  }

  /** `{block_id: {action_id: value}}` as in `view.state.values`. */
  asState() {
    const out = {};
    for (const [key, state] of this.held) {
      const [blockId, actionId] = JSON.parse(key);
      (out[blockId] ??= {})[actionId] = state;
    }
    return out;
  }
}

function keyOf(blockId, actionId) {
  return JSON.stringify([blockId, actionId ?? ""]);
}

function stillOffered(state, element) {
  const chosen = state.selected_options ?? (state.selected_option ? [state.selected_option] : []);
  const offered = new Set(optionsOf(element).map((option) => option.value));
  return chosen.every((option) => offered.has(option.value));
}

/** What Slack itself checks before it lets a modal be submitted: `{block_id: words}`. */
export function problemsOf(blocks, values) {
  const problems = {};
  for (const { block, blockId, element } of holders(blocks)) {
    if (block.type !== "input") continue;
    const state = values.get(blockId, element.action_id);
    const words = isEmpty(state) ? (block.optional ? null : "Please complete this required field.") : wrong(element, state);
    if (words) problems[blockId] = words;
  }
  return problems;
}

function wrong(element, state) {
  if (element.type === "number_input") return wrongNumber(element, state.value);
  if (element.type === "email_text_input" && !/^[^\s@]+@[^\s@]+\.[^\s@]+$/.test(state.value)) {
    return "Please enter a valid email address.";
  }
  if (element.type === "url_text_input" && !/^https?:\/\/\S+$/.test(state.value)) return "Please enter a valid URL.";
  if (element.type !== "plain_text_input") return null;
  const length = [...state.value].length;
  if (element.min_length && length < element.min_length) return `Please enter at least ${element.min_length} characters.`;
  if (element.max_length && length > element.max_length) return `Please enter at most ${element.max_length} characters.`;
  return null;
}

function wrongNumber(element, value) {
  if (!/^[+-]?(\d+(\.\d*)?|\.\d+)$/.test(value.trim())) return "Please enter a number.";
  if (!element.is_decimal_allowed && !/^[+-]?\d+$/.test(value.trim())) return "Please enter a whole number.";
  if (element.min_value !== undefined && Number(value) < Number(element.min_value)) {
    return `Please enter a number of at least ${element.min_value}.`;
  }
  if (element.max_value !== undefined && Number(value) > Number(element.max_value)) {
    return `Please enter a number of at most ${element.max_value}.`;
  }
  return null;
}
