import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Option, type Command } from 'commander';
import { EXIT, Secret } from '@papergate/config';
import type { CommandContext } from '../context.ts';
import { choice, nonEmpty, wholeNumber } from '../values.ts';
import { choose } from '../workflows/choose.ts';
import { gitHistory } from '../workflows/history.ts';
import { openJob, type Job } from '../workflows/job.ts';
import { auditDependencies, found, SEVERITIES, type Severity } from '../workflows/audit.ts';
import { keyAges } from '../workflows/key-age.ts';
import { baseline, checkpoints, imagesOf, proven, type Kept } from '../workflows/proven.ts';
import { release } from '../workflows/release.ts';

const SHOWN = 50;

/** `workflow`: steps of this repository's own workflows; each leaves outputs and a summary as GitHub wants them. */
export function addWorkflow(program: Command, context: CommandContext): void {
  const workflow = program.command('workflow').description('steps of the workflows in .github/workflows');
  const text = (flags: string, what: string): Option => new Option(flags, what).argParser(nonEmpty('some text'));
  const inJob = async (act: (job: Job) => Promise<void>): Promise<void> => {
    const job = openJob(context.env, context.interrupts.stop);
    try {
      context.setExitCode(EXIT.ok);
      await act(job);
    } finally {
      await job.github.close();
    }
  };

  workflow
    .command('choose')
    .description('the commit that a delivery takes: the newest green one of the branch')
    .addOption(text('--branch <name>', 'what is delivered').makeOptionMandatory())
    .addOption(text('--check <name>', 'what has to be green').default('green'))
    .addOption(text('--environment <name>', 'whose last delivery it is compared with').default('staging'))
    .addOption(text('--sha <commit>', 'this one, all 40 digits, if it is green'))
    .action((flags: ChooseFlags) => inJob((job) => runChoose(job, flags, context)));
  workflow
    .command('proven')
    .description('where the proof of a commit lies that staging has run')
    .addOption(text('--sha <commit>', 'all 40 digits').makeOptionMandatory())
    .addOption(text('--environment <name>', 'where it was proven').default('staging'))
    .addOption(text('--branch <name>', 'whose nightly drill left the list of checkpoints').default('main'))
    .action((flags: ProvenFlags) => inJob((job) => runProven(job, flags, context)));
  workflow
    .command('running')
    .description('where the evidence lies of what an environment runs by GitHub’s record')
    .addOption(text('--environment <name>', 'where').default('staging'))
    .action(({ environment }: { environment: string }) =>
      inJob(async (job) => {
        const running = await job.github.lastGood({ environment });
        const kept = running && (await proven(job.github, { sha: running.sha, environment }));
        tellKept(job, context, { evidence: kept });
      }),
    );
  workflow
    .command('images')
    .description('images of the release that evidence is about')
    .addOption(text('--evidence <folder>', 'its artifact, downloaded').makeOptionMandatory())
    .action(({ evidence }: { evidence: string }) =>
      inJob((job) => {
        const images = imagesOf(evidence);
        job.output('images', JSON.stringify(images));
        context.output.out(`images: ${images.length}`);
        return Promise.resolve();
      }),
    );
  workflow
    .command('audit')
    .description('npm audit of the lock file, as the gate to production takes it')
    .addOption(text('--out <file>', 'where it is written').makeOptionMandatory())
    .addOption(
      new Option('--fail-on <severity>', 'end with 1 where there is one of it or worse').argParser(choice(SEVERITIES)),
    )
    .action((flags: { out: string; failOn?: Severity }) => runAudit(flags, context));
  workflow
    .command('key-age')
    .description('secrets of environments that were not changed for too long')
    .addOption(
      text('--environment <name...>', 'which').argParser((value: string, before: string[] | undefined) => [
        ...(before ?? []),
        value,
      ]),
    )
    .addOption(new Option('--days <n>', 'a quarter has 90').argParser(wholeNumber(1, 3650)).default(90))
    .action((flags: { environment?: string[]; days: number }) => inJob((job) => runKeyAge(job, flags, context)));
  workflow
    .command('release')
    .description('the release of a version tag, from the changelog; moves the tag of its major version')
    .addOption(text('--tag <name>', 'such as v1.2.3').makeOptionMandatory())
    .action(({ tag }: { tag: string }) => inJob((job) => runRelease(job, tag, context)));
}

interface ProvenFlags {
  sha: string;
  environment: string;
  branch: string;
}

interface ChooseFlags {
  branch: string;
  check: string;
  environment: string;
  sha?: string;
}

