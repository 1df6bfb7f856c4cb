import { linkSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';

/**
 * Runs `act` while no other process installs into this checkout. A lock whose owner is gone is taken over:
 * it is moved aside, which one process can do, and looked at again, in case it was a younger one.
 */
export async function withInstallLock(path, act, onWait = () => {}) {
  mkdirSync(dirname(path), { recursive: true, mode: 0o711 });
  const draft = `${path}.${process.pid}`;
  for (let told = false; ;) {
    writeFileSync(draft, String(process.pid));
    try {
      linkSync(draft, path);
      break;
    } catch (error) {
      if (error.code !== 'EEXIST') throw error;
    } finally {
      rmSync(draft, { force: true });
    }
    const owner = ownerOf(path);
    if (owner !== undefined && !isAlive(owner)) {
      takeAway(path, owner);
      continue;
    }
    if (!told && owner !== undefined) onWait(owner);
    told = true;
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
  try {
    return await act();
  } finally {
    if (ownerOf(path) === process.pid) rmSync(path, { force: true });
  }
}

function ownerOf(path) {
  try {
    return Number(readFileSync(path, 'utf8'));
  } catch {
    return undefined;
  }
}

function isAlive(pid) {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error.code === 'EPERM';
  }
}

function takeAway(path, deadOwner) {
  const aside = `${path}.dead.${process.pid}`;
  try {
    renameSync(path, aside);
  } catch {
    return;
  }
  try {
    if (ownerOf(aside) !== deadOwner) linkSync(aside, path);
  } catch {
    // A third one has locked meanwhile; two installs at once are npm's to survive, and next to impossible.
  } finally {
    rmSync(aside, { force: true });
  }
}
