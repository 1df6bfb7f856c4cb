import type { PolicyContext } from '../context.ts';
import type { RuleFinding } from '../types.ts';
import type { Rule } from './rule.ts';

/** `true` outside production, `false` in production: said aloud, so that a forgotten variable decides nothing. */
function mode(name: string, meaning: string): Rule['check'] {
  return (context) => {
    const allowed = context.production ? 'false' : 'true';
    const found = context.input.env[name];
    if (found === allowed) return [];
    const shown = found === undefined ? 'not set' : found.length > 8 ? 'something else' : context.show(found);
    return [
      {
        where: name,
        message: `${name} is ${shown}; in ${context.input.environment} it is exactly "${allowed}" (${meaning})`,
        fix: `set ${name}=${allowed}`,
      },
    ];
  };
}

function environments(context: PolicyContext): RuleFinding[] {
  const { input } = context;
  const named = [
    { where: 'ENVIRONMENT', found: input.env['ENVIRONMENT'] },
    { where: 'environment', found: input.system?.environment },
  ];
  return named
    .filter(({ found }) => found !== undefined && found !== input.environment)
    .map(({ where, found }) => ({
      where,
      message: `${where} is ${context.show(found ?? '')}, but ${input.environment} is being checked`,
      fix: 'let the environment that is asked for, ENVIRONMENT and the system configuration say the same',
    }));
}

export const MODE_RULES: readonly Rule[] = [
  {
    id: 'environment-mismatch',
    demands: 'The environment that is asked for, `ENVIRONMENT` and the system configuration agree.',
    check: environments,
  },
  {
    id: 'dry-run',
    demands: '`DRY_RUN` is exactly `true`; in production exactly `false`.',
    check: mode('DRY_RUN', 'whether orders stay on this machine'),
  },
  {
    id: 'alpaca-paper',
    demands: '`ALPACA_PAPER` is exactly `true`; in production exactly `false`.',
    check: mode('ALPACA_PAPER', 'whether the paper account is used'),
  },
];
