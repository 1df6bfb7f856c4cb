import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { reproducible, type SpdxDocument } from './sbom.ts';

const COMMIT = 'ab'.repeat(20);
const EPOCH = 1_700_000_000;

const id = (name: string): string => `SPDXRef-Package-${name}`;
const depends = (on: string, by: string, relationshipType = 'DEPENDENCY_OF') => ({
  spdxElementId: id(on),
  relatedSpdxElement: id(by),
  relationshipType,
});

function listed(): SpdxDocument {
  const names = ['bundle', 'orders', 'cli', 'fastify', 'pino', 'k6', 'native', 'tool'];
  return {
    spdxVersion: 'SPDX-2.3',
    dataLicense: 'CC0-1.0',
    SPDXID: 'SPDXRef-DOCUMENT',
    name: 'bundle@1.0.0',
    documentNamespace: `http://spdx.org/spdxdocs/bundle-${Math.random()}`,
    creationInfo: { created: new Date().toISOString(), creators: ['Tool: npm/cli-11.0.0'] },
    documentDescribes: [id('bundle')],
    packages: names.map((name) => ({ name, SPDXID: id(name), versionInfo: '1.0.0' })),
    relationships: [
      { spdxElementId: 'SPDXRef-DOCUMENT', relatedSpdxElement: id('bundle'), relationshipType: 'DESCRIBES' },
      depends('orders', 'bundle'),
      depends('cli', 'bundle'),
      depends('fastify', 'orders'),
      depends('pino', 'fastify'),
      depends('native', 'pino', 'OPTIONAL_DEPENDENCY_OF'),
      depends('tool', 'orders', 'DEV_DEPENDENCY_OF'),
      depends('k6', 'cli'),
      depends('pino', 'cli'),
    ],
  };
}

const names = ({ packages }: SpdxDocument): string[] => packages.map(({ name }) => name);

describe('the list of packages', () => {
  test('holds what the shipped workspaces reach, themselves included, and nothing else', () => {
    const { document, packages } = reproducible(listed(), ['orders'], COMMIT, EPOCH);
    expect(names(document).sort()).toEqual(['fastify', 'native', 'orders', 'pino']);
    expect(packages).toBe(3);
    const kept = new Set([...document.packages.map(({ SPDXID }) => SPDXID), 'SPDXRef-DOCUMENT']);
    for (const { spdxElementId, relatedSpdxElement } of document.relationships) {
      expect(kept.has(spdxElementId) && kept.has(relatedSpdxElement)).toBe(true);
    }
    expect(document.documentDescribes).toEqual([id('orders')]);
  });

  test('has the time of the commit, and a name and namespace that follow from it', () => {
    const { document } = reproducible(listed(), ['orders'], COMMIT, EPOCH);
    expect(document.creationInfo).toEqual({ created: '2023-11-14T22:13:20Z', creators: ['Tool: npm/cli-11.0.0'] });
    expect(document.name).toBe(`papergate-${COMMIT}`);
    expect(document.documentNamespace).toMatch(
      new RegExp(`^https://spdx.org/spdxdocs/papergate-${COMMIT}-[0-9a-f]{64}$`),
    );
  });

  test('is the same bytes in whatever order npm lists them', () => {
    const wanted = reproducible(listed(), ['orders'], COMMIT, EPOCH).content;
    const { packages, relationships } = listed();
    fc.assert(
      fc.property(
        fc.shuffledSubarray(packages, { minLength: packages.length }),
        fc.shuffledSubarray(relationships, { minLength: relationships.length }),
        (somePackages, someRelationships) => {
          const shuffled = { ...listed(), packages: somePackages, relationships: someRelationships };
          expect(reproducible(shuffled, ['orders'], COMMIT, EPOCH).content).toEqual(wanted);
        },
      ),
      { numRuns: 50 },
    );
  });

  test('has another namespace where it says something else', () => {
    const other = listed();
    other.packages = other.packages.map((one) => (one.name === 'pino' ? { ...one, versionInfo: '2.0.0' } : one));
    const [a, b] = [listed(), other].map((one) => reproducible(one, ['orders'], COMMIT, EPOCH).document);
    expect(a?.documentNamespace).not.toBe(b?.documentNamespace);
  });
});
