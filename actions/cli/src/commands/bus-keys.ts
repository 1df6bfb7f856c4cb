import type { Command } from 'commander';
import { EXIT, UserError } from '@papergate/config';
import { rotateBusKeys } from '@papergate/delivery';
import type { CommandContext } from '../context.ts';
import { addPlaceFlags, type PlaceFlags } from './place-flags.ts';
import { withPlace } from './with-place.ts';

interface Flags extends PlaceFlags {
  rotate: boolean;
  json: boolean;
}

/** The keys that the services' sockets have on the bus. A deploy makes them; all that is left to do by hand is to take new ones. */
export function addBusKeys(program: Command, context: CommandContext): void {
  const command = program
    .command('bus-keys')
    .description('the keys of a place’s bus: take them away, so that the next deploy makes new ones')
    .option('--rotate', 'take them away; the bundle has to be stopped', false);
  addPlaceFlags(command)
    .option('--json', 'one JSON object', false)
    .action(async (flags: Flags) => {
      if (!flags.rotate) {
        throw new UserError({
          code: 'USAGE',
          message: 'bus-keys was not told what to do',
          fix: 'papergate bus-keys --rotate takes the keys away, so that the next deploy makes new ones',
        });
      }
      const { interrupts, output } = context;
      const removed = await withPlace(flags, context, (open) =>
        rotateBusKeys(open.acting('papergate bus-keys --rotate', () => {}, interrupts.stop)),
      );
      const text =
        removed.length === 0 ? 'there are no keys yet; a deploy makes them' : 'the next deploy makes new keys';
      output.out(flags.json ? JSON.stringify({ removed }) : text);
      context.setExitCode(EXIT.ok);
    });
}
