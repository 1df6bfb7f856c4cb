import { ConfigError } from './problems.ts';
import { readTextFile } from './read.ts';

/** Reads a JSON file. Beyond syntax it refuses a key that stands twice in one object: JSON.parse would drop the first. */
export function parseJsonFile(path: string): unknown {
  const text = readTextFile(path, 'configuration file');
  if (text.trim() === '') throw syntax(path, 'is empty', 'fill it; an empty object is {}');
  const defect = findJsonDefect(text);
  if (defect !== undefined) {
    const { line, column, problem } = defect;
    throw syntax(path, `is not JSON at line ${line}, column ${column}: ${problem}`, 'mend the file at that place');
  }
  return JSON.parse(text) as unknown;
}

function syntax(file: string, message: string, fix: string): ConfigError {
  return new ConfigError([{ code: 'CONFIG_SYNTAX', file, key: '', message, fix }]);
}

export interface JsonDefect {
  line: number;
  column: number;
  problem: string;
}

const MAX_DEPTH = 64;
const NUMBER = /-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?/y;
// oxlint-disable-next-line no-control-regex -- JSON forbids bare control characters in strings
const STRING = /"(?:[^"\\\u0000-\u001f]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*"/y;
const BLANK = /[ \t\r\n]*/y;
const WORD = /true|false|null/y;

/**
 * The first thing that makes a text no good JSON (RFC 8259, and no key twice), with its place.
 * It never repeats the text: what stands at the place may be a secret.
 */
export function findJsonDefect(text: string): JsonDefect | undefined {
  const reader = new JsonReader(text);
  try {
    reader.document();
    return undefined;
  } catch (error) {
    if (!(error instanceof Defect)) throw error;
    const before = text.slice(0, error.at).split('\n');
    return { line: before.length, column: (before.at(-1)?.length ?? 0) + 1, problem: error.message };
  }
}

class Defect extends Error {
  readonly at: number;

  constructor(at: number, message: string) {
    super(message);
    this.at = at;
  }
}

class JsonReader {
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  document(): void {
    this.#value(0);
    this.#blank();
    if (this.#at < this.#text.length) throw this.#defect('more follows after the end of the value');
  }

  #value(depth: number): void {
    if (depth > MAX_DEPTH) throw this.#defect(`nested more than ${MAX_DEPTH} deep`);
    this.#blank();
    const next = this.#text[this.#at];
    if (next === '{') this.#object(depth);
    else if (next === '[') this.#array(depth);
    else if (next === '"') this.#string();
    else if (this.#take(WORD) === undefined && this.#take(NUMBER) === undefined) throw this.#unexpected('a value');
  }

  #object(depth: number): void {
    const keys = new Set<string>();
    this.#members('}', () => {
      const at = this.#at;
      if (this.#text[this.#at] !== '"') throw this.#unexpected('a key in double quotes');
      const key = JSON.parse(this.#string()) as string;
      if (keys.has(key)) throw new Defect(at, 'a key stands twice in the same object');
      keys.add(key);
      this.#blank();
      if (this.#text[this.#at] !== ':') throw this.#unexpected('a colon after the key');
      this.#at++;
      this.#value(depth + 1);
    });
  }

  #array(depth: number): void {
    this.#members(']', () => this.#value(depth + 1));
  }

  #members(close: string, member: () => void): void {
    this.#at++;
    this.#blank();
    if (this.#text[this.#at] === close) {
      this.#at++;
      return;
    }
    for (;;) {
      this.#blank();
      member();
      this.#blank();
      const next = this.#text[this.#at];
      if (next !== ',' && next !== close) throw this.#unexpected(`a comma or ${close}`);
      this.#at++;
      if (next === close) return;
      this.#blank();
      if (this.#text[this.#at] === close) throw this.#defect(`a comma stands before ${close}`);
    }
  }

  #string(): string {
    const found = this.#take(STRING);
    if (found === undefined)
      throw this.#defect('a text that does not end, or has a wrong escape or a bare line break in it');
    return found;
  }

  #blank(): void {
    this.#take(BLANK);
  }

  #take(pattern: RegExp): string | undefined {
    pattern.lastIndex = this.#at;
    const found = pattern.exec(this.#text)?.[0];
    this.#at += found?.length ?? 0;
    return found;
  }

  #unexpected(wanted: string): Defect {
    if (this.#at >= this.#text.length) return this.#defect(`it ends where ${wanted} should be`);
    if (/^\/[/*]/.test(this.#text.slice(this.#at, this.#at + 2))) return this.#defect('a comment; JSON has none');
    return this.#defect(`expected ${wanted}`);
  }

  #defect(message: string): Defect {
    return new Defect(this.#at, message);
  }
}
