import { loadData } from './load.ts';
import { startSigstore } from './sigstore.ts';
import { ago, bom, commit, deploymentOf, mergeBefore, RELEASE, RUN_ID, vulnerability, type World } from './world.ts';

const ENGINE = RELEASE.images!['execution-engine']!.digest;
const HEX = ENGINE.replace('sha256:', '');

/** SARIF as scanners write it that name neither the image's digest nor the time. */
const bareSarif = (suppressions?: object[]) => ({
  version: '2.1.0',
  runs: [
    {
      tool: { driver: { name: 'scanner', rules: [{ id: 'CVE-1', properties: { 'security-severity': '9.8' } }] } },
      results: suppressions === undefined ? [] : [{ ruleId: 'CVE-1', level: 'error', suppressions }],
    },
  ],
});

/** Other ways in which all is well. */
export const GOOD_WORLDS: { title: string; change(world: World): void | Promise<void> }[] = [
  {
    title: 'a scanner’s result is named by the digest and dated by its artifact',
    change({ files, run }) {
      files.imageAudits.delete('execution-engine.cdx.json');
      files.imageAudits.set(
        `${HEX}.sarif`,
        bareSarif([{ kind: 'external', justification: 'not reachable from here' }]),
      );
      run.artifacts.push({
        id: 90,
        name: `audit-image-${HEX}`,
        size_in_bytes: 10,
        created_at: ago(2),
        expires_at: ago(-2000),
      });
    },
  },
  {
    title: 'a vulnerability is explained (VEX)',
    change: ({ files }) =>
      void files.imageAudits.set(
        'execution-engine.cdx.json',
        bom(ENGINE, [vulnerability('critical', { state: 'not_affected', justification: 'code_not_reachable' })]),
      ),
  },
  {
    title: 'raters differ, and none of those who know calls it high',
    change: ({ files }) =>
      void files.imageAudits.set(
        'execution-engine.cdx.json',
        bom(ENGINE, [{ id: 'CVE-1', ratings: [{ severity: 'medium' }, { severity: 'unknown' }] }]),
      ),
  },
  {
    title: 'the decision names the version, whose tag leads to the commit',
    change(world) {
      world.version = 'v1.4.0';
      world.files.decisionRecords = new Map([['0012.md', '# Release v1.4.0\n\n## Status\n\nAccepted\n']]);
    },
  },
  {
    title: 'two people share the watch without a gap',
    change: ({ files }) =>
      void (files.onCall = [
        { who: 'helper', from: ago(-2), until: ago(-10) },
        { who: 'operator', from: ago(5), until: ago(-2) },
      ]),
  },
  {
    title: 'attestations are GitHub’s own, whose root is the second of two',
    async change({ files }) {
      files.trustedRoot = `${(await startSigstore()).trustedRoot}\n${files.trustedRoot}\n`;
    },
  },
  {
    title: 'an image has an old attestation of somebody else beside ours',
    change({ repository }) {
      const [first] = repository.attestations;
      repository.attestations = [
        { ...first!, id: 99, bundle: { mediaType: 'text/plain' } },
        ...repository.attestations,
      ];
    },
  },
  {
    title: 'nine errors came in an hour, and nine in the next',
    change({ bundle, now }) {
      bundle.errors.push({ service: 'market-data', at: now - 20 * 3_600_000, lines: 9 });
      bundle.errors.push({ service: 'market-data', at: now - 18.9 * 3_600_000, lines: 9 });
    },
  },
  {
    title: 'a warning fired, and a critical alert before the soak',
    change({ bundle, now }) {
      bundle.fired.push({ alertname: 'Slow', severity: 'warning', at: now - 3_600_000 });
      bundle.fired.push({ alertname: 'ServiceDown', severity: 'critical', at: now - 49 * 3_600_000 });
    },
  },
  {
    title: 'a known co-author who did not approve',
    change({ repository, config }) {
      repository.commits[commit('d')]!.message = 'Faster\n\nCo-authored-by: H <h@example.com>';
      config.approvers.accounts = { 'h@example.com': 'helper' };
    },
  },
  {
    title: 'several changes came since the last release, each with approvers who wrote none of them',
    change(world) {
      mergeBefore(world, 5, 'colleague', 'helper');
      mergeBefore(world, 6, 'writer', 'reviewer');
    },
  },
  {
    title: 'who approved a change has merged it with GitHub’s button',
    change(world) {
      const { merge_commit_sha: merged } = mergeBefore(world, 5, 'writer', 'reviewer');
      world.repository.commits[merged ?? '']!.author = 'reviewer';
    },
  },
  {
    title: 'the configuration lets people approve the changes of each other',
    change(world) {
      world.config.approvers.wrote_nothing_of = 'change';
      mergeBefore(world, 5, 'reviewer', 'writer');
    },
  },
  {
    title: 'it is the first release, and the configuration names the commit to count from',
    change({ repository, config }) {
      repository.deployments.shift();
      config.approvers.since = commit('a');
    },
  },
  {
    title: 'the same release is delivered once more',
    change({ repository }) {
      const again = deploymentOf(RELEASE, { id: 115, hoursAgo: 50, environment: 'production' });
      repository.deployments.push({ ...again, payload: repository.deployments[0]!.payload });
    },
  },
  {
    title: 'before the approval, one has approved the change and nobody the run',
    change(world) {
      world.moment = 'before-approval';
      world.run.approvals = [];
    },
  },
  {
    title: 'everything is slower by less than is tolerated',
    change({ files }) {
      const data = loadData({ seed: 1, factor: 1.08 });
      files.evidence = files.evidence.map((item) => (item.stage === 'load' ? { ...item, data } : item));
    },
  },
  {
    title: 'the run was approved after it had been started again',
    change({ run }) {
      run.attempt = 3;
      run.id = RUN_ID;
    },
  },
];
