import { UserError } from '@papergate/config';

export interface ScheduleOptions {
  /** Absolute program and arguments that run what is due: `['/usr/bin/npx', 'papergate', 'db', 'run-due', …]`. */
  command: readonly string[];
  /** Checkout that the command is run in. */
  directory: string;
  /** Name of the units. */
  name: string;
  /** Whom it runs as; absent: whoever owns the timer. */
  user?: string;
}

export interface Schedule {
  /** Files for `/etc/systemd/system/`, or `~/.config/systemd/user/` without a user. */
  systemd: { service: { file: string; text: string }; timer: { file: string; text: string } };
  /** One line for `crontab -e`. */
  crontab: string;
}

/**
 * What to install so that backups and restore drills happen by themselves: one call an hour that does what is due.
 * An hour that was missed is made up for: the timer is persistent, and what is due stays due.
 */
export function schedule({ command, directory, name, user }: ScheduleOptions): Schedule {
  if (!/^[a-z0-9][a-z0-9_.@-]*$/i.test(name)) throw invalid('name of the units', name, 'letters, digits, _ . @ -');
  for (const text of [...command, directory, user ?? '']) {
    if (/[\n\r\0]/.test(text)) throw invalid('schedule', JSON.stringify(text), 'text without line breaks');
  }
  if (!directory.startsWith('/')) throw invalid('folder', directory, 'an absolute path');
  const service = `[Unit]
Description=Papergate: backups and restore drills that are due (${systemdText(name)})
Wants=network-online.target
After=network-online.target

[Service]
Type=oneshot
${user === undefined ? '' : `User=${systemdText(user)}\n`}WorkingDirectory=${systemdText(directory)}
ExecStart=${command.map(systemdWord).join(' ')}
Nice=10
IOSchedulingClass=idle
TimeoutStartSec=6h
`;
  const timer = `[Unit]
Description=Papergate: database care every hour (${systemdText(name)})

[Timer]
OnCalendar=hourly
RandomizedDelaySec=10min
Persistent=true

[Install]
WantedBy=timers.target
`;
  return {
    systemd: {
      service: { file: `${name}.service`, text: service },
      timer: { file: `${name}.timer`, text: timer },
    },
    crontab: `17 * * * * cd ${cronWord(directory)} && ${command.map(cronWord).join(' ')}`,
  };
}

const systemdText = (text: string): string => text.replaceAll('%', '%%');

// systemd.syntax(7), systemd.service(5): C escapes within quotes, `$` begins a variable and `%` a specifier.
function systemdWord(word: string): string {
  if (/^[\w./:=@+,-]+$/.test(word)) return word;
  return `"${systemdText(word)
    .replaceAll('\\', '\\\\')
    .replaceAll('"', '\\"')
    .replaceAll('$', () => '$$')}"`;
}

// crontab(5): an unescaped `%` is a line break, also within quotes.
function cronWord(word: string): string {
  const escaped = word.replaceAll('%', '\\%');
  if (/^[\w./:=@+,-]+$/.test(word)) return word;
  return escaped.includes('\\%')
    ? word
        .split('%')
        .map((part) => (part === '' ? '' : shellWord(part)))
        .join('\\%')
    : shellWord(word);
}

const shellWord = (word: string): string => `'${word.replaceAll("'", "'\\''")}'`;

function invalid(what: string, found: string, allowed: string): UserError {
  return new UserError({
    code: 'SCHEDULE_INVALID',
    message: `the ${what} is ${found}, allowed: ${allowed}`,
    fix: 'name another one',
  });
}
