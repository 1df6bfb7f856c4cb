import { expect } from '@jest/globals';
import { storeArtifact } from '../artifact/store.ts';
import { sha256, type RegistryClient } from '../http/client.ts';
import { MEDIA } from '../media.ts';

export interface Behaviour {
  title: string;
  holds(client: RegistryClient, name: string): Promise<void>;
}

const bytes = (text: string): Uint8Array<ArrayBuffer> => new TextEncoder().encode(text);
const ABSENT = `sha256:${'0'.repeat(64)}`;

/** A manifest whose parts are there, and its bytes. */
async function image(client: RegistryClient, name: string, content: string): Promise<Uint8Array<ArrayBuffer>> {
  const config = await client.putBlob(name, bytes('{}'));
  const layer = await client.putBlob(name, bytes(content));
  return bytes(
    JSON.stringify({
      schemaVersion: 2,
      mediaType: MEDIA.manifest,
      config: { mediaType: 'application/vnd.oci.image.config.v1+json', ...config },
      layers: [{ mediaType: 'application/vnd.oci.image.layer.v1.tar', ...layer }],
    }),
  );
}

const raw = (client: RegistryClient, name: string, path: string, init: RequestInit): Promise<Response> =>
  fetch(`http://${client.registry}/v2/${name}/${path}`, init);

/** What the client relies on, and what our registry in memory has to share with real ones: run on both. */
export const BEHAVIOURS: readonly Behaviour[] = [
  {
    title: 'what is not there is absent, and no error',
    holds: async (client, name) => {
      expect(await client.headManifest(name, 'none')).toBeUndefined();
      expect(await client.getManifest(name, ABSENT)).toBeUndefined();
      expect(await client.headBlob(name, ABSENT)).toBeUndefined();
      expect(await client.getBlob(name, ABSENT)).toBeUndefined();
      expect(await client.tags(`${name}/never`)).toBeUndefined();
      expect(await client.referrers(name, ABSENT)).toEqual([]);
    },
  },
  {
    title: 'a blob comes back as it was stored, and storing it again changes nothing',
    holds: async (client, name) => {
      const content = bytes('some content');
      const stored = await client.putBlob(name, content);
      expect(stored).toEqual({ digest: sha256(content), size: content.length });
      expect(await client.headBlob(name, stored.digest)).toBe(content.length);
      expect(await client.getBlob(name, stored.digest)).toEqual(Buffer.from(content));
      expect(await client.putBlob(name, content)).toEqual(stored);
    },
  },
  {
    title: 'a blob that is not what its digest says is refused with DIGEST_INVALID',
    holds: async (client, name) => {
      const opened = await raw(client, name, 'blobs/uploads/', { method: 'POST' });
      const url = new URL(opened.headers.get('location') ?? '', `http://${client.registry}`);
      url.searchParams.set('digest', sha256('another'));
      const refused = await fetch(url, { method: 'PUT', body: 'one' });
      expect(refused.status).toBe(400);
      expect(await refused.json()).toMatchObject({ errors: [{ code: 'DIGEST_INVALID' }] });
    },
  },
  {
    title: 'a manifest stands under its tag and its digest, byte for byte, with its type',
    holds: async (client, name) => {
      const content = await image(client, name, 'one');
      const { digest } = await client.putManifest(name, 'one', content, MEDIA.manifest);
      expect(digest).toBe(sha256(content));
      for (const reference of ['one', digest]) {
        expect(await client.headManifest(name, reference)).toEqual({
          mediaType: MEDIA.manifest,
          digest,
          size: content.length,
        });
        expect(await client.getManifest(name, reference)).toEqual({
          bytes: Buffer.from(content),
          digest,
          mediaType: MEDIA.manifest,
        });
      }
    },
  },
  {
    title: 'a tag moves to what is put there last, and what was there before stays under its digest',
    holds: async (client, name) => {
      const before = await client.putManifest(name, 'moves', await image(client, name, 'before'), MEDIA.manifest);
      const after = await client.putManifest(name, 'moves', await image(client, name, 'after'), MEDIA.manifest);
      expect((await client.headManifest(name, 'moves'))?.digest).toBe(after.digest);
      expect((await client.headManifest(name, before.digest))?.digest).toBe(before.digest);
    },
  },
  {
    title: 'a manifest is refused where a part of it is not there, or its digest is another',
    holds: async (client, name) => {
      const lacking = bytes(
        JSON.stringify({
          schemaVersion: 2,
          mediaType: MEDIA.manifest,
          config: { mediaType: MEDIA.empty, digest: ABSENT, size: 2 },
          layers: [],
        }),
      );
      await expect(client.putManifest(name, 'lacking', lacking, MEDIA.manifest)).rejects.toMatchObject({
        kind: 'manifest-invalid',
      });
      const content = await image(client, name, 'two');
      await expect(client.putManifest(name, ABSENT, content, MEDIA.manifest)).rejects.toMatchObject({
        kind: 'manifest-invalid',
      });
      expect(await client.headManifest(name, 'lacking')).toBeUndefined();
    },
  },
  {
    title: 'what is no manifest is refused',
    holds: async (client, name) => {
      await expect(client.putManifest(name, 'none', bytes('not JSON'), MEDIA.manifest)).rejects.toMatchObject({
        kind: 'manifest-invalid',
      });
    },
  },
  {
    title: 'a name with capitals is refused with its own code',
    holds: async (client) => {
      await expect(client.putBlob('With/Capitals', bytes('x'))).rejects.toMatchObject({ kind: 'name-invalid' });
    },
  },
  {
    title: 'all tags are listed',
    holds: async (client, name) => {
      const content = await image(client, `${name}/tags`, 'tagged');
      const wanted = Array.from({ length: 5 }, (_, n) => `tag-${n}`);
      for (const tag of wanted) await client.putManifest(`${name}/tags`, tag, content, MEDIA.manifest);
      expect((await client.tags(`${name}/tags`))?.toSorted()).toEqual(wanted);
    },
  },
  {
    title: 'an artifact without a tag is found as a referrer of its subject, by its type, once',
    holds: async (client, name) => {
      const content = await image(client, name, 'subject');
      await client.putManifest(name, 'subject', content, MEDIA.manifest);
      const subject = await client.headManifest(name, 'subject');
      if (subject === undefined) throw new Error('the subject is not there');
      const attach = (artifactType: string, text: string) =>
        storeArtifact(client, name, {
          artifactType,
          mediaType: artifactType,
          content: bytes(text),
          subject,
          annotations: { of: text },
        });
      const sbom = await attach(MEDIA.spdx, 'sbom');
      const provenance = await attach(MEDIA.inToto, 'provenance');
      expect(await attach(MEDIA.spdx, 'sbom')).toEqual(sbom);
      const digests = (await client.referrers(name, subject.digest)).map(({ digest }) => digest);
      expect(digests.toSorted()).toEqual([sbom.digest, provenance.digest].toSorted());
      const [found, ...others] = await client.referrers(name, subject.digest, MEDIA.spdx);
      expect(others).toEqual([]);
      expect(found).toMatchObject({ digest: sbom.digest, size: sbom.size, annotations: { of: 'sbom' } });
      const stored = await client.getManifest(name, sbom.digest);
      expect(JSON.parse(new TextDecoder().decode(stored?.bytes))).toMatchObject({
        subject: { digest: subject.digest },
      });
    },
  },
];
