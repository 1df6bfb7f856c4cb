import { transform, type ScanNode } from './node.ts';

/** Bytes, one after another: together they may be UTF-8. A percent sign may itself be encoded, up to four times. */
const PERCENT = String.raw`(?:%(?:25){0,4}[0-9a-f]{2})+`;
const HEX_BYTES = String.raw`(?:\\{1,8}x[0-9a-f]{2})+`;
const OCTAL_BYTES = String.raw`(?:\\{1,8}[0-3][0-7]{2})+`;
/** Bounded everywhere, so that a megabyte of backslashes costs no more than a megabyte of text. */
const ESCAPE = new RegExp(
  [
    `(?<percent>${PERCENT})`,
    `(?<hex>${HEX_BYTES})`,
    `(?<octal>${OCTAL_BYTES})`,
    String.raw`\\{1,8}u\{(?<braced>[0-9a-f]{1,6})\}`,
    String.raw`(?:\\{1,8}|%)u(?<four>[0-9a-f]{4})`,
    String.raw`\\{1,8}U(?<eight>[0-9a-f]{8})`,
    String.raw`&#x(?<entity>[0-9a-f]{1,6});?`,
    String.raw`&#(?<decimal>[0-9]{1,7});?`,
    String.raw`\\{1,8}(?<sign>[nrtfvb/"'])`,
  ].join('|'),
  'gi',
);

/** Undoes the escapes of JSON, YAML, TOML, C, shells, URLs and HTML, all at once. */
export function unescapeText(node: ScanNode): ScanNode | undefined {
  return transform(node, 'escapes', ESCAPE, ({ groups = {} }) => {
    const { percent, hex, octal, decimal, sign } = groups;
    if (sign !== undefined) return /[a-z]/i.test(sign) ? ' ' : sign;
    if (octal !== undefined) return fromBytes(octal.match(/[0-7]{3}/g), 8);
    const bytes = percent?.replace(/%(?:25)+(?=[0-9a-f]{2})/gi, '%') ?? hex;
    if (bytes !== undefined) return fromBytes(bytes.match(/[0-9a-f]{2}/gi), 16);
    const code = Number.parseInt(groups['braced'] ?? groups['four'] ?? groups['eight'] ?? groups['entity'] ?? '', 16);
    return fromCode(decimal === undefined ? code : Number(decimal));
  });
}

const fromCode = (code: number): string => (code <= 0x10ffff ? String.fromCodePoint(code) : ' ');

const fromBytes = (written: readonly string[] | null, base: number): string =>
  Buffer.from((written ?? []).map((byte) => Number.parseInt(byte, base))).toString('utf8');

/** Quoted-printable, where a text has enough of it to be meant. */
export function unquotePrintable(node: ScanNode): ScanNode | undefined {
  if ((node.text.match(/=[0-9A-F]{2}/g)?.length ?? 0) < 10) return undefined;
  return transform(node, 'quoted-printable', /(?:=[0-9A-F]{2})+|=\r?\n/g, ([text]) =>
    /^=\r?\n$/.test(text) ? '' : fromBytes(text.match(/[0-9A-F]{2}/g), 16),
  );
}
