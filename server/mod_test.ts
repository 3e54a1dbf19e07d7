/** The table at the head of `mod.ts`: each of its lines as it stands there, typed and run. */
import { assert, assertEquals } from "@std/assert";
import { MemoryStore } from "../stores/memory_store.ts";
import { MemoryObjects } from "./backends/memory_objects_test.ts";
import { cors, createRegistry, diskBackend, objectBackend, serve } from "./mod.ts";
import type { Registry, RegistryOptions, ServeOptions } from "./mod.ts";

/** What the lines speak of. */
const registry = createRegistry();
const store = new MemoryStore();
const users = { me: "secret" };
const folder = await Deno.makeTempDir({ prefix: "davit_mod_" });
const objects = new MemoryObjects();

/** A registry whose answer to end-1 is one of these. */
async function answers(options: RegistryOptions | undefined, ...statuses: number[]): Promise<void> {
  const { status } = await createRegistry(options).fetch("http://registry.test/v2/");
  assert(statuses.includes(status), `${status}`);
}

/** A server: the port of the table may be taken, and its certificate is the reader's. */
async function serves(given: Registry, options: Omit<ServeOptions, "tls">): Promise<void> {
  const server = await serve(given, { ...options, port: 0 });
  const response = await fetch(new URL("/v2/", server.url), {
    headers: { origin: "http://a.test" },
  });
  assertEquals(await response.text(), "{}");
  assertEquals(response.headers.get("access-control-allow-origin"), "*");
  await server.close();
}

const LINES: Record<string, () => unknown> = {
  "createRegistry()": () => answers(undefined, 200),
  'createRegistry({ backend: diskBackend("folder") })': () =>
    answers({ backend: diskBackend(folder) }, 200),
  "createRegistry({ backend: objectBackend(store) })": () =>
    answers({ backend: objectBackend(objects) }, 200),
  "await serve(registry, { port: 5000, tls, cors: true })": () =>
    serves(registry, { port: 5000, cors: true }),
  'createRegistry({ auth: { basic: { users: { me: "secret" } } } })': () =>
    answers({ auth: { basic: { users: { me: "secret" } } } }, 401),
  'createRegistry({ auth: { bearer: { users, anonymous: ["pull"] } } })': () =>
    answers({ auth: { bearer: { users, anonymous: ["pull"] } } }, 401),
  "createRegistry({ upstream: store })": () => answers({ upstream: store }, 200),
  "createRegistry({ middleware: [cors(true)] })": () => answers({ middleware: [cors(true)] }, 200),
  "registry.requests": () =>
    assertEquals(registry.requests.map(({ path, status, bytesOut }) => [path, status, bytesOut]), [
      ["/v2/", 200, 2],
    ]),
};

Deno.test("mod.ts: every line of the table is a line that runs", async () => {
  const page = await Deno.readTextFile(new URL("mod.ts", import.meta.url));
  const lines = [...page.matchAll(/^ \* \| [^|]+ \| (.+) \|$/gm)].slice(2)
    .flatMap(([, give]) => [...give!.matchAll(/`([^`]+)`/g)].map(([, code]) => code!));
  assertEquals(lines.filter((code) => code !== "fetch"), Object.keys(LINES));
  try {
    for (const run of Object.values(LINES)) await run();
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
