import { transform, type ScanNode } from './node.ts';

/** Letters of other scripts that look like the Latin ones of a key. NFKD has already dealt with styled letters. */
const LOOK_ALIKES: ReadonlyMap<string, string> = new Map(
  [
    ['A', 'АΑᎪꓮ𐊠Ꭺ'],
    ['B', 'ВΒᏴꓐ'],
    ['C', 'СϹᏟꓚⅭ'],
    ['D', 'ᎠꓓⅮ'],
    ['E', 'ЕΕᎬꓰ'],
    ['F', 'Ϝꓝ'],
    ['G', 'ԌᏀꓖ'],
    ['H', 'НΗᎻꓧ'],
    ['I', 'ІΙӀꓲ'],
    ['J', 'ЈͿᎫꓙ'],
    ['K', 'КΚᏦꓗ\u212a'],
    ['L', 'ᏞꓡⅬ'],
    ['M', 'МΜᎷꓟϺ'],
    ['N', 'Νꓠ'],
    ['O', 'ОΟՕꓳ'],
    ['P', 'РΡᏢꓑ'],
    ['Q', 'Ԛ'],
    ['R', 'ᎡᏒꓣ'],
    ['S', 'ЅՏᏚꓢ'],
    ['T', 'ТΤᎢꓔ'],
    ['U', 'Սꓴ'],
    ['V', 'ѴᏙꓦ'],
    ['W', 'ԜᎳꓪ'],
    ['X', 'ХΧꓫ'],
    ['Y', 'ҮΥꓬ'],
    ['Z', 'ΖᏃꓜ'],
  ].flatMap(([latin = '', others = '']) => Array.from(others, (other): [string, string] => [other, latin])),
);

/** Everything outside plain ASCII text, and terminal colours. */
// oxlint-disable-next-line no-control-regex -- control characters are what is looked for
const STRANGE = /\u001b\[[0-9;]{0,20}[A-Za-z]|[^\x09\x0a\x0d\x20-\x7e]+/g;
const INVISIBLE = /[\p{M}\p{Cc}\p{Cf}\p{Default_Ignorable_Code_Point}\u2800]/gu;

/** The text as a reader sees it: no invisible characters, look-alikes and styled letters in plain ASCII. */
export function fold(node: ScanNode): ScanNode | undefined {
  return transform(node, 'look-alike or invisible characters', STRANGE, ([text]) => {
    if (text.startsWith('\u001b[')) return '';
    const visible = Array.from(text.normalize('NFKD').replace(INVISIBLE, ''));
    return visible.map((character) => LOOK_ALIKES.get(character) ?? (/\s/.test(character) ? ' ' : character)).join('');
  });
}
