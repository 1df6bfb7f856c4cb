import { table } from '../output.ts';
import type { StepOutcome } from './apply.ts';
import { isWhole, type Item, type ItemState, type Plan } from './types.ts';

const MARKS: Readonly<Record<ItemState, string>> = { ok: '✔', set: '+', 'by-hand': '!', unknown: '?', note: '·' };

/** Each setting under what it belongs to: as it is, and as it has to be where that is another. */
export function showItems(items: readonly Item[]): string {
  const groups = new Map<string, Item[]>();
  for (const item of items) groups.set(item.of, [...(groups.get(item.of) ?? []), item]);
  const lines: string[] = [];
  for (const [of, members] of groups) {
    lines.push('', of);
    const rows = members.map(({ what, is, wanted, state }) => [
      `  ${MARKS[state]}`,
      what,
      state === 'ok' ? is : `${is} → ${wanted}`,
    ]);
    const texts = table(rows).split('\n');
    members.forEach(({ fix }, index) => {
      lines.push(texts[index] ?? '');
      if (fix !== undefined) lines.push(`      ${fix}`);
    });
  }
  return lines.join('\n').trimStart();
}

export function showPlan(repository: string, plan: Plan): string {
  const { steps } = plan;
  const by = count(plan.items, 'by-hand');
  const unknown = count(plan.items, 'unknown');
  const last = [
    isWhole(plan) ? 'nothing is missing' : '',
    steps.length > 0 ? `${plural(steps.length, 'step')} with --apply: ${steps.map(({ what }) => what).join('; ')}` : '',
    by > 0 ? `${by} by hand (!)` : '',
    unknown > 0 ? `${unknown} that this token does not see (?)` : '',
  ].filter((text) => text !== '');
  return [repository, '', showItems(plan.items), '', ...last].join('\n');
}

export function showStep({ what, failed }: StepOutcome): string {
  if (failed === undefined) return `✔ ${what}`;
  return `✖ ${what}: ${failed.code}: ${failed.message}${failed.fix === undefined ? '' : `\n    ${failed.fix}`}`;
}

const count = (items: readonly Item[], state: ItemState): number => items.filter((item) => item.state === state).length;
const plural = (number: number, word: string): string => `${number} ${word}${number === 1 ? '' : 's'}`;
