import { defaultGateConfig, describeConfig } from './config.ts';
import { RULES } from './rules/index.ts';
import { RULE_NAMES } from './types.ts';

const cell = (text: string): string => text.replaceAll('|', String.raw`\|`);

/** All rules of production as a Markdown table, for the README: what each is about, its figures, and what it blocks with. */
export function rulesTable(): string {
  const config = defaultGateConfig();
  const rows = RULE_NAMES.map((name) => {
    const { title, source, codes } = RULES[name];
    const reasons = Object.entries(codes).map(([code, means]) => `\`${code}\` ${means}`);
    return [`\`${name}\``, title, source, describeConfig(config, name) || '–', reasons.join('; ')];
  });
  const lines = [
    ['rule', 'what has to hold', 'source', 'figures by default', 'blocks with'],
    Array.from({ length: 5 }, () => '---'),
    ...rows,
  ];
  return lines.map((cells) => `| ${cells.map(cell).join(' | ')} |`).join('\n');
}
