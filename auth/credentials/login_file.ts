import { basename } from "@std/path/basename";
import { dirname } from "@std/path/dirname";
import { join } from "@std/path/join";
import { ApiError, CredentialError, TimeoutError, UnsupportedRuntimeError } from "../../errors.ts";
import { acquireFileLock } from "../../runtime/file_lock.ts";
import { hasCode, isMissing, type LoginFiles, loginFiles } from "../../runtime/files.ts";
import { makeFolders } from "../../runtime/make_folders.ts";
import { encodeText } from "../../content/bytes.ts";

/** What a new config may be read and written by: its owner alone. */
const NEW_FILE_MODE = 0o600;
const NEW_FOLDER_MODE = 0o700;

/** What is left of an old config's mode: nobody but its owner reads a password. */
const OWNER_BITS = 0o700;

/** How long one holder of the lock is waited for, in milliseconds. */
const LOCK_WAIT_MS = 10_000;

/** When a lock that nobody has touched was left behind, in milliseconds: a write takes a hundredth of it. */
const STALE_LOCK_MS = 5_000;

/** As many as Linux follows. */
const MAX_LINKS = 40;

/**
 * Changes the text of a file, all or nothing: a new file takes its name. The owner stays, and so does
 * the mode, without what it allows to others; where the name is a symbolic link, so does the link. Changes by davit at the same time
 * wait for each other; other programs know of no lock.
 *
 * @param change Returns the new text, or `undefined` where nothing is to change.
 * @throws {CredentialError} When it cannot be written.
 * @throws {TimeoutError} When another program keeps it locked.
 * @throws {UnsupportedRuntimeError} In a browser or a worker.
 */
export async function changeFile(
  name: string,
  read: (path: string) => Promise<string | undefined>,
  change: (text: string | undefined) => string | undefined,
): Promise<void> {
  const system = loginFiles();
  if (system === undefined) {
    throw new UnsupportedRuntimeError(`Cannot write ${name}: this runtime has no files`);
  }
  let unlock: (() => void) | undefined;
  try {
    const path = await followLinks(system, name);
    await makeFolders(system, dirname(path), { mode: NEW_FOLDER_MODE });
    unlock = await lock(path);
    const text = change(await read(path));
    if (text !== undefined) await replace(system, path, text);
  } catch (cause) {
    if (cause instanceof ApiError) throw cause;
    throw new CredentialError(
      `Cannot write ${name}: the system refuses it; look at who may write there, and at the disk`,
      { cause, source: name },
    );
  } finally {
    unlock?.();
  }
}

async function followLinks(system: LoginFiles, name: string): Promise<string> {
  let path = name;
  for (let links = 0; links < MAX_LINKS; links++) {
    let to: string;
    try {
      to = await system.readlink(path);
    } catch (error) {
      if (hasCode(error, "EINVAL", "UNKNOWN") || isMissing(error)) return path;
      throw error;
    }
    path = /^(?:[/\\]|[A-Za-z]:)/.test(to) ? to : join(dirname(path), to);
  }
  throw new CredentialError(`Cannot write ${name}: its symbolic links go in a circle; remove it`, {
    source: name,
  });
}

async function replace(system: LoginFiles, path: string, text: string): Promise<void> {
  const temporary = temporaryOf(path);
  const old = await system.stat(path).catch((error) => {
    if (isMissing(error)) return undefined;
    throw error;
  });
  const file = await system.open(temporary, "wx", NEW_FILE_MODE);
  try {
    try {
      const bytes = encodeText(text);
      let offset = 0;
      while (offset < bytes.byteLength) {
        const left = bytes.byteLength - offset;
        offset += (await file.write(bytes, offset, left, offset)).bytesWritten;
      }
      await file.sync();
    } finally {
      await file.close();
    }
    if (old !== undefined) {
      // Only root may change the owner; for all others it is the right one already.
      await system.chown(temporary, old.uid, old.gid).catch(() => {});
      await system.chmod(temporary, old.mode & OWNER_BITS);
    }
    await system.rename(temporary, path);
  } catch (error) {
    await system.rm(temporary, { force: true });
    throw error;
  }
}

async function lock(path: string): Promise<() => void> {
  const name = `${path}.davit-lock`;
  return await acquireFileLock({
    path: name,
    temporary: () => temporaryOf(path),
    stale: STALE_LOCK_MS,
    patience: LOCK_WAIT_MS,
    late: () =>
      new TimeoutError(
        `Cannot write ${path}: another program has held ${name} for ${LOCK_WAIT_MS} ms`,
      ),
  });
}

function temporaryOf(path: string): string {
  return join(dirname(path), `.${basename(path)}.${crypto.randomUUID()}.part`);
}
