import { testContentStore } from "../content/test_content_store.ts";
import { createArchive } from "./create_archive.ts";
import { archiveBytes } from "./archive_bytes.ts";
import { ArchiveIndex } from "./archive_index.ts";
import { DEFAULT_ARCHIVE_LIMITS } from "../content/limits.ts";

for (const format of ["oci", "docker"] as const) {
  testContentStore(`createArchive, ${format}`, async () => {
    const folder = await Deno.makeTempDir();
    const store = await createArchive(`${folder}/image.tar`, { format });
    return {
      store,
      async damage({ digest }) {
        const [part] = await Array.fromAsync(Deno.readDir(folder));
        const path = `${folder}/${part!.name}`;
        const bytes = await archiveBytes(path, DEFAULT_ARCHIVE_LIMITS);
        const index = await ArchiveIndex.read(bytes, DEFAULT_ARCHIVE_LIMITS);
        const name = [...index.names()].find((name) => name.includes(digest.slice(7)))!;
        const { offset } = index.find(name)!;
        const file = await Deno.open(path, { write: true, read: true });
        await file.seek(offset + 1000, 0);
        const byte = new Uint8Array(1);
        await file.read(byte);
        byte[0]! ^= 1;
        await file.seek(offset + 1000, 0);
        await file.write(byte);
        file.close();
      },
      async close() {
        await store.abort();
        await Deno.remove(folder, { recursive: true });
      },
    };
  });
}
