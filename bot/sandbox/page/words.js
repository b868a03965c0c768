// Dates, times and emoji as words and characters.

const MONTHS = ["January", "February", "March", "April", "May", "June", "July", "August", "September", "October",
  "November", "December"];
const DAYS = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];

const EMOJI = {
  white_check_mark: "✅", heavy_check_mark: "✔️", ballot_box_with_check: "☑️", x: "❌", negative_squared_cross_mark: "❎",
  warning: "⚠️", no_entry: "⛔", no_entry_sign: "🚫", octagonal_sign: "🛑", question: "❓", exclamation: "❗",
  information_source: "ℹ️", hourglass: "⌛", hourglass_flowing_sand: "⏳", clock1: "🕐", alarm_clock: "⏰", stopwatch: "⏱️",
  email: "✉️", envelope: "✉️", incoming_envelope: "📨", "e-mail": "📧", mailbox: "📫", outbox_tray: "📤", inbox_tray: "📥",
  moneybag: "💰", dollar: "💵", euro: "💶", credit_card: "💳", receipt: "🧾", bar_chart: "📊", chart_with_upwards_trend: "📈",
  page_facing_up: "📄", clipboard: "📋", memo: "📝", pencil: "📝", pencil2: "✏️", calendar: "📆", date: "📅", pushpin: "📌",
  paperclip: "📎", link: "🔗", lock: "🔒", unlock: "🔓", key: "🔑", mag: "🔍", gear: "⚙️", wrench: "🔧", bell: "🔔", zap: "⚡",
  rocket: "🚀", tada: "🎉", eyes: "👀", wave: "👋", thumbsup: "👍", "+1": "👍", thumbsdown: "👎", "-1": "👎", pray: "🙏",
  point_right: "👉", point_up: "☝️", raised_hand: "✋", bust_in_silhouette: "👤", busts_in_silhouette: "👥", robot_face: "🤖",
  smile: "😄", slightly_smiling_face: "🙂", thinking_face: "🤔", sob: "😭", heart: "❤️", star: "⭐", fire: "🔥", bulb: "💡",
  red_circle: "🔴", large_blue_circle: "🔵", large_green_circle: "🟢", large_yellow_circle: "🟡", large_orange_circle: "🟠",
  white_circle: "⚪", black_circle: "⚫", arrow_right: "➡️", arrow_left: "⬅️", arrow_up: "⬆️", arrow_down: "⬇️",
  arrows_counterclockwise: "🔄", repeat: "🔁", leftwards_arrow_with_hook: "↩️", stop_sign: "🛑", construction: "🚧",
  test_tube: "🧪", package: "📦", wastebasket: "🗑️", speech_balloon: "💬", house: "🏠", checkered_flag: "🏁",
};

/** The character of a shortcode, or the shortcode as it stands. */
export function emoji(name) {
  return EMOJI[name.replace(/::skin-tone-\d$/, "")] || `:${name}:`;
}

/** Replaces known `:shortcodes:` in plain text. */
export function withEmoji(text) {
  return text.replace(/:([a-z0-9_+-]+):/g, (whole, name) => EMOJI[name] || whole);
}

/** Undoes Slack's three entities; the last is `&amp;`, so `&amp;lt;` stays `&lt;`. */
export function unescape(text) {
  return text.replaceAll("&lt;", "<").replaceAll("&gt;", ">").replaceAll("&amp;", "&");
}

/** Slack's three entities for text that a person typed. */
export function escape(text) {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
}

/** The moment of a message timestamp such as "1700000000.000100". */
export function momentOf(ts) {
  return new Date(Number.parseFloat(ts) * 1000);
}

/** Hour and minute in the reader's zone. */
export function clockTime(when, seconds = false) {
  return when.toLocaleTimeString(undefined, { hour: "numeric", minute: "2-digit", second: seconds ? "2-digit" : undefined });
}

function ordinal(n) {
  if (n % 100 >= 11 && n % 100 <= 13) return `${n}th`;
  return `${n}${["th", "st", "nd", "rd"][n % 10] || "th"}`;
}

let ahead = 0;

/** Sets how far the sandbox's clock is ahead of this machine's, in seconds: "today" is a day of that clock. */
export function setAhead(seconds) {
  ahead = seconds;
}

/** The moment by the sandbox's clock. */
function present() {
  return new Date(Date.now() + ahead * 1000);
}

/** The day by the sandbox's clock: what says "today" is drawn again once it is another. */
export function today() {
  return present().toDateString();
}

function near(when) {
  const midnight = (d) => new Date(d.getFullYear(), d.getMonth(), d.getDate()).getTime();
  const days = Math.round((midnight(when) - midnight(present())) / 86_400_000);
  return { 0: "today", 1: "tomorrow", "-1": "yesterday" }[days] || null;
}

/** The line between two days of messages. */
export function dayName(when) {
  const word = near(when);
  const date = `${DAYS[when.getDay()]}, ${when.getDate()} ${MONTHS[when.getMonth()]}`;
  return word ? `${word[0].toUpperCase()}${word.slice(1)}` : date;
}

/** A moment in full, for titles. */
export function fullDate(when) {
  return when.toLocaleString(undefined, { dateStyle: "full", timeStyle: "long" });
}

function ago(when) {
  const minutes = Math.round((when.getTime() - present().getTime()) / 60_000);
  const size = Math.abs(minutes);
  const [n, unit] = size < 60 ? [minutes, "minute"] : size < 1440 ? [Math.round(minutes / 60), "hour"]
    : [Math.round(minutes / 1440), "day"];
  return new Intl.RelativeTimeFormat("en", { numeric: "auto" }).format(n, unit);
}

/** Fills Slack's date tokens (`{date_short_pretty} at {time}` …) in the reader's zone. */
export function slackDate(seconds, format) {
  const d = new Date(Number(seconds) * 1000);
  const month = MONTHS[d.getMonth()];
  const long = `${month} ${ordinal(d.getDate())}, ${d.getFullYear()}`;
  const short = `${month.slice(0, 3)} ${d.getDate()}, ${d.getFullYear()}`;
  const two = (n) => String(n).padStart(2, "0");
  const tokens = {
    date_num: `${d.getFullYear()}-${two(d.getMonth() + 1)}-${two(d.getDate())}`,
    date_slash: `${two(d.getMonth() + 1)}/${two(d.getDate())}/${d.getFullYear()}`,
    date: long,
    date_short: short,
    date_long: `${DAYS[d.getDay()]}, ${long}`,
    date_pretty: near(d) || long,
    date_short_pretty: near(d) || short,
    date_long_pretty: near(d) || `${DAYS[d.getDay()]}, ${long}`,
    day_divider_pretty: near(d) || `${DAYS[d.getDay()]}, ${month} ${ordinal(d.getDate())}`,
    time: clockTime(d),
    time_secs: clockTime(d, true),
    ago: ago(d),
  };
  return format.replace(/\{([a-z_]+)\}/g, (whole, name) => tokens[name] ?? whole);
}
