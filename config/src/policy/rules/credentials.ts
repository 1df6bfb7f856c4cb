import type { Credential, PolicyContext } from '../context.ts';
import { isPlaceholder, isSecretShaped, kindOfKey, looksLikeAws } from '../keys.ts';
import type { RuleFinding } from '../types.ts';
import type { Rule } from './rule.ts';

type Verdict = 'missing' | 'placeholder' | 'live' | 'broker' | 'paper' | 'shapeless';

/** What the key is; the first that fits, so that one mistake is told once. */
function verdictOnKey({ value }: Credential): Verdict {
  if (value === '') return 'missing';
  if (isPlaceholder(value)) return 'placeholder';
  return (
    kindOfKey(value) ??
    (/^(?:AK|CK)[A-Za-z0-9]{6,}$/.test(value) ? (value.startsWith('AK') ? 'live' : 'broker') : 'shapeless')
  );
}

type SecretVerdict = 'missing' | 'placeholder' | 'key' | 'same' | 'shapeless' | 'fine';

function verdictOnSecret({ key, secret }: PolicyContext): SecretVerdict {
  const { value } = secret;
  if (value === '') return 'missing';
  if (isPlaceholder(value)) return 'placeholder';
  if (value === key.value) return 'same';
  if (kindOfKey(value) !== undefined) return 'key';
  return isSecretShaped(value) ? 'fine' : 'shapeless';
}

const given = (credential: Credential): boolean => credential.state === 'given' || credential.state === 'absent';
const expected = (context: PolicyContext) =>
  context.production ? 'a live key of the production account' : 'a paper key (PK and 18 or 24 more of A–Z and 0–9)';

function onKey(
  verdict: Verdict,
  tell: (context: PolicyContext) => Omit<RuleFinding, 'where'> | undefined,
): Rule['check'] {
  return (context) => {
    if (!given(context.key) || verdictOnKey(context.key) !== verdict) return [];
    const finding = tell(context);
    return finding === undefined ? [] : [{ where: context.key.where, ...finding }];
  };
}

function onSecret(verdict: SecretVerdict, finding: Omit<RuleFinding, 'where'>): Rule['check'] {
  return (context) =>
    given(context.secret) && verdictOnSecret(context) === verdict ? [{ where: context.secret.where, ...finding }] : [];
}

/** Other tools' names for the same things: a library that reads one of these would use another account than we do. */
const ALIASES = {
  key: [
    'APCA_API_KEY_ID',
    'ALPACA_KEY_ID',
    'ALPACA_API_KEY_ID',
    'ALPACA_KEY',
    'ALPACA_PAPER_API_KEY',
    'ALPACA_PAPER_KEY',
  ],
  secret: [
    'APCA_API_SECRET_KEY',
    'ALPACA_SECRET',
    'ALPACA_API_SECRET',
    'ALPACA_API_SECRET_KEY',
    'ALPACA_PAPER_API_SECRET',
    'ALPACA_PAPER_SECRET',
    'ALPACA_PAPER_SECRET_KEY',
  ],
  url: ['APCA_API_BASE_URL', 'ALPACA_API_BASE_URL', 'ALPACA_API_URL', 'ALPACA_ENDPOINT'],
};

const filled = (context: PolicyContext, names: readonly string[]) =>
  names.filter((name) => (context.input.env[name] ?? '').trim() !== '');

function missingFix(context: PolicyContext, name: string, aliases: readonly string[]): string {
  const alias = filled(context, aliases)[0];
  if (alias !== undefined) return `${alias} is set: pass its value as ${name}`;
  return `set ${name}, or ${name}_FILE to the path of a file that holds it`;
}

function conflicts(context: PolicyContext): RuleFinding[] {
  const url = (raw: string) => raw.trim().toLowerCase().replace(/\/$/, '');
  const urls = context.baseUrls.map(({ raw }) => url(raw));
  const differs: [readonly string[], string, (value: string) => boolean][] = [
    [ALIASES.key, 'ALPACA_API_KEY', (value) => context.key.value !== '' && value !== context.key.value],
    [ALIASES.secret, 'ALPACA_SECRET_KEY', (value) => context.secret.value !== '' && value !== context.secret.value],
    [ALIASES.url, 'ALPACA_BASE_URL', (value) => urls.length > 0 && url(value) !== urls[0]],
  ];
  return differs.flatMap(([names, ours, differ]) =>
    filled(context, names)
      .filter((name) => differ((context.input.env[name] ?? '').trim()))
      .map((name) => ({
        where: name,
        message: `${name} is set to something else than ${ours}: a tool that reads it would use another account`,
        fix: `remove ${name} or give it the value of ${ours}`,
      })),
  );
}

function untrimmed(context: PolicyContext): RuleFinding[] {
  return [context.key, context.secret]
    .filter(({ raw, value }) => value !== '' && raw !== value)
    .map(({ where }) => ({
      where,
      message: `${where} has quotes or whitespace around its value`,
      fix: 'store the bare value: without quotes, spaces or line breaks before or behind it',
    }));
}

function secretFiles(context: PolicyContext): RuleFinding[] {
  return [context.key, context.secret].flatMap(({ where, state }) => {
    if (state === 'both') {
      return [{ where, message: `${where} and ${where}_FILE are both set`, fix: 'keep one of the two' }];
    }
    if (state !== 'unread') return [];
    return [
      {
        where,
        message: `the file that ${where} names could not be read`,
        fix: 'check that it exists, is a plain file of less than 64 KiB and may be read by this user',
      },
    ];
  });
}

