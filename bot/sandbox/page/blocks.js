// Block Kit blocks as DOM nodes.

import { el, freshId, link } from "./dom.js";
import { elementNode, imageNode, isGroup } from "./elements.js";
import { blockIdOf } from "./forms.js";
import { markdown } from "./markdown.js";
import { mrkdwn, plain, textOf } from "./mrkdwn.js";
import { richText } from "./richtext.js";
import { dataTable, table } from "./tables.js";

/**
 * Nodes of a list of blocks.
 *
 * @param {object[]} blocks
 * @param {{names, values, act, errors?: object, files?: object[]}} surface
 */
export function blockNodes(blocks, surface) {
  return (blocks ?? []).map((block, i) => {
    const maker = Object.hasOwn(MAKERS, block.type) ? MAKERS[block.type] : unsupported;
    return el("div", { class: `block ${block.type}`, data: { block: block.type } }, maker(block, { ...surface, blockId: blockIdOf(block, i) }));
  });
}

const MAKERS = {
  header: (block) => el("h3", {}, plain(block.text)),
  section,
  divider: () => el("hr"),
  context: (block, spot) => (block.elements ?? []).map((part) => (
    part.type === "image" ? imageNode(part, "icon") : el("span", {}, textOf(part, spot.names)))),
  actions: (block, spot) => (block.elements ?? []).map((part) => elementNode(part, { ...spot, dispatch: true })),
  input,
  image: (block, spot) => el("figure", {}, block.title ? el("figcaption", {}, textOf(block.title, spot.names)) : null, imageNode(block, "wide")),
  rich_text: (block, spot) => richText(block, spot.names),
  table: (block, spot) => table(block, spot.names),
  data_table: (block, spot) => dataTable(block, spot.names),
  markdown: (block) => markdown(block.text),
  file,
};

function unsupported(block) {
  return el("p", { class: "unsupported" }, `unsupported block: ${block.type}`);
}

function section(block, spot) {
  const text = block.text ? el("div", { class: "section-text" }, textOf(block.text, spot.names)) : null;
  const fields = block.fields?.length
    ? el("div", { class: "fields" }, block.fields.map((field) => el("div", { class: "field" }, textOf(field, spot.names)))) : null;
  const words = el("div", { class: "section-words" }, text, fields);
  return block.accessory
    ? el("div", { class: "with-accessory" }, words, el("div", { class: "accessory" }, elementNode(block.accessory, { ...spot, dispatch: true })))
    : words;
}

function input(block, spot) {
  const error = spot.errors?.[spot.blockId];
  const inputId = freshId("input");
  const labelId = freshId("label");
  const noteId = freshId("note");
  const group = isGroup(block.element);
  const note = el("div", { id: noteId }, error ? el("p", { class: "error", role: "alert", data: { error: spot.blockId } }, error) : null,
    block.hint ? el("p", { class: "hint" }, textOf(block.hint, spot.names)) : null);
  const words = [plain(block.label), block.optional ? el("span", { class: "optional" }, " (optional)") : null];
  const label = group ? el("div", { id: labelId, class: "label" }, words) : el("label", { id: labelId, class: "label", for: inputId }, words);
  const node = elementNode(block.element, { ...spot, dispatch: Boolean(block.dispatch_action), inputId: group ? null : inputId,
    labelledBy: labelId, describedBy: error || block.hint ? noteId : null, invalid: Boolean(error) });
  return el("div", { class: error ? "field-line wrong" : "field-line" }, label, node, note);
}

function file(block, spot) {
  const known = (spot.files ?? []).find((f) => f.id === block.external_id || f.external_id === block.external_id);
  return known ? fileNode(known) : el("p", { class: "quiet" }, `file: ${block.external_id ?? ""}`);
}

/** An uploaded file: a picture with its words, or a line with its name. */
export function fileNode(stored) {
  const name = stored.title || stored.name || stored.id;
  if (stored.mimetype?.startsWith("image/")) {
    return el("figure", { data: { file: stored.id } }, el("figcaption", {}, link(stored.url, name)),
      imageNode({ image_url: stored.url, alt_text: stored.alt || name }, "wide"));
  }
  return el("p", { class: "file-line", data: { file: stored.id } }, link(stored.url, name),
    el("span", { class: "quiet" }, [stored.name !== name ? stored.name : null, stored.mimetype].filter(Boolean).join(" · ")));
}

/** A message's body: its blocks, or its text when it has none. */
export function bodyNodes(message, surface) {
  if (message.blocks?.length) return blockNodes(message.blocks, { ...surface, files: message.files });
  return message.text ? [el("div", { class: "block section" }, mrkdwn(message.text, surface.names))] : [];
}
