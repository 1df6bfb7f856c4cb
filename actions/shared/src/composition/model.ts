/** A Compose project as `docker compose config --format json` writes it: the parts that are looked at, the rest as it came. */
export interface ComposeService {
  image: string;
  command?: string[] | null;
  entrypoint?: string[] | null;
  environment?: Record<string, string | null>;
  labels?: Record<string, string>;
  depends_on?: Record<string, { condition: string; required?: boolean }>;
  networks?: Record<string, unknown>;
  ports?: { host_ip?: string; target: number; published?: string; protocol?: string }[];
  volumes?: { type: string; source?: string; target: string; read_only?: boolean }[];
  secrets?: { source: string; target?: string }[];
  profiles?: string[];
  user?: string;
  read_only?: boolean;
  init?: boolean;
  privileged?: boolean;
  network_mode?: string;
  pid?: string;
  ipc?: string;
  dns?: string[];
  cap_add?: string[];
  cap_drop?: string[];
  security_opt?: string[];
  restart?: string;
  stop_grace_period?: string;
  healthcheck?: {
    test?: string[];
    interval?: string;
    start_period?: string;
    start_interval?: string;
    disable?: boolean;
  };
  logging?: { driver?: string; options?: Record<string, string> };
  deploy?: { resources?: { limits?: Resources; reservations?: Resources } };
  [key: string]: unknown;
}
interface Resources {
  cpus?: number | string;
  /** Bytes, as text. */
  memory?: string;
  pids?: number;
}

export interface ComposeModel {
  name: string;
  services: Record<string, ComposeService>;
  networks?: Record<string, ComposeNetwork>;
  volumes?: Record<string, { name: string; external?: boolean }>;
  secrets?: Record<string, { name: string; file: string }>;
  [key: string]: unknown;
}
export interface ComposeNetwork {
  name: string;
  external?: boolean;
  internal?: boolean;
  driver?: string;
  driver_opts?: Record<string, string>;
  [key: string]: unknown;
}
