import type { Command } from 'commander';
import { recover, renderDiagnosis, type DeliverEvent } from '@papergate/delivery';
import type { CommandContext } from '../context.ts';
import { recoveredLine, showDelivery } from '../view/delivery-view.ts';
import { addPlaceFlags, type PlaceFlags } from './place-flags.ts';
import { withPlace } from './with-place.ts';

export function addRecover(program: Command, context: CommandContext): void {
  const command = program
    .command('recover')
    .description('finish or undo a deploy whose deployer was killed; every deploy begins with it');
  addPlaceFlags(command)
    .option('--json', 'one JSON object', false)
    .action((flags: PlaceFlags & { json: boolean }) =>
      withPlace(flags, context, async (place) => {
        const { output, interrupts } = context;
        const show = showDelivery(output, flags.json);
        // What came of it is said at the end.
        const onEvent = (event: DeliverEvent): void => (event.type === 'recovered' ? undefined : show(event));
        const outcome = await recover(place.acting('papergate recover', onEvent, interrupts.stop));
        const text = [
          recoveredLine(outcome),
          ...outcome.warnings.map((warning) => `note: ${warning}`),
          ...(outcome.diagnosis === undefined ? [] : [renderDiagnosis(outcome.diagnosis)]),
        ].join('\n');
        output.out(flags.json ? JSON.stringify(outcome) : text);
        context.setExitCode(outcome.exitCode);
      }),
    );
}
