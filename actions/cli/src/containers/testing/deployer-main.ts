import { PapergateError } from '@papergate/config';
import { deployAt } from './at-place.ts';
import type { Answer, Job, Thrown } from './deployer.ts';

// What `makeDeployer` starts; it ends when nobody is there any more who could ask.
process.on('message', (job: Job) => {
  void deployAt(job.where, job.next, job.more).then(
    (outcome) => answer({ outcome }),
    (error: unknown) => answer({ thrown: thrownOf(error) }),
  );
});

const answer = (told: Answer): void => {
  process.send?.(told);
};

function thrownOf(error: unknown): Thrown {
  if (!(error instanceof Error)) return { name: 'Error', message: String(error), stack: undefined };
  const { name, message, stack } = error;
  if (!(error instanceof PapergateError)) return { name, message, stack };
  const { code, exitCode, fix } = error;
  return { name, message, stack, code, exitCode, ...(fix === undefined ? {} : { fix }) };
}
