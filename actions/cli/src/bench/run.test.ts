import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { runBenchmarks } from './run.ts';

let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'papergate-bench-'));
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

function benchmark(service: string, name: string, source: string): void {
  const folder = join(root, 'services', service, 'src', 'bench');
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, `${name}.ts`), source);
}

async function run(only: string[] = []) {
  const lines: string[] = [];
  const code = await runBenchmarks({
    root,
    out: join(root, 'out'),
    only,
    json: false,
    print: (line) => lines.push(line),
    progress: () => undefined,
  });
  return { code, text: lines.join('\n') };
}

describe('the benchmark table', () => {
  test('holds every figure that was printed, and is kept as JSON', async () => {
    benchmark(
      'a',
      'speed',
      `console.log('warming up'); console.log(JSON.stringify({ name: 'a speed', value: 5, unit: '1/s', ceiling: 10, ceiling_name: 'raw' }));`,
    );
    const { code, text } = await run();
    expect(code).toBe(0);
    expect(text).toContain('| a speed | 5 1/s | 10 1/s | 50 % | raw |');
    expect(JSON.parse(readFileSync(join(root, 'out', 'bench.json'), 'utf8'))).toMatchObject({
      figures: [{ name: 'a speed', value: 5 }],
      failed: [],
    });
  });

  test('a benchmark that fails or prints nothing is named, and the rest still run', async () => {
    benchmark('a', 'dies', 'process.exit(7);');
    benchmark('a', 'silent', '');
    benchmark('b', 'speed', `console.log(JSON.stringify({ name: 'b', value: 5, unit: '1/s' }));`);
    const { code, text } = await run();
    expect(code).toBe(3);
    expect(text).toContain('failed: a/dies (exit 7)');
    expect(text).toContain('failed: a/silent (printed no figure)');
    expect(text).toContain('| b | 5 1/s |');
  });

  test('one that takes minutes runs only where it is named', async () => {
    const own = join(root, 'actions', 'cli', 'src', 'bench');
    mkdirSync(own, { recursive: true });
    const print = `console.log(JSON.stringify({ name: 'ten minutes', value: 5, unit: '1/s' }));`;
    writeFileSync(join(own, 'pace.long.bench.ts'), print);
    benchmark('a', 'speed', `console.log(JSON.stringify({ name: 'quick', value: 5, unit: '1/s' }));`);
    const all = await run();
    expect(all.text).not.toContain('| ten minutes |');
    expect(all.text).toContain('left out, since it takes minutes: npm run bench -- bundle/pace');
    expect((await run(['bundle/pace'])).text).toContain('| ten minutes |');
  });

  test('a name that is none is the caller’s mistake', async () => {
    benchmark('a', 'speed', '');
    await expect(run(['nope'])).rejects.toMatchObject({
      code: 'BENCH_UNKNOWN',
      exitCode: 2,
      message: expect.stringContaining('a/speed'),
    });
  });
});
