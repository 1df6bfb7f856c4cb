import { crc32, deflateRawSync, inflateRawSync } from 'node:zlib';

/** PKWARE APPNOTE.TXT 4.3: the three records of a zip, each with its length before name and extra field. */
const LOCAL = { signature: 0x04034b50, length: 30 };
const ENTRY = { signature: 0x02014b50, length: 46 };
const END = { signature: 0x06054b50, length: 22 };
const DEFLATED = 8;
/** Names are UTF-8. */
const UTF8 = 0x0800;
const VERSION = 20;

/** A zip of these files, by their paths inside it. Times are left at zero: the same files give the same bytes. */
export function packZip(files: ReadonlyMap<string, Buffer>): Buffer {
  const locals: Buffer[] = [];
  const entries: Buffer[] = [];
  let offset = 0;
  for (const [path, content] of [...files].sort(([a], [b]) => (a < b ? -1 : 1))) {
    const name = Buffer.from(path);
    const packed = deflateRawSync(content);
    const facts = (record: Buffer, at: number): void => {
      record.writeUInt16LE(VERSION, at);
      record.writeUInt16LE(UTF8, at + 2);
      record.writeUInt16LE(DEFLATED, at + 4);
      record.writeUInt32LE(crc32(content), at + 10);
      record.writeUInt32LE(packed.length, at + 14);
      record.writeUInt32LE(content.length, at + 18);
      record.writeUInt16LE(name.length, at + 22);
    };
    const local = Buffer.alloc(LOCAL.length);
    local.writeUInt32LE(LOCAL.signature, 0);
    facts(local, 4);
    const entry = Buffer.alloc(ENTRY.length);
    entry.writeUInt32LE(ENTRY.signature, 0);
    entry.writeUInt16LE(VERSION, 4);
    facts(entry, 6);
    entry.writeUInt32LE(offset, 42);
    locals.push(local, name, packed);
    entries.push(entry, name);
    offset += LOCAL.length + name.length + packed.length;
  }
  const directory = Buffer.concat(entries);
  const end = Buffer.alloc(END.length);
  end.writeUInt32LE(END.signature, 0);
  end.writeUInt16LE(files.size, 8);
  end.writeUInt16LE(files.size, 10);
  end.writeUInt32LE(directory.length, 12);
  end.writeUInt32LE(offset, 16);
  return Buffer.concat([...locals, directory, end]);
}

/** The files of a zip. @throws Error where it is none, or damaged */
export function unpackZip(zip: Buffer): Map<string, Buffer> {
  const end = zip.length - END.length;
  if (end < 0 || zip.readUInt32LE(end) !== END.signature) throw new Error('this is no zip, or not all of it');
  const files = new Map<string, Buffer>();
  let at = zip.readUInt32LE(end + 16);
  for (let left = zip.readUInt16LE(end + 10); left > 0; left--) {
    if (zip.readUInt32LE(at) !== ENTRY.signature) throw new Error('the directory of the zip is damaged');
    const nameLength = zip.readUInt16LE(at + 28);
    const name = zip.toString('utf8', at + ENTRY.length, at + ENTRY.length + nameLength);
    const local = zip.readUInt32LE(at + 42);
    const start = local + LOCAL.length + zip.readUInt16LE(local + 26) + zip.readUInt16LE(local + 28);
    const packed = zip.subarray(start, start + zip.readUInt32LE(at + 20));
    const content = zip.readUInt16LE(at + 10) === DEFLATED ? inflateRawSync(packed) : Buffer.from(packed);
    if (crc32(content) !== zip.readUInt32LE(at + 16)) throw new Error(`${name} is damaged: its checksum is wrong`);
    if (!name.endsWith('/')) files.set(name, content);
    at += ENTRY.length + nameLength + zip.readUInt16LE(at + 30) + zip.readUInt16LE(at + 32);
  }
  return files;
}
