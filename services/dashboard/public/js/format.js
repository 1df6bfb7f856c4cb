/** Text for people. Money comes as decimal text and stays text: `Intl.NumberFormat` reads it exactly. */

export const NONE = '–';

const DECIMAL = /^-?\d+(\.\d+)?$/;
const money = new Intl.NumberFormat('en-US', { minimumFractionDigits: 2, maximumFractionDigits: 2 });
const price = new Intl.NumberFormat('en-US', { minimumFractionDigits: 2, maximumFractionDigits: 4 });
const shares = new Intl.NumberFormat('en-US', { maximumFractionDigits: 6 });
const whole = new Intl.NumberFormat('en-US', { maximumFractionDigits: 0 });
const oneDigit = new Intl.NumberFormat('en-US', { maximumFractionDigits: 1 });
const minus = (text) => text.replace('-', '−');

const decimal = (format) => (value) => {
  const text = typeof value === 'number' ? String(value) : value;
  return typeof text === 'string' && DECIMAL.test(text) ? minus(format.format(text)) : NONE;
};

/** "1234.5" → "1,234.50" */
export const asMoney = decimal(money);
/** "167.4101" → "167.4101" */
export const asPrice = decimal(price);
/** "5.000" → "5" */
export const asShares = decimal(shares);

/** With its sign always shown, as profit and loss is read. */
export function asProfit(value) {
  const text = asMoney(value);
  return text === NONE || text.startsWith('−') || /^0\.00$/.test(text) ? text.replace(/^−(0\.00)$/, '$1') : `+${text}`;
}

/** 'up', 'down' or '' by the sign of decimal text. */
export function toneOf(value) {
  if (typeof value !== 'string' || !DECIMAL.test(value) || /^-?0*(\.0*)?$/.test(value)) return '';
  return value.startsWith('-') ? 'down' : 'up';
}

/** 12345.6 → "12,346"; below ten with one digit. */
export function asRate(value) {
  if (typeof value !== 'number' || !Number.isFinite(value)) return NONE;
  return (value < 10 ? oneDigit : whole).format(value);
}

/** Milliseconds as people say them. */
export function asDuration(ms) {
  if (typeof ms !== 'number' || !Number.isFinite(ms)) return NONE;
  if (ms < 10) return `${oneDigit.format(ms)} ms`;
  if (ms < 1_000) return `${whole.format(ms)} ms`;
  if (ms < 120_000) return `${oneDigit.format(ms / 1_000)} s`;
  if (ms < 7_200_000) return `${whole.format(ms / 60_000)} min`;
  return `${oneDigit.format(ms / 3_600_000)} h`;
}

const clock = new Intl.DateTimeFormat('en-GB', {
  timeZone: 'America/New_York',
  hour: '2-digit',
  minute: '2-digit',
  second: '2-digit',
});

/** The time of day in New York, where the market is; NONE for what is no time. */
export function asTime(value) {
  const at = typeof value === 'string' || typeof value === 'number' ? new Date(value) : undefined;
  return at === undefined || Number.isNaN(at.getTime()) ? NONE : clock.format(at);
}

const day = new Intl.DateTimeFormat('en-GB', { timeZone: 'America/New_York', day: 'numeric', month: 'short' });

/** The time of day, with the date where it is not of the last twenty hours. */
export function asMoment(value, now = Date.now()) {
  const time = asTime(value);
  if (time === NONE) return time;
  const at = new Date(value).getTime();
  return now - at < 72_000_000 ? time : `${day.format(at)} ${time}`;
}
