import type { PolicyContext } from '../context.ts';
import { kindOfKey } from '../keys.ts';
import type { KeyHit } from '../scan/find.ts';
import type { RuleFinding, ScanFile } from '../types.ts';
import { showName, type Rule } from './rule.ts';

const NAMES = { live: 'a live key (AK…)', broker: 'a broker key (CK…)', paper: 'a paper key (PK…)' } as const;

/** Keys that have no business there. A file or the configuration holds no live key in production either. */
function forbidden(context: PolicyContext, hits: readonly KeyHit[]): KeyHit[] {
  return hits.filter(({ kind }) => kind !== 'paper' || context.production);
}

function describe(context: PolicyContext, place: string, { kind, how, aws }: KeyHit): Omit<RuleFinding, 'where'> {
  const disguise = how.length === 0 ? '' : `, disguised (${how.join(', in it ')})`;
  const doubt = aws ? ' or an AWS access key id, which has the same shape and no business here either' : '';
  const only = context.production
    ? 'ALPACA_API_KEY holds the live key, and nothing else any key'
    : 'only paper keys may exist here';
  return {
    message: `${place} holds ${NAMES[kind]}${doubt}${disguise}; in ${context.input.environment} ${only}`,
    fix:
      kind === 'paper'
        ? 'remove it'
        : 'remove it, also from history, and replace the key at its provider: it has been seen',
  };
}

/** The credential itself is the business of the credential rules; here it would only be told twice. */
function isTheKey(context: PolicyContext, name: string): boolean {
  const kind = kindOfKey(context.key.value);
  return name === 'ALPACA_API_KEY' && kind !== undefined && context.key.state === 'given';
}

function variables(context: PolicyContext): RuleFinding[] {
  return Object.entries(context.input.env).flatMap(([name, value], index) => {
    if (value === undefined) return [];
    const where = showName(context, name, index);
    const inName = forbidden(context, context.scan(name).hits).map((hit) => ({
      where,
      ...describe(context, 'the name of a variable', hit),
    }));
    if (isTheKey(context, name)) return inName;
    const inValue = forbidden(context, context.scan(value).hits).map((hit) => ({
      where,
      ...describe(context, where, hit),
    }));
    return [...inName, ...inValue].slice(0, 3);
  });
}

function files(context: PolicyContext): RuleFinding[] {
  return (context.input.files ?? []).flatMap((file, index) => {
    const { path, content } = file;
    const shown = showPath(context, file, index);
    const inPath = forbidden(context, context.scan(path).hits).map((hit) => ({
      where: shown,
      ...describe(context, 'the name of a file', hit),
    }));
    if (path === context.key.path && kindOfKey(context.key.value) !== undefined) return inPath;
    const inContent = forbidden(context, context.scan(content).hits).map((hit) => {
      const where = `${shown}:${lineOf(content, hit.offset)}`;
      return { where, ...describe(context, where, hit) };
    });
    return [...inPath, ...inContent].slice(0, 20);
  });
}

function configuration(context: PolicyContext): RuleFinding[] {
  return [...texts(context.input.system, '')].flatMap(({ path, text }) =>
    forbidden(context, context.scan(text).hits).map((hit) => {
      const where = forbidden(context, context.scan(path).hits).length > 0 ? 'the system configuration' : path;
      return { where, ...describe(context, where, hit) };
    }),
  );
}

function* texts(value: unknown, path: string): Generator<{ path: string; text: string }> {
  if (typeof value === 'string') yield { path, text: value };
  if (typeof value !== 'object' || value === null) return;
  for (const [key, inner] of Object.entries(value)) {
    const below = Array.isArray(value) ? `${path}[${key}]` : path === '' ? key : `${path}.${key}`;
    if (!Array.isArray(value)) yield { path: below, text: key };
    yield* texts(inner, below);
  }
}

/** Names that must not exist, whatever they hold: the other side's credentials. */
const LIVE_NAME = /(?:^|_)ALPACA[_-]?LIVE(?:[_-]|$)/i;
const PAPER_NAME = /(?:^|_)ALPACA[_-]?PAPER[_-]./i;

