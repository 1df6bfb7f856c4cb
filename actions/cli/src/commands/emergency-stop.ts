import { Option, type Command } from 'commander';
import { EXIT, ExternalError, messageOf, readSecret, type Secret } from '@papergate/config';
import { recordAct, runningUrls, type OpenPlace } from '@papergate/delivery';
import type { CommandContext } from '../context.ts';
import { nonEmpty } from '../values.ts';
import { addPlaceFlags, type PlaceFlags } from './place-flags.ts';
import { withPlace } from './with-place.ts';

/** Longer than the orchestrator itself waits for the broker to confirm. */
const PATIENCE_MS = 90_000;

interface Flags extends PlaceFlags {
  reason: string;
  url?: string;
  json: boolean;
}

export function addEmergencyStop(program: Command, context: CommandContext): void {
  const command = program
    .command('emergency-stop')
    .description('halt trading and cancel every open order; returns when the broker confirms that none is open')
    .addOption(
      new Option('--reason <text>', 'what is written down')
        .argParser(nonEmpty('some text'))
        .default('papergate emergency-stop'),
    )
    .addOption(
      new Option('--url <address>', 'the orchestrator; that of the staging here, if not given').argParser(
        nonEmpty('http://host:port'),
      ),
    );
  addPlaceFlags(command)
    .option('--json', 'the orchestrator’s answer as it is', false)
    .action((flags: Flags) => emergencyStop(flags, context));
}

async function emergencyStop(flags: Flags, context: CommandContext): Promise<void> {
  const { url, reason, json } = flags;
  const given = readSecret(context.env, 'API_TOKEN');
  const send = async (base: string, token: Secret | undefined): Promise<{ status: number; body: string }> =>
    post(`${base.replace(/\/$/, '')}/api/v1/emergency-stop`, { reason }, token?.reveal());
  const { status, body } =
    url === undefined
      ? await withPlace(flags, context, (place) => stopPlace(place, reason, given, send))
      : await send(url, given);
  const confirmed = status === 200;
  if (json) context.output.out(body);
  else
    context.output.out(
      confirmed ? `trading is halted and no order is open\n${body}` : `NOT confirmed (${status}): ${body}`,
    );
  context.setExitCode(confirmed ? EXIT.ok : EXIT.external);
}

/** Asks first and writes down after: nothing may stand between the call and the broker. */
async function stopPlace(
  open: OpenPlace,
  reason: string,
  given: Secret | undefined,
  send: (base: string, token: Secret | undefined) => Promise<{ status: number; body: string }>,
): Promise<{ status: number; body: string }> {
  const running = await runningUrls(open);
  const orchestrator = running?.urls['orchestrator'];
  if (running === undefined || orchestrator === undefined) {
    throw new ExternalError({
      code: 'NO_STAGING',
      message: `no staging runs in ${open.place.dir}`,
      fix: 'name the orchestrator: papergate emergency-stop --url http://host:port',
    });
  }
  const answer = await send(orchestrator, given ?? (await open.target.token()));
  const acting = open.acting('papergate emergency-stop', () => {}, open.options.signal);
  const outcome = answer.status === 200 ? 'done' : 'failed';
  await recordAct(acting, { action: 'emergency-stop', outcome, detail: { reason, status: answer.status } });
  return answer;
}

async function post(url: string, body: unknown, token: string | undefined): Promise<{ status: number; body: string }> {
  try {
    const response = await fetch(url, {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
      },
      body: JSON.stringify(body),
      signal: AbortSignal.timeout(PATIENCE_MS),
      redirect: 'error',
    });
    return { status: response.status, body: await response.text() };
  } catch (error) {
    throw new ExternalError({
      code: 'ORCHESTRATOR_UNREACHABLE',
      message: `${url} does not answer: ${messageOf(error)}`,
      fix: 'cancel open orders at the broker itself (Alpaca’s dashboard), and look at "npx papergate status"',
      cause: error,
    });
  }
}
