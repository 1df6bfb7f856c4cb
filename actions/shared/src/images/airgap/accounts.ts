import { buffer } from 'node:stream/consumers';
import { createReadStream } from 'node:fs';
import { extract } from 'tar-stream';
import { pipeline } from 'node:stream/promises';
import type { LayerEntry } from './layer.ts';
import type { BaseName } from './recipe.ts';

const MASTERS = ['passwd', 'group'] as const;
const POSTGRES = { passwd: 'postgres:x:999:999::/var/lib/postgresql:/bin/bash\n', group: 'postgres:x:999:\n' };
const NODE = { passwd: 'node:x:1000:1000::/home/node:/bin/bash\n', group: 'node:x:1000:\n' };

/** The files that a package's own scripts would have made: accounts, and how names are looked up. */
export async function accountFiles(rootfs: string, name: BaseName): Promise<LayerEntry[]> {
  const masters = new Map<string, string>();
  const entries = extract();
  const read = pipeline(createReadStream(rootfs), entries);
  for await (const entry of entries) {
    const master = MASTERS.find((file) => entry.header.name === `./usr/share/base-passwd/${file}.master`);
    if (master === undefined) entry.resume();
    else masters.set(master, (await buffer(entry)).toString('utf8'));
  }
  await read;
  const own = name === 'postgres' ? POSTGRES : NODE;
  const file = (path: string, text: string): LayerEntry => ({
    path,
    type: 'file',
    mode: 0o644,
    content: Buffer.from(text),
  });
  return [
    ...MASTERS.map((master) => file(`etc/${master}`, (masters.get(master) ?? '') + own[master])),
    file('etc/nsswitch.conf', 'passwd: files\ngroup: files\nhosts: files dns\n'),
    { path: 'var/run', type: 'symlink', mode: 0o777, linkname: '/run' },
  ];
}
