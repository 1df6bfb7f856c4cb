import { cpus, totalmem } from 'node:os';
import type { MachineFacts } from '../evidence/run.ts';

export function machineFacts(): MachineFacts {
  const processors = cpus();
  return {
    platform: `${process.platform} ${process.arch}`,
    cpus: processors.length,
    cpu_model: processors[0]?.model ?? 'unknown',
    memory_bytes: totalmem(),
    node: process.versions.node,
    postgres: '',
    k6: '',
  };
}
