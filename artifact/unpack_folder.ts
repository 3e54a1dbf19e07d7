import { peekCompression } from "../content/compression.ts";
import { parseDigest } from "../content/digest.ts";
import { type DecompressLimits, gunzip } from "../content/gzip.ts";
import { type PieceReader, pieceReader } from "../content/piece_reader.ts";
import { checkLinkTarget, safePath } from "../content/safe_path.ts";
import { readTar, type TarEntry, type TarLimits } from "../content/tar_reader.ts";
import { verifyingStream } from "../content/verifying_stream.ts";
import { InvalidArchiveError, UnsafePathError } from "../errors.ts";
import type { StagedFiles } from "./staged_files.ts";

type UnpackLimits = TarLimits & DecompressLimits;

/** What an entry takes in a tar beside its content: a header, and zeros up to the next block. */
const ENTRY_BYTES = 1024;

/** What a tar may have beside its entries: long names, and zeros at its end. */
const FREE_BYTES = 1024 * 1024;

interface UnpackedFolder {
  entries: number;
  bytes: number;
}

/** Only who may read, write and run a file is taken over: setuid, setgid and sticky are not. */
const MODE_BITS = 0o777;

/**
 * Unpacks a folder's tar, gzipped or not. Files get their modes and times, folders those that new
 * ones have.
 *
 * @param title The folder's path, and what every name in the tar begins with; `.` for neither.
 * @param tarDigest What the tar's digest must be.
 */
export async function unpackFolder(
  staged: StagedFiles,
  title: string,
  source: PieceReader,
  limits: UnpackLimits,
  tarDigest?: string,
): Promise<UnpackedFolder> {
  const result: UnpackedFolder = { entries: 0, bytes: 0 };
  let tar = await decompressed(source, limits);
  if (tarDigest !== undefined) {
    tar = pieceReader(await verifyingStream(tar, { digest: parseDigest(tarDigest) }));
  }
  await staged.addFolder(title);
  for await (const entry of readTar(tar, limits)) {
    result.entries++;
    result.bytes += entry.size;
    const inside = pathInside(title, entry.name);
    const path = title === "." ? inside : inside === "." ? title : `${title}/${inside}`;
    if (entry.type === "directory") {
      await staged.addFolder(path);
    } else if (inside === ".") {
      throw new InvalidArchiveError(
        `Cannot unpack ${JSON.stringify(title)}: the tar has a ${entry.type} in its place`,
      );
    } else if (entry.type === "file") {
      await staged.addFile(path, entry.content);
      await staged.setAttributes(path, entry.mode & MODE_BITS, entry.mtime);
    } else if (entry.type === "symlink") {
      checkLinkTarget(inside, entry.target!);
      await staged.addLink("symlink", path, entry.target!);
    } else {
      await staged.addLink("link", path, linkedFile(staged, title, entry));
    }
  }
  return result;
}

function pathInside(title: string, name: string): string {
  if (title === "." || name === title) return title === "." ? name : ".";
  if (name.startsWith(`${title}/`)) return name.slice(title.length + 1);
  throw new UnsafePathError(
    `Cannot unpack ${JSON.stringify(name)}: it is not in the folder ${JSON.stringify(title)}`,
    { path: name },
  );
}

/** Tars name a hard link's file from their top; oras takes a name in the folder too. */
function linkedFile(staged: StagedFiles, title: string, { name, target }: TarEntry): string {
  const path = safePath(target!, `the target of the link ${JSON.stringify(name)}`);
  const inTar = title === "." || path.startsWith(`${title}/`) ? path : undefined;
  const found = [inTar, `${title}/${path}`].find((each) => each && staged.hasFile(each));
  if (found !== undefined) return found;
  throw new InvalidArchiveError(
    `Cannot unpack the link ${JSON.stringify(name)}: the file ${JSON.stringify(target)} is not ` +
      "before it",
  );
}

/** By what it begins with, whatever its media type says. */
async function decompressed(source: PieceReader, limits: UnpackLimits): Promise<PieceReader> {
  const { compression, reader } = await peekCompression(source);
  if (compression === "gzip") {
    const { maxBytes, maxEntries, maxRatio } = limits;
    const headers = maxEntries * ENTRY_BYTES + FREE_BYTES;
    return gunzip(reader, { maxBytes: maxBytes + headers, maxRatio });
  }
  if (compression === "zstd") {
    await source.cancel().catch(() => {});
    throw new InvalidArchiveError("Cannot unpack a folder: it is compressed with zstd, not gzip");
  }
  return reader;
}
