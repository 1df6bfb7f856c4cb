import type { Command } from 'commander';
import type { CommandContext } from '../context.ts';

export function addMetrics(program: Command, _context: CommandContext): void {
  program.command('metrics').command('export').argument('<file>');
}
