// table and data_table blocks.

import { el, fill } from "./dom.js";
import { richText } from "./richtext.js";

/** A table block: the first row names the columns. */
export function table(block, names) {
  const [head, ...rows] = block.rows ?? [];
  const look = (i) => settings(block.column_settings?.[i]);
  return frame("Table", el("table", {}, header(head, names, look), body(rows, names, look, -1)));
}

/** A data_table block: a caption, and pages when it has more rows than one page shows. */
export function dataTable(block, names) {
  const [head, ...rows] = block.rows ?? [];
  const size = block.page_size ?? 5;
  const pages = Math.max(1, Math.ceil(rows.length / size));
  const look = (i) => (rows.length && rows.every((row) => numeric(row[i])) ? "right" : "");
  const holder = el("div");
  const label = el("span", { class: "quiet" });
  let page = 0;
  const show = (step) => {
    page = Math.min(pages - 1, Math.max(0, page + step));
    const part = rows.slice(page * size, (page + 1) * size);
    fill(holder, frame(block.caption ?? "Table", el("table", {}, el("caption", {}, block.caption ?? ""),
      header(head, names, look), body(part, names, look, block.row_header_column_index ?? -1))));
    label.textContent = `Page ${page + 1} of ${pages}, ${rows.length} rows`;
    back.disabled = page === 0;
    next.disabled = page === pages - 1;
  };
  const back = el("button", { type: "button", class: "plain small", onclick: () => show(-1) }, "Previous");
  const next = el("button", { type: "button", class: "plain small", onclick: () => show(1) }, "Next");
  show(0);
  return el("div", {}, holder, pages > 1 ? el("div", { class: "pager" }, back, next, label) : null);
}

function frame(name, node) {
  return el("div", { class: "table", role: "region", "aria-label": name, tabindex: "0" }, node);
}

function settings(setting) {
  return [setting?.align === "right" ? "right" : setting?.align === "center" ? "middle" : "",
    setting?.is_wrapped ? "wrapped" : ""].join(" ").trim();
}

function header(row, names, look) {
  return el("thead", {}, el("tr", {}, (row ?? []).map((c, i) => el("th", { scope: "col", class: look(i) }, cell(c, names)))));
}

function body(rows, names, look, headerColumn) {
  return el("tbody", {}, rows.map((row) => el("tr", {}, row.map((c, i) => (
    i === headerColumn ? el("th", { scope: "row", class: look(i) }, cell(c, names)) : el("td", { class: look(i) }, cell(c, names))
  )))));
}

function numeric(c) {
  return c?.type === "raw_number";
}

function cell(content, names) {
  if (content === null || content === undefined) return null;
  if (content.type === "raw_text") return content.text;
  if (content.type === "raw_number") return content.text ?? String(content.value ?? content.number ?? "");
  if (content.type === "rich_text") return richText(content, names);
  return el("span", { class: "unsupported" }, `unsupported block: ${content.type}`);
}
