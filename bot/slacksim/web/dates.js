// dates.js: times as people read them, in the persona's own time zone.

const DAY = 86400;

// parts splits a moment into calendar fields of a time zone.
function parts(unix, zone) {
  const format = new Intl.DateTimeFormat('en-US', {
    timeZone: zone, weekday: 'long', year: 'numeric', month: 'long', day: 'numeric',
    hour: 'numeric', minute: '2-digit', second: '2-digit',
  });
  return Object.fromEntries(format.formatToParts(new Date(unix * 1000)).map((part) => [part.type, part.value]));
}

function ordinal(day) {
  const tens = day % 100;
  if (tens >= 11 && tens <= 13) return `${day}th`;
  return `${day}${['th', 'st', 'nd', 'rd'][day % 10] ?? 'th'}`;
}

function isoDay(unix, zone) {
  return new Intl.DateTimeFormat('en-CA', { timeZone: zone, dateStyle: 'short' }).format(new Date(unix * 1000));
}

// relativeDay says today, yesterday or tomorrow, or nothing.
function relativeDay(unix, { now, zone }) {
  const day = isoDay(unix, zone);
  if (day === isoDay(now, zone)) return 'today';
  if (day === isoDay(now - DAY, zone)) return 'yesterday';
  if (day === isoDay(now + DAY, zone)) return 'tomorrow';
  return undefined;
}

function ago(seconds) {
  const units = [['year', 365 * DAY], ['month', 30 * DAY], ['day', DAY], ['hour', 3600], ['minute', 60], ['second', 1]];
  const [unit, size] = units.find(([, length]) => Math.abs(seconds) >= length) ?? ['second', 1];
  return new Intl.RelativeTimeFormat('en-US').format(-Math.trunc(seconds / size), unit);
}

// formatDate fills the tokens of Slack's <!date> format. `clock` is {now, zone}.
export function formatDate(unix, template, clock) {
  const p = parts(unix, clock.zone);
  const dates = {
    date: `${p.month} ${ordinal(Number(p.day))}, ${p.year}`,
    date_short: `${p.month.slice(0, 3)} ${p.day}, ${p.year}`,
    date_long: `${p.weekday}, ${p.month} ${ordinal(Number(p.day))}, ${p.year}`,
  };
  const relative = relativeDay(unix, clock);
  const tokens = {
    ...dates,
    date_num: isoDay(unix, clock.zone),
    date_pretty: relative ?? dates.date,
    date_short_pretty: relative ?? dates.date_short,
    date_long_pretty: relative ?? dates.date_long,
    day_divider_pretty: relative ?? dates.date_long,
    time: `${p.hour}:${p.minute} ${p.dayPeriod}`,
    time_secs: `${p.hour}:${p.minute}:${p.second} ${p.dayPeriod}`,
    ago: ago(clock.now - unix),
  };
  return template.replace(/\{([a-z_]+)\}/g, (token, name) => (Object.hasOwn(tokens, name) ? tokens[name] : token));
}

// timeOf is the short time beside a message.
export function timeOf(unix, clock) {
  return formatDate(unix, '{time}', clock);
}

// dayOf is the text of the divider above the first message of a day.
export function dayOf(unix, clock) {
  const text = formatDate(unix, '{day_divider_pretty}', clock);
  return text[0].toUpperCase() + text.slice(1);
}

// validZone gives the zone back when the browser knows it.
export function validZone(zone) {
  try {
    return new Intl.DateTimeFormat('en-US', { timeZone: zone || undefined }).resolvedOptions().timeZone;
  } catch {
    return 'UTC';
  }
}
