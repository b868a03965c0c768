// Slack's mrkdwn and plain_text as DOM nodes.

import { el, link } from "./dom.js";
import { emoji, fullDate, slackDate, unescape, withEmoji } from "./words.js";

const FENCE = /```\n?([\s\S]+?)```/g;
const MARKS = { "*": "strong", _: "em", "~": "s" };
const INLINE = /<([^<>\n]+)>|`([^`\n]+)`|:([a-z0-9_+-]+):|([*_~])/;

/** Nodes of a mrkdwn text. `names` knows people, channels and groups. */
export function mrkdwn(text, names) {
  const nodes = [];
  let end = 0;
  for (const fence of String(text ?? "").matchAll(FENCE)) {
    nodes.push(...paragraphs(text.slice(end, fence.index).replace(/\n$/, ""), names));
    nodes.push(el("pre", {}, el("code", {}, angled(fence[1].replace(/\n$/, ""), names))));
    end = fence.index + fence[0].length;
  }
  nodes.push(...paragraphs(String(text ?? "").slice(end).replace(end ? /^\n/ : /^$/, ""), names));
  return nodes;
}

/** A mrkdwn text as a screen reader says it: names for ids, dates in words, no marks; at most `most` characters, cut between words. */
export function spoken(text, names, most) {
  const box = el("div", {}, mrkdwn(text, names));
  for (const node of box.querySelectorAll("br")) node.replaceWith("\n");
  const words = withEmoji(box.textContent);
  return words.length <= most ? words : `${words.slice(0, most).replace(/\s+\S*$/, "")}…`;
}

/** A text object: `{type: "plain_text"|"mrkdwn", text}`; a bare string counts as mrkdwn. */
export function textOf(object, names) {
  if (object === null || object === undefined) return [];
  if (typeof object === "string") return mrkdwn(object, names);
  return object.type === "plain_text" ? [plain(object)] : mrkdwn(object.text, names);
}

/** The characters of a plain_text object. */
export function plain(object) {
  const text = unescape(typeof object === "string" ? object : (object?.text ?? ""));
  return object?.emoji === false ? text : withEmoji(text);
}

function paragraphs(text, names) {
  if (!text) return [];
  const nodes = [];
  let quote = null;
  for (const [i, line] of text.split("\n").entries()) {
    const quoted = line.match(/^(?:&gt;|>)\s?(.*)$/);
    if (quoted) {
      if (quote) quote.append(el("br"));
      else nodes.push((quote = el("blockquote")));
      quote.append(...inline(quoted[1], names));
      continue;
    }
    if (i > 0 && !quote) nodes.push(el("br"));
    quote = null;
    nodes.push(...inline(line, names));
  }
  return nodes;
}

/** Marks, code, emoji and references inside one line. */
export function inline(text, names) {
  const nodes = [];
  let rest = text;
  let before = "";
  const literal = (piece) => {
    if (piece) nodes.push(document.createTextNode(unescape(piece)));
    before = piece ? piece.at(-1) : before;
  };
  while (rest) {
    const hit = rest.match(INLINE);
    if (!hit) { literal(rest); break; }
    literal(rest.slice(0, hit.index));
    rest = rest.slice(hit.index);
    const [whole, reference, code, shortcode, mark] = hit;
    if (mark) {
      const inner = /\w/.test(before) ? null : marked(rest, mark);
      if (inner === null) { literal(mark); rest = rest.slice(1); continue; }
      nodes.push(el(MARKS[mark], {}, inline(inner, names)));
      rest = rest.slice(inner.length + 2);
    } else {
      if (reference) nodes.push(angle(reference, names));
      else if (code) nodes.push(el("code", {}, angled(code, names)));
      else nodes.push(document.createTextNode(emoji(shortcode)));
      rest = rest.slice(whole.length);
    }
    before = " ";
  }
  return nodes;
}

// A mark opens before a non-space and closes after one, outside of words, as Slack does it.
function marked(text, mark) {
  if (!text[1] || /\s/.test(text[1]) || text[1] === mark) return null;
  for (let i = 2; i < text.length; i += 1) {
    if (text[i] === "`") {
      const close = text.indexOf("`", i + 1);
      if (close > 0) i = close;
    } else if (text[i] === "<") {
      const close = text.indexOf(">", i + 1);
      if (close > 0) i = close;
    } else if (text[i] === mark && !/\s/.test(text[i - 1]) && !/\w/.test(text[i + 1] ?? " ")) return text.slice(1, i);
  }
  return null;
}

function angled(text, names) {
  return text.split(/(<[^<>\n]+>)/).filter(Boolean).map((piece) => {
    if (/^<(https?:|mailto:)/.test(piece)) return angle(piece.slice(1, -1), names);
    return document.createTextNode(unescape(piece));
  });
}

/** What stands between `<` and `>`: a person, channel, group, ping, date or link; anything else stays as it is. */
function angle(content, names) {
  const [target, ...labels] = content.split("|");
  const label = labels.length ? labels.join("|") : null;
  if (/^@[UW]/.test(target)) return person(target.slice(1), names, label);
  if (/^#[CG]/.test(target)) return channel(target.slice(1), names, label);
  if (target.startsWith("!subteam^")) return group(target.slice(9), names, label);
  if (target.startsWith("!date^")) return date(target.slice(6), label);
  if (/^!(here|channel|everyone)$/.test(target)) return ping(target.slice(1));
  if (/^(https?:|mailto:|tel:)/i.test(target)) return link(unescape(target), withEmoji(unescape(label ?? target.replace(/^mailto:/, ""))));
  return document.createTextNode(unescape(`<${content}>`));
}

/** A person's name; the reader's own name stands out. */
export function person(id, names, label = null) {
  const known = names.person(id);
  const text = known ? known.real_name || known.name : label || id;
  return el("span", { class: id === names.me ? "mention me" : "mention", title: known ? `@${known.name}` : id }, `@${text}`);
}

/** A channel's name. */
export function channel(id, names, label = null) {
  return el("a", { class: "mention", href: names.place(id) }, `#${names.channel(id)?.name ?? label ?? id}`);
}

/** A group's handle; it stands out when the reader is in it. */
export function group(id, names, label = null) {
  const known = names.group(id);
  const mine = known?.members?.includes(names.me);
  const title = known?.members?.map((m) => names.person(m)?.real_name ?? m).join(", ");
  return el("span", { class: mine ? "mention me" : "mention", title }, `@${(known?.handle ?? label ?? id).replace(/^@/, "")}`);
}

/** `@here`, `@channel` and `@everyone`: these ring for many people, and look like it. */
export function ping(range) {
  return el("span", { class: "mention ping", title: "notifies everybody in this channel" }, `@${range}`);
}

function date(content, fallback) {
  const [seconds, format, url] = content.split("^");
  const words = Number.isFinite(Number(seconds)) && format ? slackDate(seconds, unescape(format)) : unescape(fallback ?? "");
  const when = new Date(Number(seconds) * 1000);
  const valid = !Number.isNaN(when.getTime());
  const node = el("time", valid ? { datetime: when.toISOString(), title: fullDate(when) } : {}, words);
  return url ? link(unescape(url), node) : node;
}
