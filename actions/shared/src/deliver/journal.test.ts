import { describe, expect, test } from '@jest/globals';
import { openRun, parseJournal, PlaceJournal, readPlaceJournal, touchedServices, type PlaceEntry } from './journal.ts';
import { simManifest } from './testing/bundle.ts';
import { SimWorld } from './testing/world.ts';

const line = (step: string, state: PlaceEntry['state'], generation = 1, run = 'r1'): string =>
  JSON.stringify({ at: 'then', run, generation, step, state });

describe('the journal of a place', () => {
  test('is every whole line of the engine’s: not what a kill cut off, not what others write into the same file', () => {
    const text = [
      line('deploy', 'begin'),
      '{"at":"then","run":"r1","gener',
      JSON.stringify({ at: 'then', run: 'ship-1', step: 'database', state: 'begin' }),
      'null',
      line('verify', 'begin'),
    ].join('\n');
    expect(parseJournal(text).map(({ step }) => step)).toEqual(['deploy', 'verify']);
  });

  test('leaves out what a deployer wrote after another one had the place', () => {
    const text = [
      line('deploy', 'begin'),
      line('lease', 'done', 2, 'lease'),
      line('commit', 'begin', 1),
      line('recover', 'done', 2),
    ];
    expect(parseJournal(text.join('\n')).map(({ step }) => step)).toEqual(['deploy', 'lease', 'recover']);
  });

  test('tells the run that was cut off, and none where all came to their end', () => {
    const cut = [
      line('deploy', 'begin'),
      line('deploy', 'failed'),
      line('rollback', 'begin', 2, 'r2'),
      line('stop:a', 'begin', 2, 'r2'),
    ];
    expect(openRun(parseJournal(cut.join('\n')))).toMatchObject({ run: 'r2', action: 'rollback', entries: [{}, {}] });
    expect(openRun(parseJournal([...cut, line('rollback', 'done', 3, 'r2')].join('\n')))).toBeUndefined();
  });

  test('of a place that was taken down leaves nothing to undo', () => {
    const text = [line('deploy', 'begin'), line('down', 'begin', 2, 'r2'), line('down', 'done', 2, 'r2')].join('\n');
    expect(openRun(parseJournal(text))).toBeUndefined();
  });

  test('tells which services were touched, also by an undo that was cut off itself', () => {
    const entries = parseJournal(
      [
        line('stop:a', 'begin'),
        line('stop:a', 'done'),
        line('undo:start:b', 'begin'),
        line('undo:verify', 'begin'),
      ].join('\n'),
    );
    expect([...touchedServices(entries)]).toEqual(['a', 'b']);
  });

  test('that has grown long is put away when nothing is left to put right, and what was delivered stays known', async () => {
    const world = new SimWorld();
    await world.delivered(simManifest(1));
    const path = '/place/journal.jsonl';
    const filler = `${JSON.stringify({ at: 'then', run: 'x', generation: 1, step: 'x', state: 'done', detail: { x: 'x'.repeat(1e5) } })}\n`;
    const held = world.disk.text(path) ?? '';
    world.disk.files.set(path, { text: filler.repeat(25) + held, at: 0 });
    await world.delivered(simManifest(2));
    expect(world.disk.text(path)?.length).toBeLessThan(1e5);
    expect(world.disk.text(`${path}.1`)?.length).toBeGreaterThan(2e6);
    const entries = await world.time.run(readPlaceJournal(world.place(world.deployer())));
    expect(entries.filter(({ step, state }) => step === 'commit' && state === 'begin')).toHaveLength(2);
  });

  test('begins no step for who has lost the place', async () => {
    const world = new SimWorld();
    const lost = { generation: 4, assertHeld: () => Promise.reject(new Error('lost')) };
    const journal = new PlaceJournal(
      world.place(world.deployer()),
      lost,
      () => new Date(0),
      (text) => text,
    );
    await expect(world.time.run(journal.begin('r', ['stop:a']))).rejects.toThrow('lost');
    expect(world.disk.text('/place/journal.jsonl')).toBeUndefined();
  });
});
