import { setFlagsFromString } from 'node:v8';
import { messageOf } from '@papergate/config';
import { upPart } from './read.ts';
import { asList, asTree, unwrap, type Tree } from './node.ts';

export interface Statement {
  kind: string;
  tree: Tree;
  line: number;
  /** Its beginning, on one line. */
  text: string;
}

/**
 * PostgreSQL's own parser: 1.8 MB of WebAssembly, which most of what imports this never needs. Nearly all of it is one
 * function; to optimize it V8 takes 0.4 s of CPU and 500 MB on a thread beside us, for a few milliseconds of parsing. So
 * WebAssembly stays as it is compiled at first, in the whole process: V8 knows no narrower switch.
 */
async function loadParser(): Promise<(sql: string) => unknown> {
  setFlagsFromString('--no-wasm-tier-up');
  setFlagsFromString('--no-wasm-dynamic-tiering');
  const { loadModule, parseSync } = await import('libpg-query');
  await loadModule();
  return parseSync;
}

/** The statements of a migration by PostgreSQL's own parser, or what it says is wrong. */
export async function parseMigration(text: string): Promise<Statement[] | { error: string; line: number }> {
  const parse = await loadParser();
  const { sql, offset } = upPart(text);
  const bytes = Buffer.from(sql);
  const lineAt = (position: number): number =>
    text.slice(0, offset).split('\n').length + bytes.subarray(0, position).toString('utf8').split('\n').length - 1;
  try {
    return asList(asTree(parse(sql))['stmts']).map(({ stmt, stmt_location: at = 0, stmt_len: length }) => {
      const from = Number(at);
      const whole = bytes.subarray(from, length === undefined ? undefined : from + Number(length)).toString('utf8');
      const blank = /^(\s+|--[^\n]*(\n|$)|\/\*[\s\S]*?\*\/)*/.exec(whole)?.[0] ?? '';
      return {
        ...unwrap(stmt),
        line: lineAt(from + Buffer.byteLength(blank)),
        text: shorten(whole.slice(blank.length)),
      };
    });
  } catch (error) {
    const { sqlDetails } = error as { sqlDetails?: { cursorPosition?: number } };
    return { error: messageOf(error), line: lineAt(sqlDetails?.cursorPosition ?? 0) };
  }
}

const SHOWN = 100;

function shorten(text: string): string {
  const line = text.replaceAll(/\s+/g, ' ').trim();
  return line.length > SHOWN ? `${line.slice(0, SHOWN)}…` : line;
}
