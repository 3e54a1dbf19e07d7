import type { ReopenableBody } from "../content/body.ts";
import type { Bytes } from "../content/bytes.ts";
import { UnsupportedRuntimeError } from "../errors.ts";
import { type FileTree, fileTree } from "../runtime/file_tree.ts";
import { type FileCursor, openCursor } from "../runtime/files.ts";

const READ_BYTES = 256 * 1024;

/**
 * The machine's files.
 *
 * @throws {UnsupportedRuntimeError} In a browser or a worker.
 */
export function localFiles(what: string): FileTree {
  const tree = fileTree();
  if (tree !== undefined) return tree;
  throw new UnsupportedRuntimeError(`Cannot ${what}: this runtime has no files`);
}

/** A file as a body, read while it is sent. */
export function fileBody(
  tree: FileTree,
  path: string,
  size: number,
): ReopenableBody & { size: number } {
  return {
    size,
    open: async (offset = 0) => cursorStream(await openCursor(tree, path, "read", offset)),
  };
}

function cursorStream(file: FileCursor): ReadableStream<Bytes> {
  return new ReadableStream({
    async pull(controller) {
      const buffer = new Uint8Array(READ_BYTES);
      const count = await file.read(buffer);
      if (count > 0) return controller.enqueue(buffer.subarray(0, count));
      await file.close();
      controller.close();
    },
    cancel: () => file.close(),
  }, { highWaterMark: 0 });
}
