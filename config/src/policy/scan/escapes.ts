import { transform, type ScanNode } from './node.ts';

/** Bounded everywhere, so that a megabyte of backslashes costs no more than a megabyte of text. */
const ESCAPE = new RegExp(
  [
    String.raw`\\{1,8}u\{([0-9a-f]{1,6})\}`,
    String.raw`\\{1,8}u([0-9a-f]{4})`,
    String.raw`\\{1,8}U([0-9a-f]{8})`,
    String.raw`\\{1,8}x([0-9a-f]{2})`,
    String.raw`%u([0-9a-f]{4})`,
    String.raw`%(?:25){0,4}([0-9a-f]{2})`,
    String.raw`&#x([0-9a-f]{1,6});?`,
    String.raw`&#([0-9]{1,7});?`,
    String.raw`\\{1,8}([0-3][0-7]{2})`,
    String.raw`\\{1,8}[nrtfvb]`,
    String.raw`\\{1,8}\/`,
  ].join('|'),
  'gi',
);
const DECIMAL_GROUP = 8;
const OCTAL_GROUP = 9;

/** Undoes the escapes of JSON, YAML, TOML, C, shells, URLs and HTML, all at once. */
export function unescapeText(node: ScanNode): ScanNode | undefined {
  return transform(node, 'escapes', ESCAPE, (match) => {
    const group = match.findIndex((text, i) => i > 0 && text !== undefined);
    if (group < 0) return match[0].endsWith('/') ? '/' : ' ';
    const base = group === DECIMAL_GROUP ? 10 : group === OCTAL_GROUP ? 8 : 16;
    const code = Number.parseInt(match[group] ?? '', base);
    return code <= 0x10ffff ? String.fromCodePoint(code) : ' ';
  });
}

/** Quoted-printable, where a text has enough of it to be meant. */
export function unquotePrintable(node: ScanNode): ScanNode | undefined {
  if ((node.text.match(/=[0-9A-F]{2}/g)?.length ?? 0) < 10) return undefined;
  return transform(node, 'quoted-printable', /=([0-9A-F]{2})|=\r?\n/g, (match) =>
    match[1] === undefined ? '' : String.fromCodePoint(Number.parseInt(match[1], 16)),
  );
}
