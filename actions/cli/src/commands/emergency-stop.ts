import { Option, type Command } from 'commander';
import { EXIT, ExternalError, messageOf, readSecret } from '@papergate/config';
import { askStatus } from '@papergate/delivery';
import type { CommandContext } from '../context.ts';
import { nonEmpty } from '../values.ts';

/** Longer than the orchestrator itself waits for the broker to confirm. */
const PATIENCE_MS = 90_000;

export function addEmergencyStop(program: Command, context: CommandContext): void {
  program
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
    )
    .option('--json', 'the orchestrator’s answer as it is', false)
    .action((flags: { reason: string; url?: string; json: boolean }) => emergencyStop(flags, context));
}

async function emergencyStop(
  { reason, url, json }: { reason: string; url?: string; json: boolean },
  context: CommandContext,
): Promise<void> {
  const base = url ?? (await orchestratorOf(context));
  const token = readSecret(context.env, 'API_TOKEN');
  const { status, body } = await post(`${base.replace(/\/$/, '')}/api/v1/emergency-stop`, { reason }, token?.reveal());
  const confirmed = status === 200;
  if (json) context.output.out(body);
  else
    context.output.out(
      confirmed ? `trading is halted and no order is open\n${body}` : `NOT confirmed (${status}): ${body}`,
    );
  context.setExitCode(confirmed ? EXIT.ok : EXIT.external);
}

async function orchestratorOf({ home }: CommandContext): Promise<string> {
  const place = home();
  const url = (await askStatus(place))?.services.find(({ name }) => name === 'orchestrator')?.url;
  if (url !== undefined) return url;
  throw new ExternalError({
    code: 'NO_STAGING',
    message: `no staging runs in ${place.dir}`,
    fix: 'name the orchestrator: papergate emergency-stop --url http://host:port',
  });
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
