import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { crc32, deflateRawSync } from 'node:zlib';

const OPEN_MS = 34_200_000; // 09:30

/**
 * Writes a day of one symbol as LEAN tick files (trades and quotes), busy and with whole bursts in one
 * millisecond, the same for the same seed. Quotes change one side at a time, crossed ones among them.
 *
 * @returns the number of rows
 */
export async function writeLeanDay(
  folder: string,
  options: { symbol: string; date: string; rows: number; seed: number },
): Promise<number> {
  const { symbol, date, rows, seed } = options;
  let state = seed >>> 0;
  const random = (): number => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 4_294_967_296;
  };
  const trades: string[] = [];
  const quotes: string[] = [];
  let time = OPEN_MS;
  let mid = 1_000_000;
  for (let row = 0; row < rows; row += 1) {
    if (random() < 0.3) time += Math.floor(random() * 20);
    mid = Math.max(10_000, mid + Math.round((random() - 0.5) * 200));
    const size = 1 + Math.floor(random() * 5_000);
    const offset = Math.round(random() * 100) - 10; // a tenth is crossed
    if (random() < 0.3) trades.push(`${time},${mid},${size},Q,0,0`);
    else if (random() < 0.5) quotes.push(`${time},${mid - offset},${size},0,0,P,0,0`);
    else quotes.push(`${time},0,0,${mid + offset},${size},P,0,0`);
  }
  const name = symbol.toLowerCase();
  await writeZip(join(folder, `${name}_${date}_trade.zip`), `${date}_${name}_Trade_Tick.csv`, trades.join('\n'));
  await writeZip(join(folder, `${name}_${date}_quote.zip`), `${date}_${name}_Quote_Tick.csv`, quotes.join('\n'));
  return rows;
}

/** A zip with one deflated entry: local header, data, central directory, end. */
async function writeZip(path: string, entry: string, text: string): Promise<void> {
  const content = Buffer.from(`${text}\n`);
  const packed = deflateRawSync(content);
  const name = Buffer.from(entry);
  const common = Buffer.alloc(26);
  common.writeUInt16LE(20, 0); // version
  common.writeUInt16LE(8, 4); // deflate
  common.writeUInt16LE(0x21, 8); // 1980-01-01
  common.writeUInt32LE(crc32(content), 10);
  common.writeUInt32LE(packed.length, 14);
  common.writeUInt32LE(content.length, 18);
  common.writeUInt16LE(name.length, 22);
  const local = Buffer.concat([Buffer.from('PK\u0003\u0004'), common, name, packed]);
  const central = Buffer.concat([
    Buffer.from('PK\u0001\u0002'),
    Buffer.from([20, 0]),
    common,
    Buffer.alloc(14), // comment, disk, attributes, offset 0
    name,
  ]);
  const end = Buffer.alloc(22);
  end.write('PK\u0005\u0006', 0, 'latin1');
  end.writeUInt16LE(1, 8);
  end.writeUInt16LE(1, 10);
  end.writeUInt32LE(central.length, 12);
  end.writeUInt32LE(local.length, 16);
  await writeFile(path, Buffer.concat([local, central, end]));
}