function foreignVariables(context: PolicyContext): RuleFinding[] {
  const pattern = context.production ? PAPER_NAME : LIVE_NAME;
  const names = Object.entries(context.input.env)
    .filter(([, value]) => value !== undefined)
    .map(([name]) => name);
  return names.flatMap((name, index) => {
    if (!pattern.test(name)) return [];
    const where = showName(context, name, index);
    return [
      {
        where,
        message: `${where} exists; in ${context.input.environment} no variable of that name may, not even an empty one`,
        fix: `remove it from the ${context.input.environment} environment`,
      },
    ];
  });
}

const DATA_FILE = /(?:^|\/)\.env[^/]*$|\.(?:ya?ml|json|toml|ini|conf|cfg|env|properties|tfvars)$/i;
const PRODUCTION_FILE = /production|(?:^|[/._-])prod(?:[/._-]|$)/i;
const LIVE_NAME_IN_TEXT = /ALPACA[_-]?LIVE[_-][A-Za-z0-9_]+/i;

function foreignNamesInFiles(context: PolicyContext): RuleFinding[] {
  if (context.production) return [];
  return (context.input.files ?? []).flatMap((file, index) => {
    if (!DATA_FILE.test(file.path) || PRODUCTION_FILE.test(file.path)) return [];
    const shown = showPath(context, file, index);
    return file.content
      .split('\n')
      .flatMap((line, at) => {
        const comment = /^\s*(?:#|\/\/|;)/.test(line);
        if (comment || !LIVE_NAME_IN_TEXT.test(line)) return [];
        return [
          {
            where: `${shown}:${at + 1}`,
            message: `${shown}:${at + 1} names a variable ALPACA_LIVE_…; outside production none may exist`,
            fix: 'remove it; what belongs to production stands in files with "production" in their path',
          },
        ];
      })
      .slice(0, 20);
  });
}

function incomplete(context: PolicyContext): RuleFinding[] {
  const fix = 'mend or shorten it, or keep it out of what is scanned';
  const inFiles = (context.input.files ?? []).flatMap((file, index) => {
    const where = showPath(context, file, index);
    // A credential's own file is the business of `secret-file`.
    if (file.path === context.key.path || file.path === context.secret.path) return [];
    if (file.problem !== undefined) {
      return [
        {
          where,
          message: `${where} could not be searched for keys: ${context.show(file.problem).replaceAll('"', '')}`,
          fix,
        },
      ];
    }
    return context.scan(file.content).complete
      ? []
      : [{ where, message: `${where} is wrapped too often to be searched whole`, fix }];
  });
  const inVariables = Object.entries(context.input.env).flatMap(([name, value], index) => {
    if (value === undefined || context.scan(value).complete) return [];
    const where = showName(context, name, index);
    return [{ where, message: `${where} is wrapped too often to be searched whole`, fix }];
  });
  return [...inFiles, ...inVariables];
}

function showPath(context: PolicyContext, { path }: ScanFile, index: number): string {
  const safe = context.show(path.length > 80 ? path.slice(-80) : path);
  if (safe === '(withheld)') return `file ${index + 1} (name withheld)`;
  return path.length > 80 && context.scan(path).hits.length > 0 ? `file ${index + 1} (name withheld)` : path;
}

function lineOf(content: string, offset: number): number {
  let line = 1;
  for (let at = content.indexOf('\n'); at >= 0 && at < offset; at = content.indexOf('\n', at + 1)) line++;
  return line;
}

export const SMUGGLING_RULES: readonly Rule[] = [
  {
    id: 'smuggled-variable',
    demands:
      'No variable of any name holds a live or broker key, plain or disguised (production: any key but its own).',
    check: variables,
  },
  {
    id: 'smuggled-file',
    demands: 'No file that is scanned holds a live or broker key, plain or disguised (production: any key).',
    check: files,
  },
  {
    id: 'smuggled-config',
    demands: 'No value or name in the system configuration holds one.',
    check: configuration,
  },
  {
    id: 'foreign-variable',
    demands: 'No variable is named `ALPACA_LIVE_…`, in any case, empty or not (production: `ALPACA_PAPER_…`).',
    check: foreignVariables,
  },
  {
    id: 'foreign-name-in-file',
    demands:
      'Outside production no configuration, compose, `.env` or workflow file names a variable `ALPACA_LIVE_…`; comments may.',
    check: foreignNamesInFiles,
  },
  {
    id: 'scan-incomplete',
    demands: 'Everything that was to be searched for keys could be searched whole; in doubt it blocks.',
    check: incomplete,
  },
];
