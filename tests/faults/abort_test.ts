/**
 * A signal that aborts at every event of a call. The call ends with the signal's reason, soon, and
 * the other end has all of the content or none.
 */
import { assert, assertEquals, assertStrictEquals } from "@std/assert";
import { type Registry, serve } from "@davit/registry-client/server";
import {
  clientOf,
  has,
  newRegistry,
  type Operation,
  operations,
  type Scene,
  SOON_MS,
} from "./abort_operations.ts";
import { inTime, sha256, World } from "./world.ts";

/** Runs a call, aborted at its n-th event; answers how many events there were, and how it ended. */
async function abortedAt(
  scene: Scene,
  { call }: Operation,
  at: number,
): Promise<{ events: number; outcome: "done" | "aborted" }> {
  const controller = new AbortController();
  const reason = new Error(`aborted at ${at}`);
  let events = 0;
  let abortedSince = Infinity;
  const client = clientOf(scene, () => {
    if (++events !== at) return;
    abortedSince = performance.now();
    controller.abort(reason);
  });
  try {
    await inTime(call(client, controller.signal));
    return { events, outcome: "done" };
  } catch (error) {
    assertStrictEquals(error, reason);
    const took = performance.now() - abortedSince;
    assert(took < SOON_MS, `${took} ms after the abort`);
    return { events, outcome: "aborted" };
  }
}

/** Aborts at the first event, the second, and so on, until there is one event too few. */
async function abortEverywhere(operation: Operation, scene: () => Promise<Scene>): Promise<void> {
  let ended = 0;
  let aborted = 0;
  for (let at = 1; ended < 1; at++) {
    assert(at < 200, "it never comes to an end");
    const here = await scene();
    await operation.needs?.(clientOf(here));
    const { events, outcome } = await abortedAt(here, operation, at);
    if (outcome === "aborted") aborted++;
    // A call that had done its work when the signal came may say so.
    if (outcome === "done" && events < at) ended++;
    const { writes } = operation;
    if (writes === undefined) continue;
    const there = await has(here, writes);
    if (outcome === "done") assertEquals(there, true, "it said that it was done");
    else if (there) {
      const answered = here.registry.requests.filter(({ status }) => status === 201);
      assert(answered.length > 0, "the blob is there, and the registry had not taken it");
      assertEquals(await (await clientOf(here).getBlob(writes)).bytes().then(sha256), writes);
    }
  }
  assert(aborted >= 2, `aborted ${aborted} times`);
}

for (const operation of operations) {
  Deno.test(`${operation.name}: aborted at every event`, async () => {
    await abortEverywhere(operation, () => {
      const registry = newRegistry();
      // This fetch does not look at the signal.
      const fetch = (input: Request | URL | string, init?: RequestInit) => {
        const { signal: _signal, ...rest } = init ?? {};
        return registry.fetch(input, rest);
      };
      return Promise.resolve({ registry, origin: "https://registry.test", fetch });
    });
  });

  Deno.test(`${operation.name}: aborted at every event, over a socket`, async () => {
    const registries: Registry[] = [];
    // One server for all of them: each turn has a registry of its own.
    const server = await serve({ fetch: (request) => registries.at(-1)!.fetch(request) });
    try {
      await abortEverywhere(operation, () => {
        registries.push(newRegistry());
        return Promise.resolve({ registry: registries.at(-1)!, origin: server.url });
      });
    } finally {
      await server.close();
    }
  });
}

Deno.test("an aborted signal: nothing is sent", async () => {
  for (const { name, call } of operations) {
    const world = new World();
    const reason = new Error("before");
    const error = await world.caught(() => call(world.client, AbortSignal.abort(reason)));
    assertStrictEquals(error, reason, name);
    assertEquals(world.seen, [], name);
  }
});
