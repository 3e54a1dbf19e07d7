import { InvalidOptionError } from "../errors.ts";
import type { Bytes } from "./bytes.ts";
import { pieceReader } from "./piece_reader.ts";
import { checkLinkTarget, safePath } from "./safe_path.ts";
import { paddingOf, TAR_END, type TarHeader, writeTarHeader } from "./tar_header.ts";

/** Something to write into a tar. */
export interface TarSource {
  /** Its path in the tar, relative, with `/` between its parts. */
  name: string;
  /** What it is. */
  type: "file" | "directory" | "symlink";
  /** The permission bits. */
  mode: number;
  /** When it was last written, in seconds since 1970. */
  mtime: number;
  /** A file's size in bytes. @default {0} */
  size?: number;
  /** A file's content. */
  open?(): ReadableStream<Bytes> | Promise<ReadableStream<Bytes>>;
  /** Where a symbolic link leads. */
  target?: string;
}

const FLAGS = { file: "0", directory: "5", symlink: "2" } as const;

/**
 * A tar of the entries in the order given, as oras writes it: POSIX's form, with PAX where a name
 * wants it, 0 as owner and group, and two blocks of zeros at the end.
 *
 * @throws {UnsafePathError} When a reader would have to refuse a name, or where a link leads.
 * @throws {InvalidOptionError} When a file has more or fewer bytes than was said.
 */
export async function* writeTar(
  sources: Iterable<TarSource> | AsyncIterable<TarSource>,
): AsyncGenerator<Bytes> {
  for await (const { name, type, mode, mtime, size = 0, open, target = "" } of sources) {
    const path = safePath(name, "a name in a tar");
    if (type === "symlink") checkLinkTarget(path, target);
    const header: TarHeader = { name: path, flag: FLAGS[type], size, mode, mtime, target };
    yield writeTarHeader(header);
    if (open === undefined) continue;
    const reader = pieceReader(await open());
    let left = size;
    try {
      for (;;) {
        const { done, value } = await reader.read();
        if (done || value === undefined) break;
        left -= value.byteLength;
        if (left < 0) break;
        yield value;
      }
    } finally {
      await reader.cancel().catch(() => {});
    }
    if (left !== 0) {
      throw new InvalidOptionError(
        `Cannot pack ${JSON.stringify(path)}: it has ${left < 0 ? "more" : "fewer"} bytes than ` +
          `the ${size} it had when it was looked at`,
      );
    }
    if (paddingOf(size) > 0) yield new Uint8Array(paddingOf(size));
  }
  yield TAR_END.slice();
}
