/**
 * Requests of every kind to an upload while its closing PUT is answered, on every backend, with another
 * repository that pushes the same bytes: nothing that was verified changes. `DAVIT_FLOOD_ROUNDS` says
 * how often, and `DAVIT_SEED` sees a failure again.
 */
import { assert, assertEquals } from "@std/assert";
import { tempFolder } from "../../scripts/temp_folder.ts";
import {
  createRegistry,
  diskBackend,
  MemoryBackend,
  objectBackend,
  type ObjectStore,
  type RegistryBackend,
} from "../../server/mod.ts";
import { Dice, digestOf } from "./traffic.ts";

const SEED = Number(Deno.env.get("DAVIT_SEED") ?? 20_261);
const ROUNDS = Number(Deno.env.get("DAVIT_FLOOD_ROUNDS") ?? 15);

/** How many requests reach an upload in each round, beside the one that closes it. */
const FLOOD = 12;

const ORIGIN = "http://registry.test";
const EVIL = new TextEncoder().encode("EVIL");

/** A storage of objects in memory. */
function memoryObjects(): ObjectStore {
  const objects = new Map<string, Blob>();
  return {
    get(key, { offset, length } = { offset: 0, length: Infinity }) {
      return Promise.resolve(objects.get(key)?.slice(offset, offset + length).stream());
    },
    put: (key, bytes) => Promise.resolve(void objects.set(key, new Blob([bytes]))),
    delete: (keys) => Promise.resolve(keys.forEach((key) => objects.delete(key))),
    list(prefix, after) {
      const found = [...objects].filter(([key]) => key.startsWith(prefix) && key > after).sort();
      return Promise.resolve({
        objects: found.map(([key, { size }]) => ({ key, size })),
        more: false,
      });
    },
  };
}

/** Backends of one storage: several are several processes. */
type Open = (folder: string) => RegistryBackend[];

const BACKENDS: Record<string, Open> = {
  "memory": () => [new MemoryBackend()],
  "disk": (folder) => [diskBackend(folder, { durable: false })],
  "object store, two processes": () => {
    const objects = memoryObjects();
    return [1, 2].map(() => objectBackend(objects, { segmentBytes: 1_000 }));
  },
};

/** Lets so many turns of the event loop pass. */
async function turns(count: number): Promise<void> {
  for (let turn = 0; turn < count; turn++) await new Promise((resolve) => setTimeout(resolve, 0));
}

for (const [name, open] of Object.entries(BACKENDS)) {
  Deno.test(`a flood of requests during ${ROUNDS} closing PUTs: ${name}`, async () => {
    await using folder = await tempFolder();
    const dice = new Dice(SEED);
    const errors: unknown[] = [];
    const registries = open(folder.path).map((backend) =>
      createRegistry({ backend, onError: (error) => errors.push(error) })
    );
    const send = async (method: string, path: string, body?: BodyInit) => {
      const { fetch } = registries[dice.below(registries.length)]!;
      const response = await fetch(ORIGIN + path, {
        method,
        ...(body !== undefined && { body, duplex: "half" }),
      } as RequestInit);
      return {
        ...response,
        status: response.status,
        headers: response.headers,
        bytes: new Uint8Array(await response.arrayBuffer()),
      };
    };
    let closed = 0;
    try {
      for (let round = 0; round < ROUNDS; round++) {
        // Often the same bytes, so that files are shared, and sometimes new ones.
        const layer = new Dice(SEED + dice.below(5) + (round % 3 === 0 ? round : 0)).bytes(5_000);
        const digest = digestOf(layer);
        const repository = `mallory/r${dice.below(4)}`;
        const { headers } = await send("POST", `/v2/${repository}/blobs/uploads/`);
        const location = headers.get("location")!;
        await send("PATCH", location, layer.slice(0, 3_000));
        const late = (bytes: Uint8Array<ArrayBuffer>, wait: number) =>
          new ReadableStream({
            async pull(controller) {
              await turns(wait);
              controller.enqueue(bytes);
              controller.close();
            },
          }, { highWaterMark: 0 });
        const attack = async (): Promise<number> => {
          const [kind, before, wait] = [dice.below(8), dice.below(6), dice.below(6)];
          await turns(before);
          const query = `?digest=${kind === 0 ? digestOf(EVIL) : digest}`;
          const [method, target] = kind < 2
            ? ["PUT", location + query]
            : kind === 2
            ? ["DELETE", location]
            : ["PATCH", location];
          return (await send(method!, target!, kind === 2 ? undefined : late(EVIL, wait))).status;
        };
        const [put, other, ...statuses] = await Promise.all([
          turns(dice.below(3)).then(() =>
            send("PUT", `${location}?digest=${digest}`, late(layer.slice(3_000), dice.below(3)))
          ),
          send("POST", `/v2/bob/app/blobs/uploads/?digest=${digest}`, layer),
          ...Array.from({ length: FLOOD }, attack),
        ]);
        for (const status of [put.status, ...statuses]) {
          assert([201, 202, 204, 400, 404, 409, 416].includes(status), `round ${round}: ${status}`);
        }
        assertEquals(other.status, 201);
        if (put.status === 201) closed++;
        for (const holder of ["bob/app", ...(put.status === 201 ? [repository] : [])]) {
          const blob = await send("GET", `/v2/${holder}/blobs/${digest}`);
          assertEquals(
            [blob.status, digestOf(blob.bytes)],
            [200, digest],
            `round ${round}, ${holder}`,
          );
        }
        if (put.status === 201) assertEquals((await send("GET", location)).status, 404);
      }
      assertEquals(errors, []);
      assert(closed > 0, "no upload was closed");
    } catch (error) {
      throw new Error(`with DAVIT_SEED=${SEED}: ${(error as Error).message}`, { cause: error });
    }
  });
}
