/** `node smoke/src/main.ts --orchestrator URL …`: looks at a deployed bundle from outside. */
import { describeError, EXIT, PapergateError, type ExitCode } from '@papergate/config';
import { lineOf, parseOptions, runSmoke, summaryOf, USAGE, type Report } from './index.ts';

const aborter = new AbortController();
// The first one lets the test put back what it changed; the second ends it at once.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => aborter.abort());

const say = (text: string) => process.stdout.write(`${text}\n`);

function exitCodeOf({ reached, results }: Report): ExitCode {
  if (!reached) return EXIT.external;
  return results.every(({ status }) => status === 'passed') ? EXIT.ok : EXIT.blocked;
}

try {
  const { help, json, targets, token, patienceMs, production } = parseOptions(process.argv.slice(2));
  if (help) {
    say(USAGE);
  } else {
    const report = await runSmoke({
      targets,
      token,
      patienceMs,
      production,
      signal: aborter.signal,
      onResult: (result) => say(json ? JSON.stringify({ type: 'check', ...result }) : lineOf(result)),
    });
    const summary = summaryOf(report);
    say(
      json
        ? JSON.stringify({ type: 'summary', reached: report.reached, summary, checks: report.results.length })
        : summary,
    );
    process.exitCode = exitCodeOf(report);
  }
} catch (error) {
  process.stderr.write(`${aborter.signal.aborted ? 'interrupted' : describeError(error)}\n`);
  process.exitCode = error instanceof PapergateError ? error.exitCode : EXIT.external;
}
