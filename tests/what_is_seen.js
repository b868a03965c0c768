ts => {
  const card = document.querySelector(`#messages li[data-ts="${ts}"]`);
  let room = card.parentElement;
  while (room.scrollHeight <= room.clientHeight) room = room.parentElement;
  card.scrollIntoView({ block: "start" });
  const frame = room.getBoundingClientRect();
  const bottom = Math.min(frame.bottom, window.innerHeight);
  const seen = (node) => {
    if (!node) return null;
    const box = node.getBoundingClientRect();
    const inside = box.top >= frame.top - 1 && box.bottom <= bottom + 1
      && box.left >= -1 && box.right <= window.innerWidth + 1;
    return { words: node.innerText.trim(), inside, bottom: Math.round(box.bottom - frame.top) };
  };
  const all = (query) => [...card.querySelectorAll(query)].map(seen);
  return {
    headline: seen(card.querySelector(".block.header")),
    place: seen(card.querySelector(".block.context")),
    facts: all(".block.rich_text .rt"),
    buttons: all(".block.actions button"),
    room: Math.round(bottom - frame.top),
  };
}
