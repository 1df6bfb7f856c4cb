import type { ComposeModel, ComposeService } from '../model.ts';

/** A service of a rendered bundle that keeps every rule. */
export function soundService(name: string, changes: Partial<ComposeService> = {}): ComposeService {
  return {
    image: `registry.example/papergate/${name}@sha256:${'0f'.repeat(32)}`,
    init: true,
    read_only: true,
    user: '10001:10001',
    cap_drop: ['ALL'],
    security_opt: ['no-new-privileges:true'],
    restart: 'unless-stopped',
    stop_grace_period: '15s',
    environment: { ENVIRONMENT: 'development', API_TOKEN_FILE: '/run/secrets/API_TOKEN' },
    networks: { backplane: null, ports: null },
    dns: ['127.0.0.1'],
    ports: [{ host_ip: '127.0.0.1', target: 5001, published: '5001', protocol: 'tcp' }],
    volumes: [{ type: 'bind', source: '/place/config', target: '/app/config-rendered', read_only: true }],
    secrets: [{ source: 'API_TOKEN' }],
    healthcheck: { test: ['CMD', 'node', 'health.ts'], start_period: '60s', start_interval: '1s' },
    logging: { driver: 'json-file', options: { 'max-size': '100m', 'max-file': '10' } },
    labels: { 'com.papergate.project': 'papergate-development', 'com.papergate.service': name },
    deploy: {
      resources: {
        limits: { cpus: 1, memory: String(256 * 1024 ** 2), pids: 64 },
        reservations: { memory: '1000000' },
      },
    },
    ...changes,
  };
}

/** A small bundle that keeps every rule, as `docker compose config` would write it. */
export function soundModel(services: Record<string, ComposeService> = {}): ComposeModel {
  return {
    name: 'papergate-development',
    services: { 'market-data': soundService('market-data'), ...services },
    networks: {
      backplane: { name: 'papergate-development_backplane', driver: 'bridge', internal: true },
      ports: {
        name: 'papergate-development_ports',
        driver: 'bridge',
        driver_opts: { 'com.docker.network.bridge.enable_ip_masquerade': 'false' },
      },
      egress: { name: 'papergate-development_egress', driver: 'bridge' },
    },
    volumes: {
      'postgres-data': { name: 'papergate-development_postgres-data' },
      'exchange-state': { name: 'papergate-development_exchange-state' },
    },
    secrets: { API_TOKEN: { name: 'papergate-development_API_TOKEN', file: '/place/secrets/API_TOKEN' } },
  };
}
