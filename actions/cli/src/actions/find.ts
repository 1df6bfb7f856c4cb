import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { UserError } from '@papergate/config';

/** Every folder below actions/ that has an action.yml, by name. */
export function findActions(root: string): string[] {
  return readdirSync(join(root, 'actions'), { withFileTypes: true })
    .filter((entry) => entry.isDirectory() && existsSync(join(root, 'actions', entry.name, 'action.yml')))
    .map(({ name }) => name)
    .toSorted();
}

/** Those that were asked for, or all. @throws UserError ACTION_UNKNOWN */
export function chooseActions(root: string, asked: readonly string[]): string[] {
  const known = findActions(root);
  const unknown = asked.filter((name) => !known.includes(name));
  if (unknown.length === 0) return asked.length === 0 ? known : [...asked];
  throw new UserError({
    code: 'ACTION_UNKNOWN',
    message: `${unknown.join(', ')}: no such action; there are ${known.join(', ')}`,
    fix: 'name folders of actions/ that have an action.yml',
  });
}
