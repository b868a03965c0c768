// What the page asks of the server.

const WORDS = {
  operation_timeout: "The bot did not answer within 3 seconds (operation_timeout). It may still be working: look before you try again.",
  dispatch_failed: "The bot could not be reached (dispatch_failed). Is it running?",
  expired_trigger_id: "That took too long to open (expired_trigger_id). Please try again.",
  not_on_screen: "This was closed, used or changed in the meantime, perhaps in another window. Nothing was done. Look at what is here now.",
  not_in_channel: "You are not a member of that channel (not_in_channel).",
};

/** Words for an error code; an unknown code stands for itself. */
export function errorWords(code) {
  return WORDS[code] ?? `Slack answered: ${code}`;
}

/** What the server answers, or null when it could not be asked or refused. */
async function answerOf(path, options) {
  try {
    const answer = await fetch(path, options);
    return answer.ok ? await answer.json() : null;
  } catch {
    return null;
  }
}

/** The state as one person sees it, or null when it could not be read. */
export function readState(person) {
  return answerOf(`/sandbox/state?as=${encodeURIComponent(person)}`, { cache: "no-store" });
}

/** Does something as a person; always resolves to `{ok, error, errors}`. */
export async function send(body) {
  try {
    const answer = await fetch("/sandbox/act", {
      method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body),
    });
    const data = await answer.json().catch(() => ({}));
    if (!answer.ok && !data.error) return { ok: false, error: `HTTP ${answer.status}`, errors: {} };
    return { ok: Boolean(data.ok), error: data.error ?? null, errors: data.errors ?? {} };
  } catch {
    return { ok: false, error: "the sandbox does not answer", errors: {} };
  }
}

/** Adds a file of the person's own for a form; null when it could not be taken. */
export function addFile(person, file) {
  const where = `/sandbox/add-file?as=${encodeURIComponent(person)}&name=${encodeURIComponent(file.name)}`;
  return answerOf(where, { method: "POST", headers: { "Content-Type": "application/octet-stream" }, body: file });
}

/** What the panel shows, or null when it could not be read. */
export function readPanel() {
  return answerOf("/sandbox/panel", { cache: "no-store" });
}

/** A run or a document of the local Zuora, or null when it has none of that number. */
export function readRecord(number) {
  return answerOf(`/sandbox/panel/records/${encodeURIComponent(number)}`, { cache: "no-store" });
}

/** Switches something in the panel; resolves to whether it was done. */
export async function switchPanel(body) {
  try {
    const answer = await fetch("/sandbox/panel", {
      method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body),
    });
    return answer.ok;
  } catch {
    return false;
  }
}

/** Listens to every change a person can see; returns what ends it. */
export function listen(person, { changed, lost, found }) {
  const source = new EventSource(`/sandbox/events?as=${encodeURIComponent(person)}`);
  source.addEventListener("open", found);
  source.addEventListener("message", changed);
  source.addEventListener("error", lost);
  return () => source.close();
}
