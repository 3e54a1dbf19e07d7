/**
 * Stores of content addressed by digest: what a registry's repository is too, so that content moves
 * between any two of them.
 *
 * @example
 * ```ts
 * import { MemoryStore } from "@davit/registry-client/stores";
 * import { assertEquals } from "@std/assert";
 *
 * const hello = {
 *   mediaType: "text/plain",
 *   digest: "sha256:2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824",
 *   size: 5,
 * };
 * const here = new MemoryStore();
 * await here.write(hello, new TextEncoder().encode("hello"));
 *
 * const there = new MemoryStore();
 * await there.write(hello, { open: (offset) => here.open(hello, { offset }) });
 * assertEquals(await there.exists(hello), true);
 * ```
 *
 * @module
 */
export { MemoryStore, memoryStore } from "./memory_store.ts";
export { type FileBody, openFile } from "./open_file.ts";
export { saveFile, type SaveFileOptions } from "./save_file.ts";
export { LayoutStore } from "./layout_store.ts";
export type { LayoutStoreOptions, RemoveUnreferencedOptions } from "./layout_store_options.ts";
export type { UnreferencedContent } from "./unreferenced_content.ts";
export type { ArchiveInput } from "./archive_bytes.ts";
export type { ArchiveFormat, ArchiveSource } from "./archive_source.ts";
export type { ArchiveStore } from "./archive_store.ts";
export { createArchive, type CreateArchiveOptions } from "./create_archive.ts";
export { openArchive, type OpenArchiveOptions } from "./open_archive.ts";
export type { ArchiveLimits } from "./archive_limits.ts";
export {
  fileUploadJournal,
  type FileUploadJournalOptions,
  type UploadJournal,
  type UploadKey,
  type UploadRecord,
} from "./file_upload_journal.ts";
