import { join } from "@std/path/join";
import { type Digest, isDigest } from "../../content/digest.ts";
import { isRepositoryName, type RepositoryName } from "../../reference/repository_name.ts";
import { type FileSystem, isMissing } from "../../runtime/files.ts";

/** What a layout has in its own folder: a repository below it may not have that name. */
const OF_LAYOUTS = ["blobs", "index.json", "oci-layout"];

/** Names that are devices on Windows, whatever comes after a dot. */
const DEVICES = /^(?:aux|con|nul|prn|com[0-9]|lpt[0-9])(?:\.|$)/;

/** No component of a name starts with it, so that it marks those that would be something else. */
const MARK = "_";

/**
 * The folder of a repository, relative to the registry's: its name as it is. `a/blobs` would be a
 * part of the layout `a`, and so is `a/_blobs`.
 */
export function repositoryFolder(repository: RepositoryName): string {
  return repository.split("/").map((component) =>
    OF_LAYOUTS.includes(component) || DEVICES.test(component) ? MARK + component : component
  ).join("/");
}

/** The repositories in a folder, of which so many are looked into. Links are not followed. */
export async function* findRepositories(
  system: FileSystem,
  root: string,
  most = Infinity,
): AsyncGenerator<RepositoryName> {
  const folders: string[] = [""];
  let left = most;
  for (let name = folders.pop(); name !== undefined && left-- > 0; name = folders.pop()) {
    const path = name === "" ? root : join(root, repositoryFolder(name as RepositoryName));
    for (const entry of await namesIn(system, path)) {
      const component = entry.startsWith(MARK) ? entry.slice(MARK.length) : entry;
      const inner = name === "" ? component : `${name}/${component}`;
      if (entry === "oci-layout" && name !== "") yield name as RepositoryName;
      if (!isRepositoryName(inner)) continue;
      // Only what the scheme makes: "_a" is not the folder of "a".
      if (join(root, repositoryFolder(inner)) !== join(path, entry)) continue;
      if (await isFolder(system, join(path, entry))) folders.push(inner);
    }
  }
}

/** The digests of the blobs and manifests in the folder of a layout. */
export async function* blobsIn(system: FileSystem, layout: string): AsyncGenerator<Digest> {
  for (const algorithm of ["sha256", "sha512"]) {
    const folder = join(layout, "blobs", algorithm);
    if (!await isFolder(system, folder)) continue;
    for (const name of await namesIn(system, folder)) {
      const digest = `${algorithm}:${name}`;
      if (isDigest(digest)) yield digest;
    }
  }
}

/** The names in a folder; none where there is no such folder. */
async function namesIn(system: FileSystem, path: string): Promise<string[]> {
  try {
    return await system.readdir(path);
  } catch (error) {
    if (isMissing(error)) return [];
    throw error;
  }
}

/** Whether anything stands at a path. */
export async function exists(system: FileSystem, path: string): Promise<boolean> {
  try {
    await system.lstat(path);
    return true;
  } catch (error) {
    if (isMissing(error)) return false;
    throw error;
  }
}

/** Whether a folder, and no link to one, stands at a path. */
export async function isFolder(system: FileSystem, path: string): Promise<boolean> {
  try {
    return (await system.lstat(path)).isDirectory();
  } catch (error) {
    if (isMissing(error)) return false;
    throw error;
  }
}
