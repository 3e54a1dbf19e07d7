/**
 * Pushes a blob with a journal in a file: `journal_program.ts ORIGIN between|within FOLDER [CHUNKS]`.
 * With CHUNKS its source gives no more after so many, between two requests or within one.
 */
import { type Bytes, digestOf, RegistryClientV2 } from "@davit/registry-client";
import { fileUploadJournal } from "@davit/registry-client/stores";

const [origin, where, folder, chunks] = Deno.args as [string, string, string, string?];
const CHUNK = 1024 * 1024;
const SIZE = 8 * CHUNK;
const bytes = new Uint8Array(SIZE).map((_, at) => at * 17 + (at >> 9) + where.length);
const digest = await digestOf(bytes);
const end = chunks === undefined
  ? Infinity
  : Number(chunks) * CHUNK + (where === "within" ? CHUNK / 2 : 0);

let resumed = 0;
const client = new RegistryClientV2({
  name: `${origin}/${where}`,
  scopes: ["pull", "push"],
  journal: fileUploadJournal(folder),
  onEvent: (event) => void (event.type === "resume" && (resumed = event.offset)),
});

function open(offset = 0): ReadableStream<Bytes> {
  let at = offset;
  return new ReadableStream({
    async pull(controller) {
      if (at >= end) {
        // Time for what was sent to arrive.
        await new Promise((resolve) => setTimeout(resolve, 200));
        console.log("waits");
        await new Promise(() => setInterval(() => {}, 1_000));
      }
      if (at >= SIZE) return controller.close();
      controller.enqueue(bytes.slice(at, at += CHUNK / 4));
    },
  }, { highWaterMark: 0 });
}

await client.putBlob({ size: SIZE, open }, {
  digest,
  ...(where === "between" && { chunkSize: CHUNK }),
});
const { stream } = await client.getBlob(digest);
await stream.pipeTo(new WritableStream());
console.log(`went on at ${resumed} of ${SIZE}`);
