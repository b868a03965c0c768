// What was typed and not sent yet: this window keeps it through a reload, and while somebody looks elsewhere.

/** What is kept under a name, or null. */
export function recalled(name) {
  try {
    return JSON.parse(sessionStorage.getItem(name));
  } catch {
    return null;
  }
}

/** Keeps a value under a name; forgets the name where the value is empty. */
export function remember(name, value) {
  try {
    if (value) sessionStorage.setItem(name, JSON.stringify(value));
    else sessionStorage.removeItem(name);
  } catch { /* a browser that keeps nothing: the page works without */ }
}

/** Forgets every name that begins so and is not among those that stay. */
export function forgetOthers(beginning, staying) {
  try {
    for (const name of Object.keys(sessionStorage)) if (name.startsWith(beginning) && !staying.includes(name)) sessionStorage.removeItem(name);
  } catch { /* as above */ }
}
