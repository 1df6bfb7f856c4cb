import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Type, type Static } from 'typebox';
import { Value } from 'typebox/value';
import { parse } from 'yaml';
import { messageOf, UserError } from '@papergate/config';

const InputSchema = Type.Object(
  {
    description: Type.String({ minLength: 1 }),
    required: Type.Optional(Type.Boolean()),
    default: Type.Optional(Type.String()),
  },
  { additionalProperties: false },
);

/** What we write into an action.yml of ours, and nothing else. */
const DefinitionSchema = Type.Object(
  {
    name: Type.String({ minLength: 1 }),
    description: Type.String({ minLength: 1 }),
    author: Type.Optional(Type.String()),
    branding: Type.Optional(Type.Object({ icon: Type.String(), color: Type.String() })),
    inputs: Type.Optional(Type.Record(Type.String(), InputSchema)),
    outputs: Type.Record(
      Type.String(),
      Type.Object({ description: Type.String({ minLength: 1 }) }, { additionalProperties: false }),
    ),
    runs: Type.Object(
      {
        using: Type.Literal('node24'),
        main: Type.Literal('dist/index.cjs'),
        post: Type.Optional(Type.Literal('dist/index.cjs')),
        'post-if': Type.Optional(Type.String()),
      },
      { additionalProperties: false },
    ),
  },
  { additionalProperties: false },
);
export type ActionDefinition = Static<typeof DefinitionSchema>;

/** @throws UserError ACTION_DEFINITION_INVALID */
export function readDefinition(root: string, action: string): ActionDefinition {
  const path = join(root, 'actions', action, 'action.yml');
  const value = readYaml(path, action);
  if (Value.Check(DefinitionSchema, value)) return value;
  const [first] = Value.Errors(DefinitionSchema, value);
  throw invalid(action, `${first?.instancePath ?? ''} ${first?.message ?? 'has another shape'}`);
}

function readYaml(path: string, action: string): unknown {
  try {
    return parse(readFileSync(path, 'utf8'), { schema: 'core' });
  } catch (error) {
    throw invalid(action, messageOf(error).split('\n', 1)[0] ?? '');
  }
}

const invalid = (action: string, why: string): UserError =>
  new UserError({
    code: 'ACTION_DEFINITION_INVALID',
    message: `actions/${action}/action.yml: ${why}`,
    fix: 'texts with a colon in them, and defaults that are numbers or booleans, stand in quotes; runs.using is node24',
  });