async function runChoose(job: Job, flags: ChooseFlags, { repository, output }: CommandContext): Promise<void> {
  const history = gitHistory(repository);
  const { sha, covers } = await choose({ github: job.github, history, own: job.sha, ...flags });
  job.output('sha', sha);
  const lines = (covers ?? [])
    .slice(0, SHOWN)
    .map((commit) => `- \`${commit.slice(0, 12)}\` ${history.subject(commit)}`);
  const more = (covers?.length ?? 0) - lines.length;
  const what =
    covers === null
      ? 'there is no delivery before it on record'
      : covers.length === 0
        ? 'it brings no commit that is not there already'
        : `it brings ${covers.length} commits:`;
  const told = [`Delivers \`${sha}\`; ${what}`, '', ...lines, ...(more > 0 ? [`- and ${more} more`] : [])].join('\n');
  job.summary(told);
  output.out(told);
}

async function runProven(job: Job, { sha, environment, branch }: ProvenFlags, context: CommandContext): Promise<void> {
  const { interrupts } = context;
  const { github, apiUrl, token, repository } = job;
  const evidence = await proven(github, { sha, environment });
  const before = await baseline(github, { environment: 'production' });
  const api = { apiUrl, token, repository, signal: interrupts.stop };
  const drill = await checkpoints({ ...api, branch, workflow: 'scheduled.yml' });
  tellKept(job, context, { evidence, baseline: before, checkpoints: drill });
}

function tellKept(job: Job, { output }: CommandContext, all: Readonly<Record<string, Kept | undefined>>): void {
  for (const [name, kept] of Object.entries(all)) {
    job.output(`${name}-run`, kept === undefined ? '' : String(kept.runId));
    job.output(`${name}-artifact`, kept?.artifact ?? '');
    output.out(`${name}: ${kept === undefined ? 'none' : `artifact ${kept.artifact} of run ${kept.runId}`}`);
  }
}

async function runAudit(flags: { out: string; failOn?: Severity }, context: CommandContext): Promise<void> {
  const { repository, env, interrupts, output } = context;
  const audit = await auditDependencies(repository, { env, now: new Date(), signal: interrupts.stop });
  writeFileSync(flags.out, `${JSON.stringify(audit, null, 2)}\n`);
  const counts = SEVERITIES.map((severity) => [severity, found(audit, severity)] as const);
  const [, all] = counts[0] ?? [];
  // No result is no good news: the gate blocks on it, and so does whoever asked to be told.
  output.out(
    all === undefined
      ? '::warning title=npm audit::the registry gave no result; nothing is known of the dependencies'
      : `vulnerabilities: ${counts.map(([severity, count]) => `${severity} and above ${count}`).join(', ')}`,
  );
  const bad = flags.failOn === undefined ? 0 : found(audit, flags.failOn);
  context.setExitCode(bad === 0 ? EXIT.ok : EXIT.blocked);
}

/** A token that may look at secrets' dates is another than the workflow's own, which GitHub never lets do it. */
async function runKeyAge(
  job: Job,
  { environment: environments = ['staging', 'production'], days }: { environment?: string[]; days: number },
  { env, output, interrupts, setExitCode }: CommandContext,
): Promise<void> {
  const token = new Secret(env['SECRETS_TOKEN'] ?? '');
  if (token.isEmpty) {
    output.out(
      '::warning title=age of keys::there is no secret SECRETS_READ_TOKEN, so nobody knows how old the keys are; docs/setup.md says how to make it',
    );
    return;
  }
  const { repository, apiUrl } = job;
  const ages = await keyAges({ apiUrl, token, repository, environments, now: new Date(), signal: interrupts.stop });
  const old = ages.filter((key) => key.days >= days);
  for (const { environment, name, days: age } of old) {
    output.out(
      `::error title=rotate ${name}::${name} of ${environment} was set ${age} days ago; keys change every ${days} days`,
    );
  }
  const rows = ages.map(({ environment, name, days: age }) => `| ${environment} | \`${name}\` | ${age} |`);
  job.summary(['| environment | secret | days |', '| --- | --- | ---: |', ...rows].join('\n'));
  output.out(`${ages.length} secrets, ${old.length} of them ${days} days old or older`);
  if (old.length > 0) setExitCode(EXIT.blocked);
}

async function runRelease(job: Job, tag: string, { repository, output, interrupts }: CommandContext): Promise<void> {
  const { apiUrl, token, sha } = job;
  const changelog = readFileSync(join(repository, 'CHANGELOG.md'), 'utf8');
  const { url, major } = await release({
    apiUrl,
    token,
    repository: job.repository,
    tag,
    sha,
    changelog,
    signal: interrupts.stop,
  });
  job.output('url', url);
  const told = `Released ${tag}${major === undefined ? '' : `, and ${major} is now the same`}: ${url}`;
  job.summary(told);
  output.out(told);
}
