import { parse, TomlError } from 'smol-toml';
import { messageOf } from '../errors.ts';
import { ConfigError } from './problems.ts';
import { readTextFile } from './read.ts';

/** Reads a TOML file. TOML itself refuses a key that stands twice. */
export function parseTomlFile(path: string): Record<string, unknown> {
  const text = readTextFile(path, 'configuration file');
  try {
    return parse(text);
  } catch (error) {
    const at = error instanceof TomlError ? ` at line ${error.line}, column ${error.column}` : '';
    const reason = (messageOf(error).split('\n')[0] ?? '').replace(/^Invalid TOML document: /, '');
    throw new ConfigError([
      {
        code: 'CONFIG_SYNTAX',
        file: path,
        key: '',
        message: `is not TOML${at}: ${reason}`,
        fix: 'mend the file at that place',
      },
    ]);
  }
}
