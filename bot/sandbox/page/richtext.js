// rich_text blocks, and the same elements inside table cells.

import { el, link, safeUrl } from "./dom.js";
import { channel, group, person, ping } from "./mrkdwn.js";
import { emoji, slackDate } from "./words.js";

/** Nodes of a rich_text block. */
export function richText(block, names) {
  return (block.elements ?? []).map((part) => section(part, names));
}

function section(part, names) {
  switch (part.type) {
    case "rich_text_section": return el("div", { class: "rt" }, leaves(part, names));
    case "rich_text_quote": return el("blockquote", {}, leaves(part, names));
    case "rich_text_preformatted": return el("pre", {}, el("code", {}, leaves(part, names)));
    case "rich_text_list": return list(part, names);
    default: return el("p", { class: "unsupported" }, `unsupported block: rich_text / ${part.type}`);
  }
}

function list(part, names) {
  const ordered = part.style === "ordered";
  const props = { class: `rt-list indent-${Math.min(part.indent ?? 0, 8)}` };
  if (ordered && part.offset) props.start = part.offset + 1;
  return el(ordered ? "ol" : "ul", props, (part.elements ?? []).map((item) => el("li", {}, leaves(item, names))));
}

function leaves(part, names) {
  return (part.elements ?? []).map((leaf) => styled(leaf, names));
}

function styled(leaf, names) {
  let node = leafNode(leaf, names);
  const style = leaf.style ?? {};
  if (style.code) node = el("code", {}, node);
  if (style.bold) node = el("strong", {}, node);
  if (style.italic) node = el("em", {}, node);
  if (style.strike) node = el("s", {}, node);
  if (style.underline) node = el("u", {}, node);
  return node;
}

function leafNode(leaf, names) {
  switch (leaf.type) {
    case "text": return el("span", { class: "pre" }, leaf.text);
    case "link": return link(leaf.url, leaf.text || leaf.url);
    case "emoji": return document.createTextNode(fromUnicode(leaf.unicode) ?? emoji(leaf.name));
    case "user": return person(leaf.user_id, names);
    case "usergroup": return group(leaf.usergroup_id, names);
    case "channel": return channel(leaf.channel_id, names);
    case "broadcast": return ping(leaf.range);
    case "date": return dated(leaf);
    case "color": return el("code", {}, leaf.value);
    case "team": return document.createTextNode(leaf.team_id);
    default: return el("span", { class: "unsupported" }, `unsupported block: rich_text / ${leaf.type}`);
  }
}

function fromUnicode(codes) {
  if (!codes || !/^[0-9a-f]+(-[0-9a-f]+)*$/i.test(codes)) return null;
  return String.fromCodePoint(...codes.split("-").map((code) => Number.parseInt(code, 16)));
}

function dated(leaf) {
  const node = el("time", { title: leaf.fallback }, slackDate(leaf.timestamp, leaf.format ?? "{date_long} {time}"));
  return safeUrl(leaf.url) ? link(leaf.url, node) : node;
}
