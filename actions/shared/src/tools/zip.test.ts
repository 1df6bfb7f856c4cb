import { deflateRawSync, crc32 } from 'node:zlib';
import { describe, expect, test } from '@jest/globals';
import { zipMember } from './zip.ts';

/** A zip by the book: local headers, directory, its end; each file stored or deflated. */
function zip(files: Record<string, { text: string; deflate: boolean }>): Buffer {
  const locals: Buffer[] = [];
  const directory: Buffer[] = [];
  let offset = 0;
  for (const [name, { text, deflate }] of Object.entries(files)) {
    const content = Buffer.from(text);
    const packed = deflate ? deflateRawSync(content) : content;
    const sums = Buffer.alloc(12);
    sums.writeUInt32LE(crc32(content), 0);
    sums.writeUInt32LE(packed.length, 4);
    sums.writeUInt32LE(content.length, 8);
    const method = Buffer.from([deflate ? 8 : 0, 0]);
    const names = Buffer.alloc(4);
    names.writeUInt16LE(Buffer.byteLength(name), 0);
    names.writeUInt16LE(3, 2);
    const local = Buffer.concat([
      Buffer.from([0x50, 0x4b, 3, 4, 20, 0, 0, 8]),
      method,
      Buffer.alloc(4),
      sums,
      names,
      Buffer.from(name),
      Buffer.from('xyz'),
      packed,
    ]);
    const place = Buffer.alloc(4);
    place.writeUInt32LE(offset);
    const lengths = Buffer.alloc(2);
    lengths.writeUInt16LE(Buffer.byteLength(name));
    directory.push(
      Buffer.from([0x50, 0x4b, 1, 2, 20, 0, 20, 0, 0, 8]),
      method,
      Buffer.alloc(4),
      sums,
      lengths,
      Buffer.alloc(12),
      place,
      Buffer.from(name),
    );
    locals.push(local);
    offset += local.length;
  }
  const records = Buffer.concat(directory);
  const end = Buffer.alloc(22);
  end.writeUInt32LE(0x06054b50, 0);
  end.writeUInt16LE(Object.keys(files).length, 10);
  end.writeUInt32LE(records.length, 12);
  end.writeUInt32LE(offset, 16);
  return Buffer.concat([...locals, records, end]);
}

describe('a member of a zip', () => {
  const archive = zip({
    'a/first': { text: 'first', deflate: false },
    'a/program': { text: 'program '.repeat(1000), deflate: true },
    last: { text: '', deflate: false },
  });

  test('is found by its name, stored or deflated', () => {
    expect(zipMember(archive, 'a/first').toString()).toBe('first');
    expect(zipMember(archive, 'a/program').toString()).toBe('program '.repeat(1000));
    expect(zipMember(archive, 'last').toString()).toBe('');
  });

  test('that is not there is named', () => {
    expect(() => zipMember(archive, 'program')).toThrow('the archive has no program');
  });

  test('is refused where its bytes are not those of its checksum', () => {
    const damaged = Buffer.from(archive);
    damaged.write('thirs', damaged.indexOf('first', 40));
    expect(() => zipMember(damaged, 'a/first')).toThrow('a/first is damaged');
  });

  test('of something that is no zip is refused', () => {
    expect(() => zipMember(Buffer.from('not a zip at all'), 'x')).toThrow('no zip');
  });
});
