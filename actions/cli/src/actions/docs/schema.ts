import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { stringify } from 'yaml';
import { defaultText, type InputSchema } from '@papergate/delivery';
import { UserError } from '@papergate/config';
import { readDefinition, type ActionDefinition } from '../definition.ts';

type Described = Pick<ActionDefinition, 'inputs' | 'outputs'>;

/** Inputs and outputs as the code of an action has them. @throws UserError ACTION_SCHEMA_MISSING */
export async function schemaOf(root: string, action: string): Promise<Required<Described>> {
  const path = join(root, 'actions', action, 'src', 'inputs.ts');
  const { INPUTS, OUTPUTS } = (await import(path)) as { INPUTS?: InputSchema; OUTPUTS?: Record<string, string> };
  if (INPUTS === undefined || OUTPUTS === undefined) {
    throw new UserError({
      code: 'ACTION_SCHEMA_MISSING',
      message: `actions/${action}/src/inputs.ts exports ${INPUTS === undefined ? 'no INPUTS' : 'no OUTPUTS'}`,
      fix: 'export INPUTS (defineInputs) and OUTPUTS (defineOutputs)',
    });
  }
  const inputs = Object.entries(INPUTS).map(([name, spec]) => {
    const fallback = defaultText(spec);
    const described = {
      description: spec.description,
      ...(spec.required === true ? { required: true } : {}),
      ...(fallback === undefined ? {} : { default: fallback }),
    };
    return [name, described] as const;
  });
  const outputs = Object.entries(OUTPUTS).map(([name, description]) => [name, { description }] as const);
  return { inputs: Object.fromEntries(inputs), outputs: Object.fromEntries(outputs) };
}

/** What action.yml says otherwise than the code, in words. */
export async function staleDefinition(root: string, action: string): Promise<string[]> {
  const [said, meant] = [readDefinition(root, action), await schemaOf(root, action)];
  return (['inputs', 'outputs'] as const).flatMap((part) => {
    const [says, means] = [said[part] ?? {}, meant[part]];
    return [...new Set([...Object.keys(says), ...Object.keys(means)])].flatMap((name) => {
      const where = `action.yml, ${part}.${name}`;
      if (says[name] === undefined) return [`${where} is missing`];
      if (means[name] === undefined) return [`${where} is nothing that src/inputs.ts has`];
      return JSON.stringify(sorted(says[name])) === JSON.stringify(sorted(means[name]))
        ? expressionIn(where, says[name].description)
        : [`${where} says otherwise than src/inputs.ts`];
    });
  });
}

const sorted = (value: object): [string, unknown][] => Object.entries(value).toSorted(([a], [b]) => (a < b ? -1 : 1));

/** The runner evaluates it, wherever it stands, and then refuses the action. */
const expressionIn = (where: string, text: string): string[] =>
  text.includes('${{') ? [`${where} has an expression in its description`] : [];

/** Puts inputs and outputs into action.yml as the code has them; all else in it stays. Whether anything changed. */
export async function writeDefinition(root: string, action: string): Promise<boolean> {
  const path = join(root, 'actions', action, 'action.yml');
  const before = readFileSync(path, 'utf8');
  const { inputs, outputs } = await schemaOf(root, action);
  const write = (value: object): string => stringify(value, { lineWidth: 0, singleQuote: true });
  const rest = withoutParts(before);
  const text = rest.replace(/^runs:/m, () => `${write({ inputs })}\n${write({ outputs })}\nruns:`);
  if (text !== before) writeFileSync(path, text);
  return text !== before;
}

/** Without the two parts: each goes on to the next line that begins at the margin. */
const withoutParts = (text: string): string =>
  text.replace(/^(?:inputs|outputs):.*\n(?:[ \t].*\n|\n(?=[ \t\n]|outputs:|runs:))*\n*/gm, '');
