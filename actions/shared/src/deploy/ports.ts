import { ExternalError, type SystemConfig } from '@papergate/config';
import { canListen } from '../net/free-port.ts';
import { portHolder } from '../net/port-holder.ts';

interface WantedPort {
  service: string;
  host: string;
  port: number;
}

function wantedPorts(system: SystemConfig, embeddedDatabase: boolean): WantedPort[] {
  const wanted = Object.entries(system.services).flatMap(([service, { host, ...ports }]) =>
    Object.values(ports).map((port) => ({ service, host, port })),
  );
  return embeddedDatabase
    ? [{ service: 'PostgreSQL', host: '127.0.0.1', port: system.database.port }, ...wanted]
    : wanted;
}

/** Looks at every port before anything is started. @throws ExternalError PORT_IN_USE naming all that are taken */
export async function checkPorts(system: SystemConfig, embeddedDatabase: boolean): Promise<number> {
  const wanted = wantedPorts(system, embeddedDatabase);
  const taken: string[] = [];
  for (const { service, host, port } of wanted) {
    if (await canListen(port, host)) continue;
    const holder = portHolder(port);
    taken.push(
      `${port} (${service}) is held by ${holder === undefined ? 'another process' : `process ${holder.pid}: ${holder.command}`}`,
    );
  }
  if (taken.length === 0) return wanted.length;
  throw new ExternalError({
    code: 'PORT_IN_USE',
    message: `${taken.length === 1 ? 'a port that staging needs is' : 'ports that staging needs are'} in use: ${taken.join('; ')}`,
    fix: 'end what holds them, change the ports in config/system.<environment>.json and commit, or use --ports free',
  });
}