export const CREDENTIAL_RULES: readonly Rule[] = [
  {
    id: 'key-missing',
    demands: '`ALPACA_API_KEY` (or `ALPACA_API_KEY_FILE`) is there and not blank.',
    check: onKey('missing', (context) => ({
      message: `${context.key.where} is ${context.key.state === 'absent' ? 'not set' : 'empty'}; needed is ${expected(context)}`,
      fix: missingFix(context, 'ALPACA_API_KEY', ALIASES.key),
    })),
  },
  {
    id: 'secret-missing',
    demands: '`ALPACA_SECRET_KEY` (or `ALPACA_SECRET_KEY_FILE`) is there and not blank.',
    check: (context) =>
      given(context.secret) && verdictOnSecret(context) === 'missing'
        ? [
            {
              where: context.secret.where,
              message: `${context.secret.where} is ${context.secret.state === 'absent' ? 'not set' : 'empty'}`,
              fix: missingFix(context, 'ALPACA_SECRET_KEY', ALIASES.secret),
            },
          ]
        : [],
  },
  {
    id: 'secret-file',
    demands:
      'A credential comes from the variable or from the file that `<NAME>_FILE` names, not both; the file can be read.',
    check: secretFiles,
  },
  {
    id: 'untrimmed',
    demands: 'Key and secret stand bare: no quotes, spaces or line breaks around them.',
    check: untrimmed,
  },
  {
    id: 'key-placeholder',
    demands: 'The key is no placeholder: `your_key_here`, `changeme`, `<key>`, an unexpanded `${…}`, `PKXXXX…`.',
    check: onKey('placeholder', (context) => ({
      message: `${context.key.where} holds a placeholder instead of a key`,
      fix: `put ${expected(context)} there; if it names a variable, it was not expanded`,
    })),
  },
  {
    id: 'secret-placeholder',
    demands: 'The secret is no placeholder.',
    check: onSecret('placeholder', {
      message: 'the secret is a placeholder',
      fix: 'put the secret there that was shown when the key was made; if it names a variable, it was not expanded',
    }),
  },
  {
    id: 'key-live',
    demands: 'Outside production the key is no live key (`AK…`), complete or not.',
    check: onKey('live', (context) =>
      context.production && kindOfKey(context.key.value) === 'live' && !looksLikeAws(context.key.value)
        ? undefined
        : liveFinding(context),
    ),
  },
  {
    id: 'key-broker',
    demands: 'The key is no key of the broker API (`CK…`), in no environment.',
    check: onKey('broker', (context) => ({
      message: `${context.key.where} holds a key of Alpaca's broker API (CK…), which trades for other people's accounts`,
      fix: `use ${expected(context)}`,
    })),
  },
  {
    id: 'key-paper',
    demands: 'In production the key is no paper key (`PK…`).',
    check: onKey('paper', (context) =>
      context.production
        ? {
            message: `${context.key.where} holds a paper key (PK…); production trades with its live key`,
            fix: 'use the live key of the production account, or another environment',
          }
        : undefined,
    ),
  },
  {
    id: 'key-shape',
    demands: 'The key has the shape of one: `PK` (production: `AK`) and 18 or 24 more of `A–Z` and `0–9`.',
    check: onKey('shapeless', (context) => ({
      message: `${context.key.where} does not look like an Alpaca key (it has ${context.key.value.length} characters)`,
      fix: `use ${expected(context)}`,
    })),
  },
  {
    id: 'key-equals-secret',
    demands: 'Key and secret differ.',
    check: onSecret('same', {
      message: 'key and secret are the same text',
      fix: 'put the key id in ALPACA_API_KEY and its secret in ALPACA_SECRET_KEY',
    }),
  },
  {
    id: 'secret-is-key',
    demands: 'The secret is not itself a key (`PK…`, `AK…`, `CK…`): the two were swapped or one was pasted twice.',
    check: onSecret('key', {
      message: 'a key id stands where the secret belongs',
      fix: 'put the key id in ALPACA_API_KEY and its secret in ALPACA_SECRET_KEY',
    }),
  },
  {
    id: 'secret-shape',
    demands: 'The secret has 40 to 60 characters of letters, digits, `/` and `+` (Alpaca issues 40 or 44).',
    check: onSecret('shapeless', {
      message: 'the secret does not look like one of Alpaca’s: 40 to 60 letters, digits, / and +',
      fix: 'copy it again, whole; if it is lost, make a new key',
    }),
  },
  {
    id: 'alias-conflict',
    demands: "Other tools' names for key, secret or address (`APCA_API_KEY_ID`, …) are unset or say the same.",
    check: conflicts,
  },
];

function liveFinding(context: PolicyContext): Omit<RuleFinding, 'where'> {
  const { key, production } = context;
  if (production || looksLikeAws(key.value)) {
    return {
      message: `${key.where} starts like a live key (AK…) but is not one: cut off, or another provider's (AWS)`,
      fix: `use ${expected(context)}`,
    };
  }
  return {
    message: `${key.where} holds a live key (AK…): real money. Nothing but paper keys is allowed in ${context.input.environment}`,
    fix: 'take the live key out of every place outside production, replace it at Alpaca, and use a paper key (PK…)',
  };
}
