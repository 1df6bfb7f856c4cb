import { Readable } from 'node:stream';
import fc from 'fast-check';
import { expect, test } from '@jest/globals';
import { ByteReader } from './byte-reader.ts';

/** The same bytes in chunks of any sizes. */
function inChunks(bytes: Buffer, sizes: readonly number[]): Readable {
  const chunks: Buffer[] = [];
  for (let at = 0, turn = 0; at < bytes.length; turn += 1) {
    const size = sizes[turn % sizes.length] ?? 1;
    chunks.push(bytes.subarray(at, at + size));
    at += size;
  }
  return Readable.from(chunks);
}

test('lines, counted bytes and rows come out as they went in, however the stream is cut', async () => {
  const part = fc.uint8Array({ maxLength: 40 }).map((bytes) => Buffer.from(bytes));
  const row = fc.string({ unit: fc.constantFrom('a', '\\', '.', '\t', 'ü'), maxLength: 6 });
  await fc.assert(
    fc.asyncProperty(
      part,
      fc.array(
        row.filter((text) => text !== '\\.'),
        { maxLength: 8 },
      ),
      fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1, maxLength: 5 }),
      async (bytes, rows, sizes) => {
        const data = rows.map((text) => `${text}\n`).join('');
        const whole = Buffer.concat([Buffer.from(`head ${bytes.length}\n`), bytes, Buffer.from(`\n${data}\\.\nend\n`)]);
        const reader = new ByteReader(inChunks(whole, sizes));
        expect(await reader.line()).toBe(`head ${bytes.length}`);
        expect(await reader.exactly(bytes.length)).toEqual(bytes);
        expect(await reader.line()).toBe('');
        const got: Buffer[] = [];
        for await (const chunk of reader.until('\\.\n')) got.push(chunk);
        expect(Buffer.concat(got).toString()).toBe(data);
        expect(await reader.line()).toBe('end');
        expect(await reader.line()).toBeUndefined();
      },
    ),
  );
});

test.each(['', 'a\n', 'a\n\\.'])('rows without their end are refused: %j', async (text) => {
  const reader = new ByteReader(Readable.from([Buffer.from(text)]));
  const all = async (): Promise<void> => {
    for await (const _chunk of reader.until('\\.\n'));
  };
  await expect(all()).rejects.toThrow('in the middle of a table');
});

test('a last line without a newline, and bytes that are not there, count as cut off', async () => {
  const reader = new ByteReader(Readable.from([Buffer.from('a\nb')]));
  expect(await reader.line()).toBe('a');
  expect(await reader.line()).toBeUndefined();
  await expect(reader.exactly(2)).rejects.toThrow('in the middle of a statement');
});
