import {
  DeliveryTimes,
  EvidenceStore,
  keptDelivery,
  pruneEvidence,
  type DeliverEvent,
  type DeliverOutcome,
  type Manifest,
  type OpenPlace,
} from '@papergate/delivery';
import type { CommandContext } from '../context.ts';
import { showDelivery } from '../view/delivery-view.ts';

/** So many releases keep what was proven of them; whoever wants more copies the folder. */
const KEPT = 20;

/** A delivery by hand, shown as it goes; it leaves the same evidence as the action does, however it ends. */
export async function keptMove(
  { place }: OpenPlace,
  to: Manifest,
  { json, context }: { json: boolean; context: CommandContext },
  move: (onEvent: (event: DeliverEvent) => void) => Promise<DeliverOutcome>,
): Promise<{ outcome: DeliverOutcome; evidence: string }> {
  const { output } = context;
  const home = context.home();
  const store = EvidenceStore.open(to, { home });
  const times = new DeliveryTimes();
  const show = showDelivery(output, json);
  const onEvent = (event: DeliverEvent): void => {
    times.onEvent(event);
    show(event);
  };
  const facts = { environment: place.environment, target: place.kind };
  const kept = { store, facts, times, warn: (message: string) => output.err(`note: ${message}`) };
  const outcome = await keptDelivery(kept, () => move(onEvent));
  pruneEvidence(home, KEPT);
  return { outcome, evidence: store.dir };
}
