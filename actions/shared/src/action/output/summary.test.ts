import { describe, expect, test } from '@jest/globals';
import { Summary } from './summary.ts';

const summary = (): Summary => new Summary((text) => text.replaceAll('hunter22', '[redacted]'));

describe('the summary', () => {
  test('shows tables with any text in them as that text', () => {
    const text = summary()
      .table(
        ['rule', 'found'],
        [
          ['key-live', 'a|b'],
          [{ code: 'x|`y`' }, '<img src=x onerror=alert(1)>'],
          ['two\nlines', '[link](https://evil.example) **bold** _it_ $x$'],
          [1.5],
        ],
      )
      .toString();
    expect(text).toBe(
      [
        '| rule | found |',
        '| --- | --- |',
        '| key-live | a\\|b |',
        '| <code>x\\|\\`y\\`</code> | &lt;img src=x onerror=alert\\(1\\)&gt; |',
        '| two<br>lines | \\[link\\]\\(https://evil.example\\) \\*\\*bold\\*\\* \\_it\\_ \\$x\\$ |',
        '| 1.5 |  |',
        '\n',
      ].join('\n'),
    );
  });

  test('links to web pages only, and out of no link into markup', () => {
    const text = summary()
      .text({ text: 'run [1]', link: 'https://github.com/a b>c' }, ' ', { text: 'x', link: 'javascript:alert(1)' })
      .toString();
    expect(text).toBe('[run \\[1\\]](<https://github.com/a%20b%3Ec>) x\n\n');
  });

  test('fences code with more backticks than are in it', () => {
    expect(summary().code('a\n````\nb\n', 'ts; rm').toString()).toBe('`````tsrm\na\n````\nb\n`````\n\n');
  });

  test.each(['# no heading', '- no list', '1. no list', '> no quote', '=== no line', '@someone'])(
    'shows %j at the beginning of a line as it is',
    (text) => {
      const shown = summary().text(text).toString();
      expect(shown).not.toMatch(/^(?:#|-|=|>|\d+\. )|@\w/);
    },
  );

  test('says the verdict, lists and folds', () => {
    const text = summary()
      .heading('Staging', 2)
      .verdict('block', 'no')
      .list(['a', { bold: 'b' }])
      .details('more', (inner) => inner.text('inside'))
      .toString();
    expect(text).toContain('## Staging\n\n⛔ **block** – no\n\n- a\n- **b**\n\n');
    expect(text).toContain('<details><summary>more</summary>\n\ninside\n\n\n</details>');
  });

  test('holds no secret, wherever it was handed in', () => {
    const secret = 'hunter22';
    const text = summary()
      .heading(secret)
      .verdict('pass', secret)
      .text(secret, { code: secret }, { bold: secret }, { text: secret, link: `https://x/${secret}` })
      .table(['a'], [[secret], [{ code: secret }]])
      .list([secret])
      .code(secret)
      .details(secret, (inner) => inner.text(secret).code(secret))
      .toString();
    expect(text).not.toContain(secret);
  });

  test('stays below what GitHub takes, and says so', () => {
    const long = summary();
    for (let i = 0; i < 30; i++) long.code('x'.repeat(50_000));
    const text = long.toString();
    expect(Buffer.byteLength(text)).toBeLessThan(1024 * 1024);
    expect(text).toMatch(/too long for a summary; the log has it\._\n$/);
    expect(text.match(/```/g)?.length).toBe(38);
  });
});
