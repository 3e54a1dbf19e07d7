import { basename } from "@std/path/basename";
import { openBody, type ReopenableBody } from "../content/body.ts";
import { type Bytes, encodeText } from "../content/bytes.ts";
import { TITLE } from "../content/content_type.ts";
import { checkDescriptor, type Descriptor } from "../content/descriptor.ts";
import { hashPieces } from "../content/hash_pieces.ts";
import { MEDIA_TYPES } from "../content/media_types.ts";
import { safePath } from "../content/safe_path.ts";
import { InvalidOptionError, UnsafePathError } from "../errors.ts";
import { fileBody, localFiles } from "./local_files.ts";
import { packFolder, TAR_DIGEST, UNPACK } from "./pack_folder.ts";

/**
 * Content to pack: a text, bytes, a `Blob`, or what can be opened as often as needed, as it is read
 * once to know its digest and once to be sent. A stream cannot be.
 */
export type PackBody = string | Bytes | Blob | ReopenableBody;

/** Content for a layer or a config. */
export interface PackContent {
  /** The content. */
  body: PackBody;
  /** Its media type. @default {"application/octet-stream"} */
  mediaType?: string;
  /** Annotations of its descriptor. */
  annotations?: Record<string, string>;
}

/** A file or folder of an artifact: on this machine by its `path`, or else a file's `body`. */
export interface PackFile {
  /** A file or folder of this machine. */
  path?: string;
  /** A file's content, where there is no path. */
  body?: PackBody;
  /**
   * The name that it is unpacked under: relative, with `/` between its parts. `.` for what is in a
   * folder.
   * @default {the path, or its last part where the path is not a safe relative one}
   */
  title?: string;
  /**
   * The media type: oras's, which calls everything a layer.
   * @default {"application/vnd.oci.image.layer.v1.tar", and with `+gzip` for a folder}
   */
  mediaType?: string;
  /** More annotations of its descriptor. */
  annotations?: Record<string, string>;
}

/** A descriptor, and what is to be pushed under it; without a body the store has it already. */
export interface PackedBlob {
  /** The descriptor as it stands in the manifest. */
  descriptor: Descriptor;
  body?: Exclude<PackBody, string>;
}

/** A layer or config: a descriptor of what the store has, or content. */
export async function packContent(
  content: Descriptor | PackContent,
  what: string,
): Promise<PackedBlob> {
  if (typeof content === "object" && content !== null && "body" in content) {
    const { body, mediaType = MEDIA_TYPES.octetStream, annotations } = content;
    return await describedBlob(body, mediaType, annotations);
  }
  try {
    return { descriptor: checkDescriptor(content, what) };
  } catch (cause) {
    throw new InvalidOptionError((cause as Error).message, { cause });
  }
}

/** A file or folder, with the title and annotations that oras gives it. */
export async function packFile(file: string | PackFile, mtime?: number): Promise<PackedBlob> {
  const { path, body, title: given, mediaType, annotations }: PackFile = typeof file === "string"
    ? { path: file }
    : file;
  if ((path === undefined) === (body === undefined)) {
    throw new InvalidOptionError("Cannot pack a file: it must have either a 'path' or a 'body'");
  }
  const title = titleFor(path, given);
  const titled = { ...annotations, [TITLE]: title };
  if (path === undefined) {
    checkFileTitle(title);
    return await describedBlob(body!, mediaType ?? MEDIA_TYPES.ociLayer, titled);
  }
  const tree = localFiles(`pack ${path}`);
  const stat = await tree.stat(path);
  if (!stat.isDirectory()) {
    if (!stat.isFile()) {
      throw new InvalidOptionError(`Cannot pack ${path}: it is no file or folder`);
    }
    checkFileTitle(title);
    const content = fileBody(tree, path, stat.size);
    return await describedBlob(content, mediaType ?? MEDIA_TYPES.ociLayer, titled);
  }
  const folder = await packFolder(tree, path, { title, ...(mtime !== undefined && { mtime }) });
  return {
    descriptor: {
      mediaType: mediaType ?? MEDIA_TYPES.ociLayerGzip,
      digest: folder.digest,
      size: folder.body.size,
      annotations: { [TAR_DIGEST]: folder.tarDigest, [UNPACK]: "true", ...titled },
    },
    body: folder.body,
  };
}

function titleFor(path: string | undefined, title: string | undefined): string {
  if (title !== undefined) return safePath(title, "the title");
  if (path === undefined) {
    throw new InvalidOptionError("Cannot pack a file: a 'body' needs a 'title'");
  }
  try {
    return safePath(path, "the title");
  } catch (error) {
    if (!(error instanceof UnsafePathError)) throw error;
    return safePath(basename(path), "the title");
  }
}

function checkFileTitle(title: string): void {
  if (title === ".") throw new InvalidOptionError("Cannot pack a file under the title '.'");
}

async function describedBlob(
  given: PackBody,
  mediaType: string,
  annotations?: Record<string, string>,
): Promise<PackedBlob> {
  const body = typeof given === "string" ? encodeText(given) : given;
  if (body instanceof ReadableStream) {
    throw new InvalidOptionError(
      "Cannot pack a stream, as its digest must be known before it is sent: pass {size, open()}",
    );
  }
  const { digest, size } = await hashPieces(await openBody(body).open());
  return { descriptor: { mediaType, digest, size, ...(annotations && { annotations }) }, body };
}
