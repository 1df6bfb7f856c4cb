import { availableParallelism, cpus, freemem, loadavg, totalmem } from 'node:os';

export interface HostUsage {
  cores: number;
  load_1m: number;
  cpu_percent: number | null;
  memory_total_bytes: number;
  memory_free_bytes: number;
}

/** The machine's load; `cpu_percent` is of all cores together since the call before. */
export function hostMeter(): () => HostUsage {
  let before = cpuTimes();
  return () => {
    const now = cpuTimes();
    const busy = now.busy - before.busy;
    const all = now.all - before.all;
    before = now;
    return {
      cores: availableParallelism(),
      load_1m: Math.round(loadavg()[0]! * 100) / 100,
      cpu_percent: all <= 0 ? null : Math.round((busy / all) * 10_000) / 100,
      memory_total_bytes: totalmem(),
      memory_free_bytes: freemem(),
    };
  };
}

function cpuTimes(): { busy: number; all: number } {
  let busy = 0;
  let all = 0;
  for (const { times } of cpus()) {
    const sum = times.user + times.nice + times.sys + times.idle + times.irq;
    busy += sum - times.idle;
    all += sum;
  }
  return { busy, all };
}
