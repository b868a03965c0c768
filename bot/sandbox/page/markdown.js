// The markdown block: the parts of standard Markdown that Slack shows.

import { el, link } from "./dom.js";
import { withEmoji } from "./words.js";

const INLINE = /`([^`]+)`|\*\*([^*]+(?:\*[^*]+)*?)\*\*|__([^_]+)__|~~([^~]+)~~|\*([^*\s][^*]*)\*|\b_([^_\s][^_]*)_\b|!?\[([^\]]*)\]\(([^)\s]+)\)/;
const KINDS = [
  { name: "fence", start: /^```/ },
  { name: "heading", start: /^(#{1,6})\s+(.*)$/ },
  { name: "rule", start: /^(?:-{3,}|\*{3,}|_{3,})\s*$/ },
  { name: "quote", start: /^>\s?/ },
  { name: "list", start: /^\s*(?:[-*+]|\d+[.)])\s+/ },
  { name: "table", start: /^\s*\|.*\|\s*$/ },
];

/** Nodes of a Markdown text. */
export function markdown(text) {
  const lines = String(text ?? "").split("\n");
  const nodes = [];
  while (lines.length) {
    if (!lines[0].trim()) { lines.shift(); continue; }
    const kind = kindOf(lines[0]);
    nodes.push(BUILD[kind](lines));
  }
  return nodes;
}

function kindOf(line) {
  return KINDS.find((kind) => kind.start.test(line))?.name ?? "paragraph";
}

function takeWhile(lines, test) {
  const taken = [];
  while (lines.length && test(lines[0])) taken.push(lines.shift());
  return taken;
}

const BUILD = {
  fence(lines) {
    lines.shift();
    const code = takeWhile(lines, (line) => !/^```/.test(line));
    lines.shift();
    return el("pre", {}, el("code", {}, code.join("\n")));
  },
  heading(lines) {
    const [, marks, text] = lines.shift().match(/^(#{1,6})\s+(.*)$/);
    return el(`h${Math.min(6, marks.length + 2)}`, {}, spans(text));
  },
  rule(lines) {
    lines.shift();
    return el("hr");
  },
  quote(lines) {
    const quoted = takeWhile(lines, (line) => /^>/.test(line)).map((line) => line.replace(/^>\s?/, ""));
    return el("blockquote", {}, broken(quoted));
  },
  list(lines) {
    const items = takeWhile(lines, (line) => kindOf(line) === "list");
    const ordered = /^\s*\d/.test(items[0]);
    return el(ordered ? "ol" : "ul", {}, items.map((item) => {
      const depth = Math.min(8, Math.floor(item.match(/^\s*/)[0].length / 2));
      const words = item.replace(/^\s*(?:[-*+]|\d+[.)])\s+/, "").replace(/^\[ \]/, "☐").replace(/^\[x\]/i, "☑");
      return el("li", { class: `indent-${depth}` }, spans(words));
    }));
  },
  table(lines) {
    const rows = takeWhile(lines, (line) => kindOf(line) === "table").filter((line) => !/^[\s|:-]+$/.test(line))
      .map((line) => line.trim().slice(1, -1).split("|").map((cell) => cell.trim()));
    const [head, ...rest] = rows;
    return el("div", { class: "table", role: "region", "aria-label": "Table", tabindex: "0" }, el("table", {},
      el("thead", {}, el("tr", {}, (head ?? []).map((c) => el("th", { scope: "col" }, spans(c))))),
      el("tbody", {}, rest.map((row) => el("tr", {}, row.map((c) => el("td", {}, spans(c))))))));
  },
  paragraph(lines) {
    const first = lines.shift();
    return el("p", {}, broken([first, ...takeWhile(lines, (line) => line.trim() && kindOf(line) === "paragraph")]));
  },
};

function broken(lines) {
  return lines.map((line, i) => [i ? el("br") : null, spans(line)]);
}

function spans(text) {
  const nodes = [];
  let rest = text;
  for (let hit = rest.match(INLINE); hit; hit = rest.match(INLINE)) {
    nodes.push(withEmoji(rest.slice(0, hit.index)));
    const [whole, code, bold, bold2, strike, italic, italic2, label, url] = hit;
    if (code) nodes.push(el("code", {}, code));
    else if (bold || bold2) nodes.push(el("strong", {}, spans(bold || bold2)));
    else if (strike) nodes.push(el("s", {}, spans(strike)));
    else if (italic || italic2) nodes.push(el("em", {}, spans(italic || italic2)));
    else nodes.push(link(url, label || url));
    rest = rest.slice(hit.index + whole.length);
  }
  nodes.push(withEmoji(rest));
  return nodes;
}
