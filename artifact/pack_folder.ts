import { join } from "@std/path/join";
import type { ReopenableBody } from "../content/body.ts";
import type { Bytes } from "../content/bytes.ts";
import { toDigest } from "../content/digest.ts";
import { gzip } from "../content/gzip.ts";
import { createHasher, type Hasher } from "../content/hasher.ts";
import { checkLinkTarget } from "../content/safe_path.ts";
import { type TarSource, writeTar } from "../content/tar_writer.ts";
import { InvalidOptionError } from "../errors.ts";
import type { FileTree } from "../runtime/file_tree.ts";
import { compareCodePoints } from "../manifest/go_json.ts";
import { fileBody } from "./local_files.ts";

/** The annotation that makes a layer a folder: `"true"`, as oras reads and writes it. */
export const UNPACK = "io.deis.oras.content.unpack";

/** The annotation with the digest of a folder's tar before it was compressed. */
export const TAR_DIGEST = "io.deis.oras.content.digest";

/** A folder as a layer: a gzipped tar that is made anew each time it is read. */
interface PackedFolder {
  /** The digest of the compressed tar. */
  digest: string;
  tarDigest: string;
  /** The compressed tar. */
  body: ReopenableBody & { size: number };
}

interface FolderOptions {
  /** The name of the folder in the tar; with `.` the tar has what is in the folder. */
  title: string;
  /** The time of everything in it, in seconds since 1970. @default {when each was written} */
  mtime?: number;
}

/** Reads a folder once to know its digest; it is read again to be sent, and never held in memory. */
export async function packFolder(
  tree: FileTree,
  folder: string,
  options: FolderOptions,
): Promise<PackedFolder> {
  const root = await tree.realpath(folder);
  const tar = () => writeTar(entriesOf(tree, root, ".", options));
  const whole = await createHasher("sha256");
  const packed = await createHasher("sha256");
  let size = 0;
  for await (const piece of gzip(hashed(tar(), whole))) {
    packed.update(piece);
    size += piece.byteLength;
  }
  return {
    digest: toDigest("sha256", await packed.digest()),
    tarDigest: toDigest("sha256", await whole.digest()),
    body: { size, open: (offset = 0) => streamFrom(gzip(tar()), offset) },
  };
}

/** Everything in a folder in the order of Go's `filepath.Walk`, the folder itself first. */
async function* entriesOf(
  tree: FileTree,
  root: string,
  path: string,
  options: FolderOptions,
): AsyncGenerator<TarSource> {
  const { title, mtime } = options;
  const file = join(root, path);
  const stat = await tree.lstat(file);
  const name = title === "." ? path : path === "." ? title : `${title}/${path}`;
  const common = {
    name,
    mode: stat.mode & 0o7777,
    mtime: mtime ?? Math.round(stat.mtimeMs / 1000),
  };
  if (stat.isSymbolicLink()) {
    const target = await tree.readlink(file);
    checkLinkTarget(path, target);
    yield { ...common, type: "symlink", target };
  } else if (stat.isFile()) {
    const { size, open } = fileBody(tree, file, stat.size);
    yield { ...common, type: "file", size, open };
  } else if (stat.isDirectory()) {
    yield { ...common, type: "directory" };
    // As Go sorts them.
    for (const child of (await tree.readdir(file)).sort(compareCodePoints)) {
      yield* entriesOf(tree, root, path === "." ? child : `${path}/${child}`, options);
    }
  } else {
    throw new InvalidOptionError(`Cannot pack ${file}: it is no file, folder or symbolic link`);
  }
}

async function* hashed(pieces: AsyncGenerator<Bytes>, hasher: Hasher): AsyncGenerator<Bytes> {
  for await (const piece of pieces) {
    hasher.update(piece);
    yield piece;
  }
}

function streamFrom(pieces: AsyncGenerator<Bytes>, offset: number): ReadableStream<Bytes> {
  let skip = offset;
  return new ReadableStream({
    async pull(controller) {
      for (;;) {
        const { done, value } = await pieces.next();
        if (done) return controller.close();
        if (value.byteLength > skip) {
          controller.enqueue(value.slice(skip) as Bytes);
          skip = 0;
          return;
        }
        skip -= value.byteLength;
      }
    },
    async cancel() {
      await pieces.return(undefined);
    },
  }, { highWaterMark: 0 });
}
