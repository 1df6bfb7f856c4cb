import { crc32, inflateRawSync } from 'node:zlib';

/** PKWARE APPNOTE.TXT 4.3: signatures of the records that are read here. */
const END_OF_DIRECTORY = 0x06054b50;
const DIRECTORY_ENTRY = 0x02014b50;
const STORED = 0;
const DEFLATED = 8;

/**
 * One file out of a zip archive (a Python wheel is one) that is in memory whole.
 * @throws Error where it is no zip, has no such member, or the member is not what its checksum says
 */
export function zipMember(archive: Buffer, member: string): Buffer {
  const end = archive.lastIndexOf(littleEndian(END_OF_DIRECTORY));
  if (end < 0) throw new Error('the archive is no zip: it has no directory');
  let at = archive.readUInt32LE(end + 16);
  for (let left = archive.readUInt16LE(end + 10); left > 0; left--) {
    if (archive.readUInt32LE(at) !== DIRECTORY_ENTRY) throw new Error('the directory of the zip is damaged');
    const nameLength = archive.readUInt16LE(at + 28);
    const name = archive.toString('utf8', at + 46, at + 46 + nameLength);
    if (name === member) return contentOf(archive, at, member);
    at += 46 + nameLength + archive.readUInt16LE(at + 30) + archive.readUInt16LE(at + 32);
  }
  throw new Error(`the archive has no ${member}`);
}

function contentOf(archive: Buffer, entry: number, member: string): Buffer {
  const method = archive.readUInt16LE(entry + 10);
  const local = archive.readUInt32LE(entry + 42);
  // The local header repeats the name; its extra field may be of another length than the directory's.
  const start = local + 30 + archive.readUInt16LE(local + 26) + archive.readUInt16LE(local + 28);
  const packed = archive.subarray(start, start + archive.readUInt32LE(entry + 20));
  if (method !== STORED && method !== DEFLATED) throw new Error(`${member} is packed by method ${method}, known: 0, 8`);
  const content = method === STORED ? Buffer.from(packed) : inflateRawSync(packed);
  if (crc32(content) !== archive.readUInt32LE(entry + 16))
    throw new Error(`${member} is damaged: its checksum is wrong`);
  return content;
}

function littleEndian(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return bytes;
}
