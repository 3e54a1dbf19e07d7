import { join } from "@std/path/join";
import type { Bytes } from "../content/bytes.ts";
import { InvalidArchiveError, InvalidOptionError, UnsafePathError } from "../errors.ts";
import type { FileTree, TreeStat } from "../runtime/file_tree.ts";
import { hasCode, isMissing, openCursor } from "../runtime/files.ts";
import { makeFolders } from "../runtime/make_folders.ts";

/** A link that is made when all files are there, so that none is written through it. */
interface Link {
  type: "symlink" | "link";
  path: string;
  target: string;
}

/**
 * Files that are gathered in a folder of their own and take their places together: a failure leaves
 * nothing behind, and what is in the target's folder is neither read nor followed before.
 *
 * Every path is one that `safePath` has answered.
 */
export class StagedFiles {
  readonly #claimed = new Map<string, "file" | "directory" | "link">([[".", "directory"]]);
  readonly #links: Link[] = [];

  private constructor(
    private readonly tree: FileTree,
    readonly folder: string,
    private readonly stage: string,
  ) {}

  /** For a folder, which need not be there yet. */
  static async create(tree: FileTree, folder: string): Promise<StagedFiles> {
    await makeFolders(tree, folder);
    const real = await tree.realpath(folder);
    // On the same disk, so that a rename publishes what is in it.
    const stage = join(real, `.davit-${crypto.randomUUID()}.part`);
    await tree.mkdir(stage);
    return new StagedFiles(tree, real, stage);
  }

  /**
   * Makes a folder, with those above it.
   *
   * @throws {UnsafePathError} When a file or link is in its place, or above it.
   */
  async addFolder(path: string): Promise<void> {
    const parts = path === "." ? [] : path.split("/");
    for (let count = 1; count <= parts.length; count++) {
      const at = parts.slice(0, count).join("/");
      const claimed = this.#claimed.get(at);
      if (claimed === "directory") continue;
      if (claimed !== undefined) {
        throw new UnsafePathError(
          `Cannot unpack ${JSON.stringify(path)}: ${JSON.stringify(at)} is a ${claimed}`,
          { path },
        );
      }
      this.#claimed.set(at, "directory");
      await this.tree.mkdir(join(this.stage, at)).catch((error) => this.#refuseTwice(error, at));
    }
  }

  /** Writes a file; the folders above it are made. */
  async addFile(path: string, content: AsyncIterable<Bytes>): Promise<number> {
    await this.#claim(path, "file");
    const name = join(this.stage, path);
    const file = await openCursor(this.tree, name, "create")
      .catch((error) => this.#refuseTwice(error, path));
    let size = 0;
    try {
      for await (const piece of content) {
        await file.write(piece);
        size += piece.byteLength;
      }
    } finally {
      await file.close();
    }
    return size;
  }

  /** Gives a file that was added a mode and a time, in seconds since 1970. */
  async setAttributes(path: string, mode: number, mtime: number): Promise<void> {
    const name = join(this.stage, path);
    await this.tree.chmod(name, mode);
    await this.tree.utimes(name, mtime, mtime);
  }

  /** Adds a symbolic link whose target was checked, or one more name for a file. */
  async addLink(type: "symlink" | "link", path: string, target: string): Promise<void> {
    await this.#claim(path, "link");
    this.#links.push({ type, path, target });
  }

  hasFile(path: string): boolean {
    return this.#claimed.get(path) === "file";
  }

  /**
   * Makes the links, and moves everything to its place. Files and links that are there are replaced.
   *
   * @throws {InvalidOptionError} When a folder is where a file should be, or the reverse; nothing was
   * moved then.
   */
  async publish(): Promise<void> {
    for (const type of ["link", "symlink"] as const) {
      for (const { path, target } of this.#links.filter((link) => link.type === type)) {
        const name = join(this.stage, path);
        if (type === "symlink") await this.tree.symlink(target, name);
        else await this.tree.link(join(this.stage, target), name);
      }
    }
    const names = await this.tree.readdir(this.stage);
    for (const act of [this.#check, this.#move]) {
      for (const name of names) {
        await act.call(this, join(this.stage, name), join(this.folder, name));
      }
    }
  }

  /** Removes what did not take its place. */
  async discard(): Promise<void> {
    await this.tree.rm(this.stage, { recursive: true, force: true });
  }

  async #claim(path: string, what: "file" | "link"): Promise<void> {
    const slash = path.lastIndexOf("/");
    if (slash > 0) await this.addFolder(path.slice(0, slash));
    if (this.#claimed.has(path)) throw twice(path);
    this.#claimed.set(path, what);
  }

  /** Disks take some different names for one: `a` and `A`. */
  #refuseTwice(error: unknown, path: string): never {
    throw hasCode(error, "EEXIST") ? twice(path) : error;
  }

  async #check(from: string, to: string): Promise<void> {
    const there = await this.#stat(to);
    if (there === undefined) return;
    const isFolder = (await this.tree.lstat(from)).isDirectory();
    if (isFolder !== there.isDirectory()) {
      throw new InvalidOptionError(
        `Cannot unpack to ${to}: ${isFolder ? "it is there and no folder" : "a folder is there"}`,
      );
    }
    if (!isFolder) return;
    for (const name of await this.tree.readdir(from)) {
      await this.#check(join(from, name), join(to, name));
    }
  }

  async #move(from: string, to: string): Promise<void> {
    if ((await this.#stat(to))?.isDirectory()) {
      for (const name of await this.tree.readdir(from)) {
        await this.#move(join(from, name), join(to, name));
      }
    } else await this.tree.rename(from, to);
  }

  async #stat(path: string): Promise<TreeStat | undefined> {
    try {
      return await this.tree.lstat(path);
    } catch (error) {
      if (isMissing(error)) return undefined;
      throw error;
    }
  }
}

function twice(path: string): InvalidArchiveError {
  return new InvalidArchiveError(`Cannot unpack ${JSON.stringify(path)}: it is there twice`);
}
